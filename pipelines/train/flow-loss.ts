/** @file Batches of synthetic pairs, and the loss of a sequence of refinements. */
import { correlationLookup, correlationPyramid } from "../../flow/correlation.ts";
import type { FlowFeatures, Raft } from "../../flow/raft.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { Random } from "../../src/random.ts";
import type { FlowPairs } from "../synth-flow/dataset.ts";
import { translatedPair } from "../synth-flow/translations.ts";
import type { TrainFlowOptions } from "./flow-options.ts";

/** Weight of a refinement relative to the one after it (Teed & Deng 2020, eq. 7). */
const DECAY = 0.8;
/** Pair indices that one step may use. */
const STRIDE = 1024;
/** Sides of the pictures relative to `size`, one per step, so that the network meets small and large grids. */
const SCALES = [0.75, 1, 1, 1.25, 1.5] as const;

export interface FlowBatch {
  readonly size: number;
  /** [2B,S,S,3]: B first frames, then B second ones. */
  readonly images: Tensor4D;
  /** [B,S,S,2] px. */
  readonly flow: Tensor4D;
}

/**
 * The pairs of step number `step`; their number goes with the picture's area, so that steps cost the same. Every scene
 * is there twice, once turned by 180 degrees: the mean motion of a batch is zero, and with it the largest part of the
 * gradient's noise, which says nothing but "all moves to the left".
 * With `plain` the scenes are mere translations.
 */
export function flowBatch(
  pairs: FlowPairs,
  { batch, size: middle }: Pick<TrainFlowOptions, "batch" | "size">,
  step: number,
  random: Random,
  plain = false,
): FlowBatch {
  const size = 8 * Math.max(8, Math.round((middle * random.pick(SCALES)) / 8));
  const scenes = Math.max(1, Math.round((batch * (middle / size) ** 2) / 2));
  const count = 2 * scenes;
  const pixels = size * size;
  const images = new Float32Array(2 * count * pixels * 3);
  const flow = new Float32Array(count * pixels * 2);
  for (let i = 0; i < scenes; i++) {
    const index = step * STRIDE + i;
    const pair = plain ? translatedPair(pairs, index, size, random) : pairs(index, size);
    images.set(pair.first, i * pixels * 3);
    images.set(pair.second, (count + i) * pixels * 3);
    flow.set(pair.flow, i * pixels * 2);
    images.set(halfTurn(pair.first, 3, 1), (scenes + i) * pixels * 3);
    images.set(halfTurn(pair.second, 3, 1), (count + scenes + i) * pixels * 3);
    flow.set(halfTurn(pair.flow, 2, -1), (scenes + i) * pixels * 2);
  }
  return {
    size,
    images: tf.tensor4d(images, [2 * count, size, size, 3]),
    flow: tf.tensor4d(flow, [count, size, size, 2]),
  };
}

/** A square map turned by 180 degrees about its centre, its values times `sign`. */
function halfTurn(map: Float32Array, channels: number, sign: 1 | -1): Float32Array {
  const out = new Float32Array(map.length);
  for (let from = 0, to = map.length - channels; to >= 0; from += channels, to -= channels) {
    for (let c = 0; c < channels; c++) out[to + c] = sign * map[from + c]!;
  }
  return out;
}

/** Frees a batch. */
export function disposeBatch({ images, flow }: FlowBatch): void {
  tf.dispose([images, flow]);
}

/** What a step learns from: the refinements, the matching of features, or both. */
export interface LossParts {
  /** Weight of the matching loss; 0 leaves it out. */
  readonly matching: number;
  readonly refinements: boolean;
  /** Whether a pair's error is weighted by 1 / sqrt(1 + its mean motion in px). */
  readonly smallMotions: boolean;
}

/** What step number `step` learns from, and the chance that its scenes are plain translations. */
export function lessonAt(
  warmUp: number,
  step: number,
): Pick<LossParts, "matching" | "refinements"> & { readonly plain: number } {
  // From nothing, a recurrence that cannot yet read correlations and features that do not yet match keep each other from
  // learning: after 400 steps the answer was still "no motion". Matching alone gives usable features within 100 steps, and
  // then plain translations teach the recurrence to read them within 50 more (EPE 9.6 -> 2.4 px at step 200).
  return {
    matching: step <= 2 * warmUp ? 1 : 0,
    refinements: step > warmUp / 3,
    plain: step <= warmUp ? 1 : Math.max(0.05, 1 - (step - warmUp) / (2 * warmUp)),
  };
}

/** The loss of a batch: see sequenceLoss and matchingLoss. */
export function flowLoss(raft: Raft, batch: FlowBatch, updates: number, extra: number, parts: LossParts): tf.Scalar {
  return tf.tidy(() => {
    const count = batch.flow.shape[0];
    const all = raft.encode(batch.images);
    const range = Array.from({ length: count }, (_, i) => i);
    const first = raft.select(all, range);
    const second = raft.select(all, range.map((i) => i + count)); // biome-ignore format: like the line above
    const terms: tf.Scalar[] = [];
    if (parts.refinements) terms.push(sequenceLoss(raft, first, second, batch.flow, { updates, extra, ...parts }));
    if (parts.matching > 0) terms.push(tf.mul(matchingLoss(first, second, batch.flow), parts.matching));
    return tf.addN(terms) as tf.Scalar;
  });
}

/** The flow at every eighth pixel, in eighths: what the coarse grid's cell (i, j), which stands for pixel (8i, 8j), should see. */
function coarseFlow(flow: Tensor4D): Tensor4D {
  const [count, size] = flow.shape;
  return tf.mul(tf.stridedSlice(flow, [0, 0, 0, 0], [count, size, size, 2], [1, 8, 8, 1]), 1 / 8) as Tensor4D;
}

/**
 * Cross-entropy of the softmax over all correlations of a position against the true one, bilinear between cells, mean over
 * the positions whose counterpart is in the picture. It needs no recurrence, so features learn to match from the first step.
 */
export function matchingLoss(first: FlowFeatures, second: FlowFeatures, flow: Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const coarse = coarseFlow(flow);
    const [count, h, w] = coarse.shape;
    const grid = Float32Array.from({ length: h * w * 2 }, (_, k) =>
      k % 2 === 0 ? (k / 2) % w : Math.floor(k / 2 / w),
    );
    const target = tf.add(coarse, tf.tensor(grid, [1, h, w, 2])) as Tensor4D;
    const [volume] = correlationPyramid(first.features, second.features, 1).levels;
    const logits = tf.reshape(volume as Tensor3D, [count * h * w, h * w]);
    const logLikelihood = tf.reshape(tf.logSoftmax(logits), [count * h * w, h, w]) as Tensor3D;
    const found = correlationLookup({ levels: [logLikelihood] }, target, 0);
    const limit = tf.tensor([w - 1, h - 1], [1, 1, 1, 2]);
    const isInside = tf.logicalAnd(tf.greaterEqual(target, 0), tf.lessEqual(target, limit));
    const inside = tf.cast(tf.all(isInside, 3, true), "float32");
    return tf.neg(tf.div(tf.sum(tf.mul(found, inside)), tf.maximum(tf.sum(inside), 1))) as tf.Scalar;
  });
}

/**
 * Mean absolute error in px. Every refinement is measured on the coarse grid, with weights that decay backwards; the last
 * one, and number `extra`, also at full size through convex up-sampling, which alone costs as much as two refinements.
 */
function sequenceLoss(
  raft: Raft,
  first: FlowFeatures,
  second: FlowFeatures,
  flow: Tensor4D,
  { updates, extra, smallMotions }: Pick<LossParts, "smallMotions"> & { updates: number; extra: number },
): tf.Scalar {
  return tf.tidy(() => {
    const coarse = coarseFlow(flow);
    const motion = tf.mean(tf.norm(flow, 2, 3), [1, 2]);
    const weight = tf.reshape(smallMotions ? tf.rsqrt(tf.add(motion, 1)) : tf.onesLike(motion), [-1, 1, 1, 1]);
    const error = (estimate: Tensor4D, truth: Tensor4D) =>
      tf.mean(tf.mul(tf.abs(tf.sub(estimate, truth)), weight)) as tf.Scalar;
    const terms = raft.refine(first, second, updates, (update, i) => {
      const decay = DECAY ** (updates - 1 - i);
      const low = tf.mul(error(update.flow, coarse), 8 * decay);
      if (i !== updates - 1 && i !== extra) return [low as unknown as Tensor4D];
      return [tf.add(low, tf.mul(error(raft.upsample(update), flow), decay)) as Tensor4D];
    });
    return tf.addN(terms) as unknown as tf.Scalar;
  });
}
