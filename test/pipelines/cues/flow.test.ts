/** @file The flow cue: zero at agreement, every guard, gradients and the detach options. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Cue, CueInputs } from "../../../pipelines/cues/cue.ts";
import { createFlowCue, FLOW_CUE_OPTIONS, type FlowCueOptions } from "../../../pipelines/cues/flow.ts";
import { compareFlows, flowResidual, joinResiduals, measureFlow } from "../../../pipelines/cues/flow-agreement.ts";
import { createCue } from "../../../pipelines/cues.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { NonFiniteError } from "../../../src/errors.ts";
import { completeOptions } from "../../../src/options.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose } from "../../support/matchers.ts";
import { type Affine, affineFlow, inverse, moved, TOY_SIZE, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(async () => {
  await startEngine();
});

const SCALE = TOY_SIZE / 224;
const plain = { normalise: false, minFlow: 0, robust: "none", consistency: false } as const;
const options = (given: Partial<FlowCueOptions> = {}) => completeOptions("flow", FLOW_CUE_OPTIONS, given);

/** Slow enough for 50 px at 224 (7.1 px here) and different along x and y. */
const MOTION: Affine = { a: [1.02, -0.03, 0.01, 0.97], c: [1.7, -0.9] };
const REST: Affine = { a: [1, 0, 0, 1], c: [0, 0] };

function agreeing(k = 1): CueInputs {
  const first = toyPixels();
  return toyInputs(first, moved(first, MOTION), affineFlow(MOTION, k), affineFlow(inverse(MOTION), k));
}
const lossOf = (cue: Cue, inputs: CueInputs) => cue.loss(inputs).value.dataSync()[0]!;

describe("agreement", () => {
  it.each([1, 2, 80 / 32])("of mesh flow and observed flow gives 0, with maps %d times the crop", (k) => {
    for (const preset of ["default", "paper"]) {
      const { value, report } = createCue("flow", preset).loss(agreeing(k));
      expect(value.dataSync()[0]!).toBeLessThan(1e-9);
      expect(report.numbers).toMatchObject({ kept: 2, rejected: 0, unseen: 0, static: 0 });
      expect(report.numbers["residual"]).toBeLessThan(1e-4);
    }
  });

  it("is lost by a known amount when the mesh stands still", () => {
    const first = toyPixels();
    const shift: Affine = { a: [1, 0, 0, 1], c: [3, -4] };
    const inputs = toyInputs(first, first, affineFlow(shift), affineFlow(inverse(shift)));
    const { value, report } = createFlowCue(options({ ...plain, robust: "none" })).loss(inputs);
    expect(value.dataSync()[0]).toBeCloseTo(25, 3);
    expect(report.perPair[0]).toBeCloseTo(25, 3);
    expect(report.numbers["residual"]).toBeCloseTo(5, 4);
    expect(report.numbers["relativeResidual"]).toBeCloseTo(1, 5);
    // Normalised by the squared mean flow: 25 / 25.
    expect(lossOf(createFlowCue(options({ robust: "none", consistency: false })), inputs)).toBeCloseTo(1, 4);
  });

  it("does not depend on the crop's scale when normalised", () => {
    const value = (k: number) => {
      const base = toyPixels();
      const second = tf.add<Tensor3D>(moved(base, MOTION), [0.4, 0.3]);
      const scaled = (x: Tensor3D) => tf.sub<Tensor3D>(tf.mul(tf.add(x, 0.5), k), 0.5);
      const inputs = toyInputs(scaled(base), scaled(second), affineFlow(MOTION, k), affineFlow(inverse(MOTION), k));
      return lossOf(createFlowCue(options()), { ...inputs, cropSize: TOY_SIZE * k });
    };
    expect(value(2)).toBeCloseTo(value(1), 4);
    expect(value(1)).toBeGreaterThan(1e-3);
  });
});

describe("guards", () => {
  const first = () => toyPixels();
  const zeroWithGraph = (inputs: (pixels: Tensor3D) => CueInputs, given: Partial<FlowCueOptions> = {}) => {
    const cue = createFlowCue(options(given));
    const f = (x: Tensor) => cue.loss(inputs(x as Tensor3D)).value as tf.Scalar;
    const { value, grad } = tf.valueAndGrad(f)(first());
    expect(value.dataSync()[0]).toBe(0);
    expect(Array.from(grad.dataSync()).every((x) => x === 0)).toBe(true);
    return cue.loss(inputs(first())).report;
  };

  it("no visible vertex: outside the crop", () => {
    const report = zeroWithGraph((x) => {
      const away = tf.add<Tensor3D>(x, [100, 0]);
      return toyInputs(away, away, affineFlow(MOTION), affineFlow(inverse(MOTION)));
    });
    expect(report.numbers).toMatchObject({ kept: 0, unseen: 2 });
    expect(report.perPair[0]).toBeNaN();
    expect(report.numbers["residual"]).toBeNaN();
  });

  it("all pairs rejected: flow above 50 px at 224", () => {
    const cut: Affine = { a: [1, 0, 0, 1], c: [50.5 * SCALE, 0] };
    const report = zeroWithGraph((x) => toyInputs(x, x, affineFlow(cut), affineFlow(inverse(cut))));
    expect(report.numbers).toMatchObject({ kept: 0, rejected: 2 });
    const below: Affine = { a: [1, 0, 0, 1], c: [49.5 * SCALE, 0] };
    const inputs = toyInputs(first(), first(), affineFlow(below), affineFlow(inverse(below)));
    expect(createFlowCue(options()).loss(inputs).report.numbers).toMatchObject({ kept: 2 });
  });

  it("static pair: divided by the floor, or left out where there is no floor", () => {
    const second = tf.add<Tensor3D>(first(), [0.1, 0]);
    const inputs = toyInputs(first(), second, affineFlow(REST), affineFlow(REST));
    const floored = createFlowCue(options({ robust: "none" })).loss(inputs);
    expect(floored.value.dataSync()[0]).toBeCloseTo(0.01 / (0.5 * SCALE) ** 2, 3);
    const report = zeroWithGraph((x) => toyInputs(x, second, affineFlow(REST), affineFlow(REST)), { minFlow: 0 });
    expect(report.numbers).toMatchObject({ kept: 0, static: 2 });
  });

  it("one bad pair does not touch the others", () => {
    const cut: Affine = { a: [1, 0, 0, 1], c: [20, 0] };
    const twice = tf.concat([first(), first()], 0) as Tensor3D;
    const still = tf.add<Tensor3D>(twice, [0.5, 0.25]);
    const maps = (m: Affine) =>
      tf.concat([affineFlow(m), affineFlow(m === MOTION ? cut : inverse(cut))], 0) as Tensor4D;
    const both = createFlowCue(options()).loss(toyInputs(twice, still, maps(MOTION), maps(inverse(MOTION))));
    const alone = createFlowCue(options()).loss(
      toyInputs(first(), tf.add(first(), [0.5, 0.25]), affineFlow(MOTION), affineFlow(inverse(MOTION))),
    );
    expect(both.report.numbers).toMatchObject({ kept: 2, rejected: 2 });
    expectClose(both.value, alone.value.dataSync(), 1e-6);
  });

  it("non-finite flow or prediction names cue, video and frames", () => {
    const broken = tf.mul<Tensor4D>(affineFlow(MOTION), Number.NaN);
    const inputs = toyInputs(first(), first(), broken, affineFlow(REST));
    const cue = createFlowCue(options());
    expect(() => cue.loss(inputs)).toThrow(NonFiniteError);
    expect(() => cue.loss(inputs)).toThrow(/cue flow: the observed flow is not finite .* toy.mp4 track 1 frames 0-1/);
    const infinite = tf.div<Tensor3D>(first(), 0);
    const bad = toyInputs(infinite, first(), affineFlow(REST), affineFlow(REST));
    expect(() => cue.loss(bad)).toThrow(/cue flow: the predicted mesh is not finite/);
  });

  it("missing flow is said", () => {
    const { flow: _, ...without } = agreeing();
    expect(() => createFlowCue(options()).loss(without)).toThrow(/cue flow: needs flow/);
  });

  it("vertices whose flow does not return are left out on request", () => {
    const inputs = toyInputs(first(), first(), affineFlow({ a: [1, 0, 0, 1], c: [3, 0] }), affineFlow(REST));
    expect(createFlowCue(options()).loss(inputs).report.numbers).toMatchObject({ unseen: 2, kept: 0 });
    expect(createFlowCue(options({ consistency: false })).loss(inputs).report.numbers).toMatchObject({ unseen: 0 });
  });

  it("vertices beyond the frame's edge, where the crop is black, are left out in either frame", () => {
    const everywhere = Float32Array.of(-0.5, -0.5, TOY_SIZE - 0.5, TOY_SIZE - 0.5);
    // Columns of vertices at x = 5.2, 9.5, 13.8, 18.1, 22.4 and the same rows from y = 6.1 on.
    const seen = (picture: Float32Array) =>
      [
        { first: picture, second: everywhere },
        { first: everywhere, second: picture },
      ].map((both) => measureFlow("test", { ...agreeing(), picture: both }).first.pairs[0]!.seen);
    expect(seen(everywhere)).toEqual([25, 25]);
    expect(seen(Float32Array.of(7, -0.5, 31.5, 31.5))[0]).toBe(20);
    expect(seen(Float32Array.of(-0.5, -0.5, 31.5, 12))[0]).toBe(10);
    expect(seen(Float32Array.of(40, -0.5, 41, 31.5))).toEqual([0, 0]);
  });

  it("erosion leaves the inner vertices", () => {
    const seen = (erode: number) => measureFlow("test", agreeing(), { erode }).first.pairs[0]!.seen;
    expect(seen(0)).toBe(25);
    expect(seen(2)).toBe(9);
  });
});

describe("gradients of the whole cue", () => {
  const second = () => tf.add<Tensor3D>(moved(toyPixels(), MOTION), [0.31, -0.22]);
  // A rough map, so that reading at another place matters; constant while the pixels are perturbed.
  const wavy = () => tf.add<Tensor4D>(affineFlow(MOTION), tf.mul(tf.sin(tf.mul(affineFlow(MOTION), 9)), 0.6));
  const f = (given: Partial<FlowCueOptions>) => {
    const cue = createFlowCue(options({ ...plain, robust: "charbonnier", rejectAbove: 0, ...given }));
    const [forward, backward] = [wavy(), affineFlow(inverse(MOTION))];
    return (a: Tensor, b: Tensor) =>
      cue.loss(toyInputs(a as Tensor3D, b as Tensor3D, forward, backward)).value as tf.Scalar;
  };

  it("equal central differences", () => {
    expectGradients(f({}), [toyPixels(), second()], { step: 4e-2, tolerance: 1e-2 });
  });

  it("stop where detach says", () => {
    const grads = (given: Partial<FlowCueOptions>) =>
      tf
        .grads(f(given))([toyPixels(), second()])
        .map((g) => Array.from(g.dataSync()));
    const [through, sampling, source] = [grads({}), grads({ detach: "sampling" }), grads({ detach: "source" })];
    expect(through[0]).not.toEqual(sampling[0]);
    // Without the position, both frames pull equally and oppositely.
    expectClose(
      sampling[0]!.map((x) => -x),
      sampling[1],
      1e-6,
    );
    // Detached sources: the first frame learns from the backward term alone, the second from the forward one.
    const sum = source[0]!.map((x, i) => x - source[1]![i]!);
    expectClose(sum, sampling[0], 1e-6);
  });
});

describe("flow residual", () => {
  it("averages pairs and directions, and joins batches by their number of pairs", () => {
    const one = compareFlows(new Float32Array([3, 4, 0, 0]), new Float32Array([0, 0, 0, 2]), Uint8Array.of(1, 1), 1);
    const none = compareFlows(new Float32Array(4), new Float32Array(4), Uint8Array.of(0, 0), 1);
    const residual = flowResidual({ first: one, second: none });
    expect(residual).toMatchObject({ pixels: 3.5, relative: 3.5, meanFlow: 1, count: 1 });
    const still = flowResidual({ first: none, second: none });
    expect(still.pixels).toBeNaN();
    const both = flowResidual({ first: one, second: one });
    expect(joinResiduals([residual, still, both])).toMatchObject({ pixels: 3.5, count: 3 });
    expect(joinResiduals([]).pixels).toBeNaN();
  });
});
