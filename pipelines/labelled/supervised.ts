/** @file The supervised loss of labelled images (EFT, SPIN): six terms that drop out where labels are missing. */
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";

/**
 * What the regressor and the body say about B labelled crops. K is the number of joints of the data set's joint set.
 */
export interface LabelledPrediction {
  /** [B,24,3,3] */
  readonly rotations: Tensor;
  /** [B,N] */
  readonly betas: Tensor2D;
  /** [B,3] (s, tx, ty) */
  readonly camera: Tensor2D;
  /** [B,K,3] metres, before the camera. */
  readonly joints3d: Tensor3D;
  /** [B,K,2] in [-1,1] across the crop's outer edges. */
  readonly joints2d: Tensor3D;
}

/**
 * Labels of B crops. A missing field gives no term, and so does a person whose weight or confidence is 0 (whatever
 * numbers stand in its place).
 */
export interface LabelledTargets {
  /** SMPL rotations [B,24,3,3] and per person [B] 1 where they are known. */
  readonly rotations?: { readonly values: Tensor; readonly known: Tensor };
  /** Betas [B,N] and per person [B] 1 where they are known. */
  readonly betas?: { readonly values: Tensor; readonly known: Tensor };
  /** [B,K,4]: x, y, z metres and confidence. */
  readonly joints3d?: Tensor3D;
  /** [B,K,3]: x, y in [-1,1] across the crop's outer edges, and confidence. */
  readonly joints2d?: Tensor3D;
  /** The joints whose mean is subtracted before 3D joints are compared: the two hips, or the pelvis alone. */
  readonly rootJoints: readonly number[];
}

/** Weights of the terms (EFT as in the paper's released code) and the factor on their sum. */
export const SUPERVISED_OPTIONS = {
  pose: { kind: "number", min: 0, default: 1, doc: "Weight of the squared difference of rotation matrices." },
  shape: { kind: "number", min: 0, default: 0.001, doc: "Weight of the squared difference of betas." },
  shapePrior: { kind: "number", min: 0, default: 1, doc: "Weight of the mean squared beta; no labels needed." },
  keypoints2d: { kind: "number", min: 0, default: 5, doc: "Weight of the squared 2D joint distance in crop units." },
  keypoints3d: { kind: "number", min: 0, default: 5, doc: "Weight of the squared, root-aligned 3D joint difference." },
  camera: { kind: "number", min: 0, default: 1, doc: "Weight of exp(-10 s)^2, which keeps the camera scale positive." },
  scale: { kind: "number", min: 0, default: 60, doc: "Factor on the weighted sum of all terms." },
} as const satisfies OptionTable;
export type SupervisedOptions = OptionsOf<typeof SUPERVISED_OPTIONS>;
export const SUPERVISED_TERMS = ["pose", "shape", "shapePrior", "keypoints2d", "keypoints3d", "camera"] as const;
export type SupervisedTerm = (typeof SUPERVISED_TERMS)[number];

/** The terms, unweighted, and `total` = scale * sum of weight * term. Scalars, connected to the prediction. */
export interface SupervisedLoss {
  readonly total: tf.Scalar;
  readonly terms: Readonly<Record<SupervisedTerm, tf.Scalar>>;
}

/**
 * The loss that EFT trains with. Pose, shape and 3D: mean squared difference over what is known; shape prior:
 * mean(betas^2); 2D: squared distance over all joints with a confidence, divided by their number; camera: mean(exp(-10
 * s)^2). Source: released code of arXiv 2402.02736 (losses/train_hmr.py) and SPIN's trainer.
 */
export function supervisedLoss(
  predicted: LabelledPrediction,
  targets: LabelledTargets,
  options: SupervisedOptions,
): SupervisedLoss {
  const terms: Record<SupervisedTerm, tf.Scalar> = {
    pose: parameterTerm(predicted.rotations, targets.rotations),
    shape: parameterTerm(predicted.betas, targets.betas),
    shapePrior: tf.mean(tf.square(predicted.betas)),
    keypoints2d: keypoints2dTerm(predicted.joints2d, targets.joints2d),
    keypoints3d: keypoints3dTerm(predicted.joints3d, targets.joints3d, targets.rootJoints),
    camera: tf.mean(tf.square(tf.exp(tf.mul(tf.slice(predicted.camera, [0, 0], [-1, 1]), -10)))),
  };
  const weighted = SUPERVISED_TERMS.map((term) => tf.mul<tf.Scalar>(terms[term], options[term]));
  return { total: tf.mul(tf.addN(weighted), options.scale), terms };
}

function parameterTerm(predicted: Tensor, target: LabelledTargets["betas"]): tf.Scalar {
  if (!target) return tf.scalar(0);
  const batch = predicted.shape[0]!;
  const known = tf.reshape(target.known, [batch, 1]);
  const flat = tf.reshape(predicted, [batch, -1]);
  return maskedMean(flat, tf.reshape(target.values, [batch, -1]), known, flat.shape[1]!);
}

function keypoints2dTerm(predicted: Tensor3D, target: Tensor3D | undefined): tf.Scalar {
  if (!target) return tf.scalar(0);
  const seen = tf.cast(tf.greater(tf.slice(target, [0, 0, 2], [-1, -1, 1]), 0), "float32");
  return maskedMean(predicted, tf.slice(target, [0, 0, 0], [-1, -1, 2]), seen, 1);
}

function keypoints3dTerm(predicted: Tensor3D, target: Tensor3D | undefined, root: readonly number[]): tf.Scalar {
  if (!target) return tf.scalar(0);
  const seen = tf.cast(tf.greater(tf.slice(target, [0, 0, 3], [-1, -1, 1]), 0), "float32");
  const rootSeen = tf.cast(tf.greaterEqual(jointMean(seen, root), 0.999), "float32");
  const positions = tf.where(
    tf.greater(tf.tile(seen, [1, 1, 3]), 0),
    tf.slice(target, [0, 0, 0], [-1, -1, 3]),
    tf.zeros(predicted.shape),
  );
  return maskedMean(rootAligned(predicted, root), rootAligned(positions, root), tf.mul(seen, rootSeen), 3);
}

/** Joints [B,K,3] minus the mean of the joints `root`. */
export function rootAligned(joints: Tensor, root: readonly number[]): Tensor {
  return tf.sub(joints, jointMean(joints, root));
}

/** Mean over some joints of [B,K,C], as [B,1,C]: a weighted sum, whose gradient every engine has a fast kernel for. */
function jointMean(joints: Tensor, indices: readonly number[]): Tensor {
  const weights = new Float32Array(joints.shape[1]!);
  for (const i of indices) weights[i]! += 1 / indices.length;
  return tf.sum(tf.mul(joints, tf.tensor(weights, [1, weights.length, 1])), 1, true);
}

/**
 * Sum of mask * (a - b)^2 over (sum of mask * perMask), 0 when the mask is empty; b is not read where the mask is 0.
 */
function maskedMean(a: Tensor, b: Tensor, mask: Tensor, perMask: number): tf.Scalar {
  const full = tf.mul(tf.ones(a.shape), mask);
  const target = tf.where(tf.greater(full, 0), b, tf.zerosLike(b));
  const squares = tf.mul(tf.square(tf.sub(a, target)), full);
  return tf.div(tf.sum(squares), tf.maximum(tf.mul(tf.sum(mask), perMask), 1));
}
