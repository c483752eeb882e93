/** @file One question to the regressor for all pictures of a step, so that the gradients of its weights come as one. */
import type { BodyPrediction } from "../../smpl/head.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { LabelledBatch } from "../labelled/source.ts";

/**
 * What the regressor says of the frames [F,S,S,3] and of other batches, undefined for those there are not. Undefined as a
 * whole where there are frames only, and for a regressor with temporal context, which other pictures do not have.
 */
export function predictTogether(
  regressor: Regressor,
  images: Tensor4D,
  others: readonly (LabelledBatch | undefined)[],
): { readonly frames: BodyPrediction; readonly others: readonly (BodyPrediction | undefined)[] } | undefined {
  if (regressor.spec.context > 0 || others.every((other) => !other)) return undefined;
  const pictures = [images, ...others.flatMap((other) => (other ? [other.images(regressor.spec.cropSize)] : []))];
  const all = regressor.predict(tf.concat(pictures));
  let [picture, begin] = [0, 0];
  const next = (): BodyPrediction => {
    const size = pictures[picture++]!.shape[0];
    const part = <T extends Tensor>(x: T): T => tf.slice(x, begin, size);
    const rows = { rotations: part(all.rotations), betas: part(all.betas), camera: part(all.camera) };
    begin += size;
    return rows;
  };
  return { frames: next(), others: others.map((other) => other && next()) };
}
