import { beforeAll, describe, expect, test } from "vitest";
import { assignSides } from "../../../pipelines/cues/keypoint-sides.ts";
import { createCue } from "../../../pipelines/cues.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { toyFrames, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(() => startEngine());

/** Two sided joints and one of the middle line: [left, middle, right]. */
const MIRROR = [2, 1, 0];

describe("sides", () => {
  test("stay where they fit, are exchanged where the other fits better, and the middle line never moves", () => {
    const points = [4, 10, 9, 3, 20, 12, 4, 10, 9, 3, 20, 12];
    const straight = [5, 11, 1, 0, 0, 0.5, 19, 12, 0.25];
    const crossed = [19, 12, 0.25, 0, 0, 0.5, 5, 11, 1];
    const found = assignSides(points, Float32Array.from([...straight, ...crossed]), MIRROR);
    expect([...found.keypoints]).toEqual([...straight, ...straight]);
    expect([found.swapped, found.unclear]).toEqual([1, 0]);
  });

  test("that fit alike either way give nothing but the middle line", () => {
    // A profile: both knees at nearly the same place. Distances 1 and 1.05.
    const points = [10, 10, 12, 3, 10, 10.05];
    const profile = [10, 11, 1, 12, 4, 0.5, 10, 11.05, 1];
    const found = assignSides(points, Float32Array.from(profile), MIRROR);
    expect([...found.keypoints]).toEqual([10, 11, 0, 12, 4, 0.5, 10, Math.fround(11.05), 0]);
    expect([found.swapped, found.unclear]).toEqual([0, 1]);
  });

  test("are not asked for where no sided joint is known", () => {
    const nothing = Float32Array.from([1, 2, 0, 3, 4, 0.5, 5, 6, 0]);
    const found = assignSides([0, 0, 0, 0, 0, 0], nothing, MIRROR);
    expect([...found.keypoints]).toEqual([...nothing]);
    expect([found.swapped, found.unclear]).toEqual([0, 0]);
  });
});

describe("the cue with keypoints whose sides are the picture's", () => {
  const inputs = (points: Tensor3D, keypoints: number[]) => {
    const pixels = toyPixels();
    const flow = tf.zeros([1, 32, 32, 2]) as never;
    const predicted = { ...toyFrames(pixels), points };
    const frame = { names: [{ video: "toy.mp4", track: "3", frame: 10 }], predicted, pairs: [], triples: [] };
    return {
      ...toyInputs(pixels, pixels, flow, flow),
      frames: { ...frame, keypoints: Float32Array.from(keypoints), keypointMirror: MIRROR },
    };
  };
  const cue = createCue("keypoints", "default", { robust: "none" } as never);

  test("compares each joint with the nearer side, chosen anew in every step, without gradient of the choice", () => {
    const crossed = [19, 12, 1, 0, 0, 0, 5, 11, 1];
    const { value, report } = cue.loss(inputs(tf.tensor3d([[[4, 10], [9, 3], [20, 12]]]), crossed)); // biome-ignore format: one frame
    // Distances^2 2 and 1, half a side is 16 px.
    expect(value.dataSync()[0]).toBeCloseTo((2 + 1) / 2 / 256, 6);
    expect(report.numbers).toEqual({
      keypoints: 2,
      distance: expect.closeTo((Math.SQRT2 + 1) / 2, 6),
      swapped: 1,
      unclear: 0,
    });
    const f = (points: Tensor) => cue.loss(inputs(points as Tensor3D, crossed)).value as tf.Scalar;
    const gradient = tf.grad(f)(tf.tensor3d([[[4, 10], [9, 3], [20, 12]]])); // biome-ignore format: one frame
    // d/dp of |p - k|^2 / 2 / 256.
    const expected = [-1, -1, 0, 0, 1, 0].map((x) => x / 256);
    gradient.dataSync().forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i]!, 6);
    });
    // The body has turned round: now they fit as they are.
    const turned = cue.loss(inputs(tf.tensor3d([[[20, 12], [9, 3], [4, 10]]]), crossed)); // biome-ignore format: one frame
    expect(turned.report.numbers).toMatchObject({ swapped: 0, unclear: 0 });
    expect(turned.value.dataSync()[0]).toBeCloseTo((2 + 1) / 2 / 256, 6);
  });
});
