/** @file The flow cue on a sheet of vertices: its penalties, and its gradient with and without the place where flow is read. */
import { beforeAll, describe, expect, it } from "vitest";
import { createFlowCue, FLOW_CUE_OPTIONS, type FlowCueOptions } from "../../../pipelines/cues/flow.ts";
import { readFlows } from "../../../pipelines/cues/flow-agreement.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { completeOptions } from "../../../src/options.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose } from "../../support/matchers.ts";
import { type Affine, affineFlow, inverse, moved, TOY_SIZE, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(async () => {
  await startEngine();
});

const SCALE = TOY_SIZE / 224;
const options = (given: Partial<FlowCueOptions> = {}) => completeOptions("flow", FLOW_CUE_OPTIONS, given);
const MOTION: Affine = { a: [1.02, -0.03, 0.01, 0.97], c: [1.7, -0.9] };

/** The toy sheet standing still in a picture that moves, by a flow that is wrong beside the sheet's middle column. */
function stillSheet(): { first: Tensor3D; forward: Tensor4D; backward: Tensor4D } {
  return { first: toyPixels(), forward: affineFlow(MOTION), backward: affineFlow(inverse(MOTION)) };
}

describe("the loss", () => {
  it("is the squared distance, or as large as the penalty allows", () => {
    const shift: Affine = { a: [1, 0, 0, 1], c: [2, 1] };
    const first = toyPixels();
    const inputs = toyInputs(first, first, affineFlow(shift), affineFlow(inverse(shift)));
    const of = (given: Partial<FlowCueOptions>) =>
      createFlowCue(options({ robust: "none", normalise: false, ...given }))
        .loss(inputs)
        .value.dataSync()[0]!;
    expect(of({})).toBeCloseTo(5, 4);
    // gmof: e^2 d^2 / (e^2 + d^2) with e = 1, d^2 = 5.
    expect(of({ robust: "gmof", robustSize: 1 / SCALE })).toBeCloseTo(5 / 6, 4);
    // charbonnier: e sqrt(d^2 + e^2) - e^2.
    expect(of({ robust: "charbonnier", robustSize: 1 / SCALE })).toBeCloseTo(Math.sqrt(6) - 1, 4);
  });

  it.each(["charbonnier", "gmof"] as const)("has the gradient of central differences, %s", (robust) => {
    const { first, forward, backward } = stillSheet();
    const second = tf.add<Tensor3D>(moved(first, MOTION), [0.31, -0.22]);
    const cue = createFlowCue(options({ robust, robustSize: 9, normalise: false, consistency: false }));
    const f = (a: Tensor, b: Tensor) =>
      cue.loss(toyInputs(a as Tensor3D, b as Tensor3D, forward, backward)).value as tf.Scalar;
    expectGradients(f, [first, second], { step: 0.02, tolerance: 5e-3 });
  });

  it("takes the observed flow as constant where detach is sampling", () => {
    const { first, forward, backward } = stillSheet();
    const second = tf.add<Tensor3D>(moved(first, MOTION), [0.31, -0.22]);
    const plain = { robust: "none", normalise: false, consistency: false } as const;
    const gradient = (detach: FlowCueOptions["detach"]) => {
      const cue = createFlowCue(options({ ...plain, detach }));
      const f = (b: Tensor) => cue.loss(toyInputs(first, b as Tensor3D, forward, backward)).value as tf.Scalar;
      return tf.valueAndGrad(f)(second);
    };
    const read = readFlows("test", toyInputs(first, second, forward, backward));
    const sides = [
      { ...read.first, sign: 1 },
      { ...read.second, sign: -1 },
    ].map(({ measure: { weights, squared, pairs }, observed, sign }) => ({ weights, squared, pairs, observed, sign }));
    const mesh = tf.sub(second, first).dataSync();
    const value = sides.map(({ weights, squared, pairs }) => {
      return squared.reduce((sum, d2, v) => sum + weights[v]! * d2, 0) / pairs[0]!.seen;
    });
    const expected = Array.from({ length: 50 }, (_, i) =>
      sides.reduce((sum, { weights, pairs, observed, sign }) => {
        const share = weights[i >> 1]! / pairs[0]!.seen;
        return sum + sign * share * (sign * mesh[i]! - observed.values[i]!);
      }, 0),
    );
    const found = gradient("sampling");
    expectClose(found.value, [(value[0]! + value[1]!) / 2], 1e-6, 1e-4);
    expectClose(found.grad, expected, 1e-6, 1e-3);
    const [all, without] = [gradient("none").grad.dataSync(), found.grad.dataSync()];
    expect(Math.max(...all.map((x, i) => Math.abs(x - without[i]!)))).toBeGreaterThan(1e-4);
  });
});
