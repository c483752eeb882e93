/** @file Pixel statistics that networks see pictures in, and the losses that compare pictures. */
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { OptionError } from "../src/errors.ts";
import { type FeatureFunction, perceptualLoss } from "./perceptual.ts";

/** Mean and deviation of each colour. */
export interface PixelStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Images in 0..1 as a network sees them. */
export function toNetwork(images: Tensor4D, { mean, deviation }: PixelStatistics): Tensor4D {
  return tf.tidy(() => tf.div(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d([...deviation])) as Tensor4D);
}

/** What a network made, as images whose range is 0..1 where it is right. */
export function fromNetwork(made: Tensor4D, { mean, deviation }: PixelStatistics): Tensor4D {
  return tf.tidy(() => tf.add(tf.mul(made, tf.tensor1d([...deviation])), tf.tensor1d([...mean])) as Tensor4D);
}

/** How much each way of comparing counts. */
export interface ReconstructionWeights {
  readonly perceptualWeight: number;
  readonly pixelWeight: number;
}

/** The weighted sum of the terms that count, and the terms. */
export interface ReconstructionLoss {
  readonly sum: tf.Scalar;
  readonly terms: Readonly<Record<string, tf.Scalar>>;
}

/**
 * The perceptual difference of images, and the mean squared difference of pixels in the network's scale, as published.
 * Nothing is made where neither counts.
 * Throws OptionError where the perceptual one counts but there are no features. Call it in a tidy.
 */
export function reconstructionLoss(
  make: () => Tensor4D,
  images: Tensor4D,
  statistics: PixelStatistics,
  { perceptualWeight, pixelWeight }: ReconstructionWeights,
  features: FeatureFunction | undefined,
): ReconstructionLoss {
  const terms: Record<string, tf.Scalar> = {};
  if (perceptualWeight + pixelWeight === 0) return { sum: tf.scalar(0), terms };
  const made = make();
  const weighted: tf.Scalar[] = [];
  if (perceptualWeight > 0) {
    if (!features)
      throw new OptionError(
        "template",
        "expected features for perceptualWeight above 0, got none; pass some or set it to 0",
      );
    terms["perceptual"] = perceptualLoss(features, fromNetwork(made, statistics), images);
    weighted.push(tf.mul(terms["perceptual"], perceptualWeight));
  }
  if (pixelWeight > 0) {
    terms["pixel"] = tf.mean(tf.square(tf.sub(made, toNetwork(images, statistics)))) as tf.Scalar;
    weighted.push(tf.mul(terms["pixel"], pixelWeight));
  }
  return { sum: tf.addN(weighted) as tf.Scalar, terms };
}
