/** @file A batch of labelled crops on the engine: what the regressor predicts for it and what it should. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { BodyPrediction } from "../../smpl/head.ts";
import type { PredictOptions, Regressor } from "../../smpl/regressor.ts";
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { convertCameras, projectWeak } from "../../src/geometry/camera.ts";
import type { LabelledCrop } from "./crop.ts";
import { ROOT_JOINTS } from "./joint-sets.ts";
import type { LabelledPrediction, LabelledTargets } from "./supervised.ts";

/** Prediction and targets of one batch, as the supervised loss takes them. */
export interface LabelledPair {
  readonly predicted: LabelledPrediction;
  readonly targets: LabelledTargets;
  /** Maps of the backbone that can be taught to be joints, where it has such. */
  readonly maps?: Tensor4D;
}

/**
 * Runs the regressor and the body's joints on crops of the regressor's size; differentiable, to be called inside the
 * gradient function (its tensors are freed by the caller's tidy). `predicted` is what the regressor said, where it was asked
 * already.
 */
export function predictLabelled(
  { regressor, body }: { readonly regressor: Regressor; readonly body: BodyModel },
  crops: readonly LabelledCrop[],
  { predicted: known, ...options }: PredictOptions & { readonly predicted?: BodyPrediction | undefined } = {},
): LabelledPair {
  const { cropSize, camera: convention } = regressor.spec;
  const { rotations, betas, camera, maps } = known ?? regressor.predict(cropTensor(crops, cropSize), options);
  const joints3d = body.forward({ rotations, betas }).joints as Tensor3D;
  const { pixels } = projectWeak(joints3d, camera, cropSize, convention);
  const joints2d = tf.sub<Tensor3D>(tf.mul(tf.add(pixels, 0.5), 2 / cropSize), 1);
  const predicted = { rotations, betas, camera: convertCameras(camera, convention, "sX+t"), joints3d, joints2d };
  return { predicted, targets: labelledTargets(crops, betas.shape[1]), ...(maps ? { maps } : {}) };
}

/** The crops as [B,S,S,3] in 0..1. */
export function cropTensor(crops: readonly LabelledCrop[], size: number): tf.Tensor4D {
  const length = size * size * 3;
  const values = new Float32Array(crops.length * length);
  crops.forEach(({ image }, b) => {
    for (let i = 0, o = b * length; i < length; i++, o++) values[o] = image[i]! / 255;
  });
  return tf.tensor4d(values, [crops.length, size, size, 3]);
}

/** The labels of a batch; what a crop does not have is zeros with weight 0. `betaCount` betas are compared. */
export function labelledTargets(crops: readonly LabelledCrop[], betaCount: number): LabelledTargets {
  const count = crops.length;
  const known = (has: (crop: LabelledCrop) => unknown) => tf.tensor1d(crops.map((crop) => (has(crop) ? 1 : 0)));
  const gather = (length: number, of: (crop: LabelledCrop) => Float32Array | undefined): Float32Array => {
    const values = new Float32Array(count * length);
    crops.forEach((crop, b) => {
      const own = of(crop);
      if (own) values.set(own.subarray(0, length), b * length);
    });
    return values;
  };
  return {
    rotations: {
      values: tf.tensor4d(
        gather(216, (crop) => crop.rotations),
        [count, 24, 3, 3],
      ),
      known: known((crop) => crop.rotations),
    },
    betas: {
      values: tf.tensor2d(
        gather(betaCount, (crop) => crop.betas),
        [count, betaCount],
      ) as Tensor2D,
      known: known((crop) => crop.betas),
    },
    joints3d: tf.tensor3d(
      gather(96, (crop) => crop.joints3d),
      [count, 24, 4],
    ),
    joints2d: tf.tensor3d(
      gather(72, (crop) => crop.joints2d),
      [count, 24, 3],
    ),
    rootJoints: ROOT_JOINTS,
  };
}
