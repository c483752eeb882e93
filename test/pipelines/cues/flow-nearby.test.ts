/** @file Where flow is read for a vertex beside its limb: by hand, at two map sizes, and what it changes in the loss. */
import { beforeAll, describe, expect, it } from "vitest";
import { createFlowCue, FLOW_CUE_OPTIONS } from "../../../pipelines/cues/flow.ts";
import { readFlows } from "../../../pipelines/cues/flow-agreement.ts";
import { offsetsToAlike } from "../../../pipelines/cues/flow-nearby.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { completeOptions } from "../../../src/options.ts";
import { expectClose } from "../../support/matchers.ts";
import { TOY_SIZE, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(async () => {
  await startEngine();
});

/** A map of `size` whose left half moves by `flow` and whose right half stands still. */
function leftHalf(size: number, flow: readonly [number, number]): Float32Array {
  return Float32Array.from({ length: size * size * 2 }, (_, i) =>
    Math.floor(i / 2) % size < size / 2 ? flow[i % 2]! : 0,
  );
}

describe("the offset to the flow that is most alike", () => {
  const field = { data: leftHalf(16, [3, 1]), width: 16, height: 16, channels: 2 };
  const of = (point: readonly number[], wanted: readonly number[], counts = 1) =>
    offsetsToAlike(field, Float32Array.from(point), Float32Array.from(wanted), [counts], 4);

  it("is none where the point's own flow is as good", () => {
    expectClose(of([9, 8], [0, 0]), [0, 0]);
    expectClose(of([4, 8], [3, 1]), [0, 0]);
  });

  it("is the nearest ring's that is better, and whole rings away where only that is", () => {
    expectClose(of([9, 8], [3, 1]), [-2, 0], 1e-5);
    expectClose(of([11, 8], [3, 1]), [-4, 0], 1e-5);
    expectClose(of([12, 8], [3, 1]), [0, 0]);
  });

  it("is none for points that do not count, and outside of the map flow is 0", () => {
    expectClose(of([9, 8], [3, 1], 0), [0, 0]);
    expectClose(of([1, 8], [0, 0]), [-2, 0], 1e-5);
  });
});

describe("the flow cue", () => {
  const scale = TOY_SIZE / 224;

  it("does not tell a vertex beside what moves to stand still", () => {
    // The sheet moves by (2, 0) in both frames' terms; the picture does so in its left half alone.
    const first = toyPixels();
    const second = tf.add<Tensor3D>(first, [2, 0]);
    const map = (sign: number) =>
      tf.tensor4d(leftHalf(TOY_SIZE, [2 * sign, 0]), [1, TOY_SIZE, TOY_SIZE, 2]) as Tensor4D;
    const inputs = toyInputs(first, second, map(1), map(-1));
    const plain = readFlows("test", inputs).first.measure;
    const near = readFlows("test", inputs, { nearby: TOY_SIZE }).first.measure;
    const pixels = first.dataSync();
    const still = Array.from(plain.weights, (w, v) => w > 0 && plain.squared[v]! > 1 && pixels[2 * v]! > TOY_SIZE / 2);
    expect(still.filter(Boolean).length).toBeGreaterThan(3);
    still.forEach((is, v) => {
      if (is) expect(near.squared[v]!).toBeLessThan(plain.squared[v]!);
    });
    const loss = (nearby: number) =>
      createFlowCue(
        completeOptions("flow", FLOW_CUE_OPTIONS, { robust: "none", normalise: false, consistency: false, nearby }),
      )
        .loss(inputs)
        .value.dataSync()[0]!;
    expect(loss(TOY_SIZE / scale)).toBeLessThan(0.5 * loss(0));
  });
});
