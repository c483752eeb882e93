/** @file What keeps moved parts together and in the picture (Schmidtke et al. 2021), and points in the picture (Yoo and Russakovsky 2023). */
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import type { PartTemplate } from "./part-template.ts";

/**
 * `code`: the released code's, a sum over joins of squared distances / 3 (it averages over homogeneous coordinates);
 * `paper`: the mean over joins of squared distances, 3/17 of it with 17 joins.
 */
export type LossScale = "code" | "paper";

/** How far joined anchors are apart: anchors [B,A,2] in pixels of a picture of `size`, distances in picture sides. */
export function anchorLoss(anchors: Tensor3D, template: PartTemplate, size: number, scale: LossScale): tf.Scalar {
  return tf.tidy(() => {
    const side = (which: 0 | 1) => tf.tensor1d(template.joins.map((join) => join[which]), "int32"); // biome-ignore format: one thought
    const gap = tf.div(tf.sub(tf.gather(anchors, side(0), 1), tf.gather(anchors, side(1), 1)), size);
    const total = tf.div(tf.sum(tf.square(gap)), anchors.shape[0]);
    return tf.div(total, scale === "code" ? 3 : template.joins.length) as tf.Scalar;
  });
}

/**
 * The sum, over points and axes, of |coordinate| where it is beyond -1 or 1, averaged over the batch; points [B,P,2] in
 * [-1,1]. It jumps at the border, as published: the value is |a|, not |a| - 1.
 */
export function boundaryLoss(points: Tensor3D): tf.Scalar {
  return tf.tidy(() => {
    const size = tf.abs(points);
    const outside = stopGradient(() => tf.cast(tf.greater(size, 1), "float32"));
    return tf.div(tf.sum(tf.mul(size, outside)), points.shape[0]) as tf.Scalar;
  });
}

/**
 * The boundary loss of anchors [B,A,2] in pixels of a picture of `size`, whose sides are -1 and 1; all anchors count
 * (in Schmidtke et al.'s released code only the core's do). The code's scale divides by 3 homogeneous coordinates.
 */
export function anchorBoundaryLoss(anchors: Tensor3D, size: number, scale: LossScale): tf.Scalar {
  return tf.tidy(() => {
    const loss = boundaryLoss(tf.sub(tf.mul(anchors, 2 / size), 1));
    return scale === "code" ? (tf.div(loss, 3) as tf.Scalar) : loss;
  });
}

/** How much matrices [B,K,2,3] turn and stretch: the mean over parts of the squares of (linear part - identity). Ours. */
export function stiffnessLoss(matrices: Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const linear = tf.slice(matrices, [0, 0, 0, 0], [-1, -1, 2, 2]);
    return tf.mul(tf.mean(tf.square(tf.sub(linear, tf.eye(2)))), 4) as tf.Scalar;
  });
}

/** Joints [B,J,2] as means of the anchors [B,A,2] that the template has at one place. */
export function jointsFromAnchors(anchors: Tensor3D, template: PartTemplate): Tensor3D {
  return tf.tidy(() => {
    const weights = template.joints.map(({ anchors: own }) =>
      template.anchors.map((_, i) => (own.includes(i) ? 1 / own.length : 0)),
    );
    const mean = tf.tile(tf.expandDims(tf.tensor2d(weights), 0), [anchors.shape[0], 1, 1]);
    return tf.matMul(mean as Tensor, anchors) as Tensor3D;
  });
}
