/** @file The two anchors: values by hand, needs, and where their gradient goes. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CueInputs, FrameParameters } from "../../../pipelines/cues/cue.ts";
import { createCue } from "../../../pipelines/cues.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { toyFrames, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(async () => {
  await startEngine();
});

function inputs(): CueInputs {
  const pixels = toyPixels();
  return toyInputs(pixels, pixels, tf.zeros([1, 32, 32, 2]), tf.zeros([1, 32, 32, 2]));
}

describe("teacher anchor", () => {
  const teacher = (changed: Partial<FrameParameters> = {}) => {
    const frames = toyFrames(toyPixels());
    return { first: { ...frames, ...changed }, second: frames };
  };

  it("is 0 at the teacher's predictions", () => {
    const { value, report } = createCue("teacher").loss({ ...inputs(), teacher: teacher() });
    expect(value.dataSync()[0]).toBe(0);
    expect(report.numbers).toEqual({ pose: 0, shape: 0, joints3d: 0, camera: 0 });
  });

  it("weighs each kind of difference and ignores a shift of all joints", () => {
    const of = (changed: Partial<FrameParameters>) =>
      createCue("teacher")
        .loss({ ...inputs(), teacher: teacher(changed) })
        .value.dataSync()[0]!;
    // 60 * weight * squared difference, halved because the second frame agrees.
    expect(of({ betas: tf.fill([1, 10], 0.2) as Tensor2D })).toBeCloseTo(30 * 0.1 * 0.04, 5);
    expect(of({ camera: tf.fill([1, 3], 0.1) as Tensor2D })).toBeCloseTo(30 * 5 * 0.01, 5);
    expect(of({ rotations: tf.fill([1, 24, 3, 3], 0.1) })).toBeCloseTo(30 * 0.01, 5);
    expect(of({ joints: tf.fill([1, 24, 3], 0.3) as Tensor3D })).toBeCloseTo(0, 6);
    const oneJoint = tf.pad(tf.fill([1, 23, 3], 0.1), [
      [0, 0],
      [1, 0],
      [0, 0],
    ]) as Tensor3D;
    expect(of({ joints: oneJoint })).toBeCloseTo(30 * 5 * 0.01 * (23 / 24), 5);
  });

  it("pulls the prediction only", () => {
    const f = (betas: Tensor) => {
      const base = inputs();
      const first = { ...base.predicted.first, betas: betas as Tensor2D };
      return createCue("teacher").loss({ ...base, predicted: { ...base.predicted, first }, teacher: teacher() })
        .value as tf.Scalar;
    };
    const gradient = tf
      .grad(f)(tf.ones([1, 10]))
      .dataSync();
    expect(gradient[0]).toBeCloseTo(60 * 0.1 * 0.5 * 2 * 0.1, 5);
  });

  it("says when it has no teacher", () => {
    expect(() => createCue("teacher").loss(inputs())).toThrow(/cue teacher: needs teacher/);
  });
});

describe("labelled anchor", () => {
  it("is sixty times the weighted supervised loss", () => {
    const predicted = {
      rotations: tf.zeros([2, 24, 3, 3]),
      betas: tf.ones([2, 10]) as Tensor2D,
      camera: tf.ones([2, 3]) as Tensor2D,
      joints3d: tf.zeros([2, 24, 3]) as Tensor3D,
      joints2d: tf.zeros([2, 24, 2]) as Tensor3D,
    };
    const betas = { values: tf.fill([2, 10], 3), known: tf.ones([2]) };
    const labelled = { predicted, targets: { betas, rootJoints: [0] } };
    const { value, report } = createCue("labelled", "paper").loss({ ...inputs(), labelled });
    expect(value.dataSync()[0]).toBeCloseTo(60 * (1 + 0.001 * 4), 4);
    const usual = createCue("labelled").loss({ ...inputs(), labelled });
    expect(usual.value.dataSync()[0]).toBeCloseTo(60 * (0.01 + 0.02 * 4), 4);
    expect(report.numbers).toMatchObject({ pose: 0, shape: 4, shapePrior: 1 });
    expect(report.perPair.length).toBe(0);
  });

  it("says when it has no labels", () => {
    expect(() => createCue("labelled").loss(inputs())).toThrow(/cue labelled: needs labelled/);
  });
});
