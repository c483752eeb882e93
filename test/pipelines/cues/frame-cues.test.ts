/** @file The cues that look at frames rather than pairs: keypoints and acceleration. Values by hand, gradients, errors. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CueInputs, FrameSet } from "../../../pipelines/cues/cue.ts";
import { createCue } from "../../../pipelines/cues.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { createRandom } from "../../../src/random.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { toyFrames, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(async () => {
  await startEngine();
});

const SIZE = 32;
function withFrames(count: number, given: Partial<FrameSet>, points?: Tensor3D, joints?: Tensor3D): CueInputs {
  const pixels = toyPixels();
  const base = toyFrames(tf.tile(pixels, [count, 1, 1]) as Tensor3D);
  const predicted = { ...base, ...(points ? { points } : {}), ...(joints ? { joints } : {}) };
  const names = Array.from({ length: count }, (_, i) => ({ video: "toy.mp4", track: "3", frame: 10 + i }));
  const flow = tf.zeros([1, SIZE, SIZE, 2]) as never;
  return {
    ...toyInputs(pixels, pixels, flow, flow),
    frames: { names, predicted, pairs: [[0, 1]], triples: [], ...given },
  };
}

describe("keypoints", () => {
  const cue = (given: Record<string, unknown> = {}) => createCue("keypoints", "default", given as never);
  const loss = (points: number[][][], keypoints: number[], given: Record<string, unknown> = {}) =>
    cue(given).loss(withFrames(points.length, { keypoints: Float32Array.from(keypoints) }, tf.tensor3d(points)));

  it("is the confidence-weighted mean of squared distances in half crop sides; unsure ones and others' numbers do not count", () => {
    const points = [[[10, 10], [4, 8]], [[0, 0], [20, 5]]]; // biome-ignore format: two frames
    const keypoints = [13, 14, 1, 4, 16, 0.5, 1e6, -3, 0.1, Number.NaN, 7, 0];
    const { value, report } = loss(points, keypoints, { robust: "none" });
    // Distances 5 (weight 1) and 8 (weight 0.5); a half side is 16 px.
    expect(value.dataSync()[0]).toBeCloseTo((25 + 0.5 * 64) / 1.5 / 256, 6);
    expect(report.numbers).toEqual({ keypoints: 2, distance: expect.closeTo((5 + 4) / 1.5, 6) });
    // GMoF with 56 px at 224 = 8 px here = half a side: d^2 s^2 / (d^2 + s^2).
    const size = 0.25;
    const gmof = (d2: number) => (d2 * size) / (d2 + size);
    const robust = loss(points, keypoints, { robustSize: 56 }).value.dataSync()[0];
    expect(robust).toBeCloseTo((gmof(25 / 256) + 0.5 * gmof(64 / 256)) / 1.5, 6);
  });

  it("is 0, with gradient 0, where nothing is known", () => {
    const f = (points: Tensor) =>
      cue().loss(withFrames(2, { keypoints: new Float32Array(12) }, points as Tensor3D)).value as tf.Scalar;
    const { value, grad } = tf.valueAndGrad(f)(tf.ones([2, 2, 2]));
    expect(value.dataSync()[0]).toBe(0);
    expect([...grad.dataSync()]).toEqual(new Array(8).fill(0));
  });

  it.each(["none", "charbonnier", "gmof"])("has the gradient of central differences, %s", (robust) => {
    const random = createRandom(3, "keypoints");
    const keypoints = Float32Array.from({ length: 2 * 3 * 3 }, (_, i) =>
      i % 3 === 2 ? random.next() : random.uniform(0, 32),
    );
    const f = (points: Tensor) =>
      cue({ robust }).loss(withFrames(2, { keypoints }, points as Tensor3D)).value as tf.Scalar;
    const points = tf.tensor3d(
      Array.from({ length: 12 }, () => random.uniform(0, 32)),
      [2, 3, 2],
    );
    expectGradients(f, [points], { step: 0.5, tolerance: 5e-3 });
  });

  it("says what is missing, does not fit or is not finite", () => {
    const points = tf.zeros([1, 2, 2]) as Tensor3D;
    expect(() => cue().loss(withFrames(1, {}, points))).toThrow("needs keypoints");
    const { frames: _frames, ...none } = withFrames(1, {});
    expect(() => cue().loss(none)).toThrow("cue keypoints: needs frames");
    expect(() => cue().loss(withFrames(1, { keypoints: new Float32Array(3) }, points))).toThrow("[1,2,3]");
    const broken = tf.tensor3d([[[1, 1], [Number.NaN, 2]]]); // biome-ignore format: one frame
    expect(() => cue().loss(withFrames(1, { keypoints: new Float32Array(6) }, broken))).toThrow(
      "toy.mp4 track 3 frame 10",
    );
  });
});

describe("acceleration", () => {
  const cue = (given: Record<string, unknown> = {}) => createCue("acceleration", "default", given as never);
  const joints = (...x: number[]) => tf.tensor3d(x.map((at) => [[at, 0, 0], [0, 2 * at, 0]])); // biome-ignore format: frames

  it("is the mean squared second difference in metres, over triples and joints", () => {
    // Places 0, 1, 3: x = 0, 0.1, 0.5 gives 0.3 for the first joint and 0.6 for the second; places 1, 2, 4 are even.
    const all = joints(0, 0.1, 0.3, 0.5, 0.5);
    const frames = withFrames(5, { triples: [[0, 1, 3], [1, 2, 4]] }, undefined, all); // biome-ignore format: two
    const { value, report } = cue().loss(frames);
    expect(value.dataSync()[0]).toBeCloseTo((0.09 + 0.36) / 4, 6);
    expect(report.numbers).toEqual({ triples: 2, acceleration: expect.closeTo(900 / 4, 3) });
    const robust = cue({ robust: "gmof", robustSize: 0.3 }).loss(frames).value.dataSync()[0];
    expect(robust).toBeCloseTo((0.045 + (0.36 * 0.09) / 0.45) / 4, 6);
  });

  it("is 0, with gradient 0, for even motion and without triples", () => {
    for (const triples of [[], [[0, 1, 2]]] as (readonly [number, number, number])[][]) {
      const f = (x: Tensor) => cue().loss(withFrames(3, { triples }, undefined, x as Tensor3D)).value as tf.Scalar;
      const { value, grad } = tf.valueAndGrad(f)(joints(1, 2, 3));
      expect(value.dataSync()[0]).toBe(0);
      expect(grad.dataSync().every((g) => g === 0)).toBe(true);
    }
  });

  it("has the gradient of central differences, where a frame is in several triples", () => {
    const random = createRandom(2, "joints");
    const all = tf.tensor3d(
      Array.from({ length: 5 * 4 * 3 }, () => random.normal()),
      [5, 4, 3],
    );
    const triples = [[0, 1, 2], [1, 2, 3], [2, 3, 4]] as const; // biome-ignore format: three
    for (const robust of ["none", "charbonnier"]) {
      const f = (x: Tensor) =>
        cue({ robust, robustSize: 1 }).loss(withFrames(5, { triples }, undefined, x as Tensor3D)).value as tf.Scalar;
      expectGradients(f, [all], { step: 0.05, tolerance: 5e-3 });
    }
  });

  it("names the frame whose joints are not finite", () => {
    const frames = withFrames(3, { triples: [[0, 1, 2]] }, undefined, joints(0, Number.NaN, 1));
    expect(() => cue().loss(frames)).toThrow("toy.mp4 track 3 frame 11");
  });
});
