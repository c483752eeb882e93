/** @file Soft weights of the flow cue: values by hand, what they change in the loss, and the gradient with all of them on. */
import { beforeAll, describe, expect, it } from "vitest";
import { createFlowCue, FLOW_CUE_OPTIONS, type FlowCueOptions } from "../../../pipelines/cues/flow.ts";
import { compareFlows, readFlows } from "../../../pipelines/cues/flow-agreement.ts";
import { certainWeights, interiorWeights } from "../../../pipelines/cues/flow-weights.ts";
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

describe("weights", () => {
  it("of certainty: 1 where flow returns, half where it misses by the unit, in crop pixels at any map size", () => {
    for (const k of [1, 2]) {
      const size = 8 * k;
      // Flow (1, 0) crop px; the flow back is (-1, 0) on the left half, (-1, 2) on the right.
      const back = Float32Array.from({ length: size * size * 2 }, (_, i) => {
        const x = Math.floor(i / 2) % size;
        return i % 2 === 0 ? -k : x >= size / 2 ? 2 * k : 0;
      });
      const at = {
        points: Float32Array.of(1, 3, 6, 3),
        observed: Float32Array.of(1, 0, 1, 0),
        back,
        size,
        cropSize: 8,
      };
      expectClose(certainWeights(Uint8Array.of(1, 1), at, 2), [1, 0.5]);
      expectClose(certainWeights(Float32Array.of(0.5, 0), at, 1), [0.5, 0]);
    }
  });

  it("of the interior: in proportion up to the width", () => {
    expectClose(interiorWeights(Uint8Array.of(1, 1, 1, 0), Float32Array.of(0, 2, 9, 9), 4), [0, 0.5, 1, 0]);
  });

  it("make means and counts weighted ones", () => {
    const zero = new Float32Array(6);
    const observed = Float32Array.of(3, 4, 0, 1, 9, 9);
    const [pair] = compareFlows(zero, observed, Float32Array.of(0.25, 0.75, 0), 1).pairs;
    expect(pair).toEqual({ seen: 1, meanFlow: 0.25 * 5 + 0.75, maxFlow: 5, residual: 0.25 * 5 + 0.75 });
  });
});

/** The toy sheet standing still in a picture that moves, by a flow that is wrong beside the sheet's middle column. */
function stillSheet(): { first: Tensor3D; forward: Tensor4D; backward: Tensor4D } {
  return { first: toyPixels(), forward: affineFlow(MOTION), backward: affineFlow(inverse(MOTION)) };
}

describe("the loss", () => {
  it("with equal errors everywhere does not depend on weights, with unequal ones it does", () => {
    const shift: Affine = { a: [1, 0, 0, 1], c: [2, 1] };
    const first = toyPixels();
    const even = toyInputs(first, first, affineFlow(shift), affineFlow(inverse(shift)));
    const { forward, backward } = stillSheet();
    const uneven = toyInputs(first, first, forward, backward);
    const of = (inputs: typeof even, given: Partial<FlowCueOptions>) =>
      createFlowCue(options({ robust: "none", normalise: false, ...given }))
        .loss(inputs)
        .value.dataSync()[0]!;
    const interior = { interior: 6 / SCALE };
    expect(of(even, interior)).toBeCloseTo(5, 4);
    expect(of(uneven, interior)).not.toBeCloseTo(of(uneven, {}), 3);
    expect(of(uneven, { robust: "gmof", robustSize: 1 / SCALE })).toBeLessThan(1);
  });

  it.each(["charbonnier", "gmof"] as const)("has the gradient of central differences, %s", (robust) => {
    const { first, forward, backward } = stillSheet();
    const second = tf.add<Tensor3D>(moved(first, MOTION), [0.31, -0.22]);
    // Uncertainty alone here: distances to the silhouette are rounded to pixels, so that differences would see steps.
    const cue = createFlowCue(options({ robust, robustSize: 9, uncertainty: 0, normalise: false, consistency: false }));
    const f = (a: Tensor, b: Tensor) =>
      cue.loss(toyInputs(a as Tensor3D, b as Tensor3D, forward, backward)).value as tf.Scalar;
    expectGradients(f, [first, second], { step: 0.02, tolerance: 5e-3 });
  });

  it("is the weighted mean, and its gradient takes the weights as constants", () => {
    const { first, forward, backward } = stillSheet();
    const second = tf.add<Tensor3D>(moved(first, MOTION), [0.31, -0.22]);
    const given = { interior: 6, uncertainty: 0.2, consistency: false };
    const cue = createFlowCue(
      options({
        robust: "none",
        normalise: false,
        detach: "sampling",
        ...given,
        interior: 6 / SCALE,
        uncertainty: 0.2 / SCALE,
      }),
    );
    const read = readFlows("test", toyInputs(first, second, forward, backward), given);
    const sides = [
      { ...read.first, sign: 1 },
      { ...read.second, sign: -1 },
    ].map(({ measure: { weights, squared, pairs }, observed, sign }) => ({ weights, squared, pairs, observed, sign }));
    expect(sides[0]!.weights[0]).toBeLessThan(0.5);
    expect(sides[0]!.weights[12]).toBeGreaterThan(0.5);
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
    const f = (b: Tensor) => cue.loss(toyInputs(first, b as Tensor3D, forward, backward)).value as tf.Scalar;
    const found = tf.valueAndGrad(f)(second);
    expectClose(found.value, [(value[0]! + value[1]!) / 2], 1e-6, 1e-4);
    expectClose(found.grad, expected, 1e-6, 1e-3);
  });
});
