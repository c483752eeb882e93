/** @file Silhouettes without labels: what differs from a still background, and how well moved shapes cover it. Ours, in no publication. */
import { type Tensor, type Tensor4D, tf } from "../src/engine/tf.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";

/** Squared difference (summed over red, green, blue in 0..1) at which a pixel counts half as foreground. */
const HALF = 0.02;
/** Brightness below which a darkened background is no shadow any more. */
const DARKEST_SHADOW = 0.6;
/** Colours vary less than brightness does, so they count more. */
const COLOUR = 4;
/** Silhouettes are compared at full size and halved so often: coarse ones pull from far away, fine ones place limbs. */
const HALVINGS = 4;
/** Share of the picture below which a silhouette counts less: the person stood still and is part of the background. */
const ENOUGH = 0.03;

/**
 * How much each pixel of images differs from the background behind them, 0 to just below 1: [B,S,S,1] from images and
 * backgrounds [B,S,S,3] in 0..1. What is only darker than the background is taken for a shadow: a pixel is the background
 * times its brightness plus a rest (Horprasert et al. 1999), and brightness counts where it is above 1 or below
 * DARKEST_SHADOW. No gradient.
 */
export function foreground(images: Tensor4D, backgrounds: Tensor4D): Tensor4D {
  return stopGradient(() => {
    // A black background is as bright as it is, not infinitely darker than anything.
    const power = tf.add(tf.sum(tf.square(backgrounds), 3, true), 1e-3);
    const brightness = tf.div(tf.add(tf.sum(tf.mul(images, backgrounds), 3, true), 1e-3), power);
    const rest = tf.sum(tf.square(tf.sub(images, tf.mul(brightness, backgrounds))), 3, true);
    const change = tf.add(tf.relu(tf.sub(brightness, 1)), tf.relu(tf.sub(DARKEST_SHADOW, brightness)));
    const squared = tf.add(tf.mul(rest, COLOUR), tf.mul(tf.square(change), power));
    return tf.div(squared, tf.add(squared, HALF)) as Tensor4D;
  });
}

/** How much silhouettes [B,S,S,1] count, [B,1,1,1]: fully from 3 % of the picture on. No gradient. */
export function foregroundCounts(silhouettes: Tensor4D): Tensor4D {
  return stopGradient(() => {
    const shares = tf.mean(silhouettes, [1, 2, 3], true);
    return tf.clipByValue(tf.div(shares, ENOUGH), 0, 1) as Tensor4D;
  });
}

/** What K shapes [B,S,S,K] cover together: [B,S,S,1], 1 - the product of 1 - shape; shapes above 1 count as 1. */
export function covered(shapes: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    // The product by logarithms: one pass over all shapes, and a slope where one of them is 1.
    const left = tf.exp(tf.sum(tf.log(tf.sub(1 + 1e-4, tf.minimum(shapes, 1))), 3, true));
    return tf.sub(1, left) as Tensor4D;
  });
}

/**
 * How badly shapes [B,S,S,K] cover what stands out from the backgrounds: the squared difference of the two silhouettes
 * in shares of the wanted one's own square, averaged over S, S/2 ... S/16. 0 where they agree, 1 where nothing is
 * covered, and 0 where there are no backgrounds or `weight` is 0. Call it in a tidy.
 */
export function silhouetteLoss(
  shapes: Tensor4D,
  images: Tensor4D,
  backgrounds: Tensor4D | undefined,
  weight: number,
): tf.Scalar {
  if (!backgrounds || weight === 0) return tf.scalar(0);
  let target = foreground(images, backgrounds);
  let own = covered(shapes);
  const counts = foregroundCounts(target);
  const terms: Tensor[] = [];
  for (let level = 0; ; level++) {
    const size = stopGradient(() => tf.add(tf.mean(tf.square(target)), 1e-4));
    terms.push(tf.div(tf.mean(tf.mul(counts, tf.square(tf.sub(own, target)))), size));
    if (level === HALVINGS) break;
    [own, target] = [tf.avgPool(own, 2, 2, "valid"), tf.avgPool(target, 2, 2, "valid")];
  }
  return tf.div(tf.addN(terms), terms.length) as tf.Scalar;
}
