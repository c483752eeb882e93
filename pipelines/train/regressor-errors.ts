/** @file How far a regressor's joints are from the truth on labelled pictures. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { tf } from "../../src/engine/tf.ts";
import { mean, mpjpe, paMpjpe } from "../evaluate/metrics.ts";
import { predictLabelled } from "../labelled/batch.ts";
import { ROOT_JOINTS } from "../labelled/joint-sets.ts";
import type { TrainingSet } from "./training-set.ts";

/** Mean joint errors, mm, over 24 joints; MPJPE with the middle of the hips as root. */
export interface JointErrors {
  readonly mpjpe: number;
  readonly paMpjpe: number;
}

const BATCH = 32;

/** Errors of `regressor` (batch norm frozen) on the plain crops of a set whose 3D joints are all known. */
export function measureJoints(regressor: Regressor, body: BodyModel, set: TrainingSet): JointErrors {
  const errors = { mpjpe: [] as number[], paMpjpe: [] as number[] };
  for (let first = 0; first < set.count; first += BATCH) {
    const crops = Array.from({ length: Math.min(BATCH, set.count - first) }, (_, i) => set.crop(first + i));
    let joints = new Float32Array(0);
    tf.tidy(() => {
      joints = predictLabelled({ regressor, body }, crops).predicted.joints3d.dataSync<"float32">().slice();
    });
    crops.forEach(({ joints3d }, i) => {
      const predicted = joints.subarray(72 * i, 72 * (i + 1));
      const target = Float32Array.from({ length: 72 }, (_, k) => joints3d![4 * Math.floor(k / 3) + (k % 3)]!);
      errors.mpjpe.push(mpjpe(predicted, target, ROOT_JOINTS));
      errors.paMpjpe.push(paMpjpe(predicted, target));
    });
  }
  return { mpjpe: mean(errors.mpjpe), paMpjpe: mean(errors.paMpjpe) };
}
