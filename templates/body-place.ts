/** @file Where a body is and how large, read off a coarse map of what a network takes for one. Ours, in no publication. */
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import { foreground, foregroundCounts } from "./silhouettes.ts";

/** Places per side of the map. */
export const PLACES = 8;

/** Natural logarithm of the most that a body is stretched or shrunk: 4.5 times. It cannot vanish. */
const LARGEST_STRETCH = 1.5;

/** A middle that is so far off, in picture sides, counts as much as a body e times too large. */
const NEAR = 0.1;
/** What a middle NEAR off counts, against the cross entropy of one place. */
const MOMENTS = 1;

/** Logarithms of stretches, kept below LARGEST_STRETCH; small ones hardly change. */
export function boundedStretch(stretch: Tensor): Tensor {
  return tf.tidy(() => tf.mul(tf.tanh(tf.div(stretch, LARGEST_STRETCH)), LARGEST_STRETCH));
}

/** Middle and spread of bodies, [B,2] each: (x, y) in picture sides. */
export interface BodyPlace {
  readonly centre: Tensor2D;
  readonly spread: Tensor2D;
}

/**
 * Mean and deviation of where a map [B,n,n,1] of shares is high. Shares count by their squares, so that much that is
 * hardly taken for a body does not outweigh the body. Call it in a tidy.
 */
export function bodyPlace(map: Tensor4D): BodyPlace {
  const [batch, side] = map.shape;
  const places = Array.from({ length: side * side }, (_, i) => [
    ((i % side) + 0.5) / side,
    (Math.floor(i / side) + 0.5) / side,
  ]);
  const at = tf.tensor2d(places);
  const weights = tf.reshape(tf.add(tf.square(map), 1e-6), [batch, side * side]);
  const shares = tf.div(weights, tf.sum(weights, 1, true)) as Tensor2D;
  const centre = tf.matMul(shares, at) as Tensor2D;
  const variance = tf.sub(tf.matMul(shares, tf.square(at)), tf.square(centre));
  return { centre, spread: tf.sqrt(tf.add(variance, 1e-6)) as Tensor2D };
}

/** Spreads, in picture sides, below which a body has no size. */
const LEAST_SPREAD = 0.02;

/**
 * A place read off a map of `side` cells a side, as points would have it: what lies in a cell counts as its middle, which
 * makes small bodies' spreads larger (Sheppard's correction). Call it in a tidy.
 */
export function withoutCells({ centre, spread }: BodyPlace, side: number): BodyPlace {
  const variance = tf.relu(tf.sub(tf.square(spread), 1 / (12 * side ** 2)));
  return { centre, spread: tf.sqrt(tf.add(variance, LEAST_SPREAD ** 2)) as Tensor2D };
}

/** The place of one picture's points [N,2], (x, y) in picture sides. Call it in a tidy. */
export function pointsPlace(points: Tensor2D): BodyPlace {
  const centre = tf.mean(points, 0, true) as Tensor2D;
  const variance = tf.mean(tf.square(tf.sub(points, centre)), 0, true);
  return { centre, spread: tf.sqrt(tf.add(variance, 1e-6)) as Tensor2D };
}

/** Shift in picture sides and logarithm of the stretch, [B,2] each, that take a body from one place to another. Call it in a tidy. */
export function placeChange(from: BodyPlace, to: BodyPlace): { readonly shift: Tensor2D; readonly stretch: Tensor2D } {
  const stretch = tf.log(tf.div(to.spread, from.spread)) as Tensor2D;
  return { shift: tf.sub(to.centre, from.centre) as Tensor2D, stretch };
}

/**
 * How far a map's logits [B,n,n,1] are from what stands out from backgrounds, 0 without them: the cross entropy, and the
 * squared differences of the places that are read off either, since a map may be nearly right everywhere and its middle
 * wrong. Bodies that are part of their background count less. Call it in a tidy.
 */
export function placeLoss(logits: Tensor4D, images: Tensor4D, backgrounds: Tensor4D | undefined): tf.Scalar {
  if (!backgrounds) return tf.scalar(0);
  const full = foreground(images, backgrounds);
  const wanted = stopGradient(() => coarsely(full));
  const counts = foregroundCounts(full);
  const entropy = tf.mean(tf.mul(counts, tf.sub(tf.softplus(logits), tf.mul(logits, wanted))));
  const { shift, stretch } = placeChange(bodyPlace(tf.sigmoid(logits)), bodyPlace(wanted));
  const apart = tf.add(tf.square(tf.div(shift, NEAR)), tf.square(stretch));
  const moments = tf.mean(tf.mul(tf.reshape(counts, [-1, 1]), apart));
  return tf.add(entropy, tf.mul(moments, MOMENTS)) as tf.Scalar;
}

/** Maps [B,S,S,K] of shapes as one coarse map [B,n,n,1] of what they cover. */
export function coarsely(map: Tensor4D): Tensor4D {
  const width = map.shape[1] / PLACES;
  return tf.avgPool(map, width, width, "valid");
}
