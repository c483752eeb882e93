/** @file What keeps the links between keypoints as they are in a prior: their lengths (Pose Prior Learner), their directions (ours). */
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../src/engine/tf.ts";
import { linkPairs } from "./link-heat-map.ts";

/**
 * The sum over links of w |length in the prior - length in the picture|, averaged over the batch (Pose Prior Learner,
 * eq. 6): prior [N,2], points [B,N,2], weights [L] in the order of linkPairs.
 */
export function linkLengthLoss(prior: Tensor2D, points: Tensor3D, weights: Tensor): tf.Scalar {
  return tf.tidy(() => {
    // The root has no slope at 0.
    const lengths = (of: Tensor3D) => tf.sqrt(tf.add(tf.sum(tf.square(linkVectors(of)), 2), 1e-8));
    const change = tf.abs(tf.sub(lengths(points), lengths(tf.expandDims(prior, 0) as Tensor3D)));
    return tf.mean(tf.sum(tf.mul(change, weights), 1)) as tf.Scalar;
  });
}

/**
 * How much links turn and stretch from points `placed` [B,N,2] to `points`: the mean over links, by their weights [L], of
 * |change of the vector along it|^2 / |vector|^2, in a picture 2 wide. As stiffnessLoss of parts; ours.
 */
export function linkStiffness(placed: Tensor3D, points: Tensor3D, weights: Tensor): tf.Scalar {
  return tf.tidy(() => {
    const before = linkVectors(placed);
    const change = tf.sum(tf.square(tf.sub(linkVectors(points), before)), 2);
    // Ends that lie together have no direction to keep.
    const squared = tf.add(tf.sum(tf.square(before), 2), 1e-3);
    const shares = tf.div(weights, tf.sum(weights));
    return tf.mean(tf.sum(tf.mul(tf.div(change, squared), shares), 1)) as tf.Scalar;
  });
}

/** [B,L,2] from the first to the second end of each link between points [B,N,2]. */
function linkVectors(points: Tensor3D): Tensor3D {
  const pairs = linkPairs(points.shape[1]);
  const end = (side: 0 | 1) => tf.gather(points, tf.tensor1d(pairs.map((pair) => pair[side]), "int32"), 1); // biome-ignore format: one thought
  return tf.sub(end(1), end(0)) as Tensor3D;
}
