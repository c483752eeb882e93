/**
 * @file Pose blend shapes of the default body: what linear blend skinning takes from a bent or twisted limb is given back.
 *
 * A vertex at q from joint j that follows it with share W goes to ((1 - W) I + W R) q. Perpendicular to the rotation's axis
 * n that shortens q by sqrt(1 - 2 W (1 - W) (1 - cos angle)): elbows collapse, twisted wrists turn into candy wrappers.
 * Since (1 - cos angle) (I - n n^T) = I - (R + R^T) / 2, the offset c (I - (R + R^T) / 2) q is linear in R - I, as pose
 * blend shapes must be, and lies perpendicular to n. c = 1 / sqrt(1 - 2 W (1 - W)) - 1 restores the length at a right angle.
 */
import { JOINT_COUNT, JOINT_NAMES, type JointName, PARENTS } from "../joints.ts";
import { smoothStep } from "./mesh-rings.ts";
import { SKELETON } from "./skeleton.ts";

interface Fold {
  /** Which way the joint's outer side faces. */
  readonly outer: readonly [number, number, number];
  /** Share of the offset on the outer side, and on the inner side where flesh folds. */
  readonly shares: readonly [outer: number, inner: number];
}

/** Joints that bend mostly one way. The shoulder keeps less: with a lowered arm it should slope, not stand out square. */
const FOLDS: Partial<Record<JointName, Fold>> = {
  leftElbow: { outer: [0, 0, -1], shares: [1, 0.1] },
  leftKnee: { outer: [0, 0, 1], shares: [1, 0.1] },
  leftHip: { outer: [0, 0, -1], shares: [1, 0.2] },
  leftShoulder: { outer: [0, 1, 0], shares: [0.4, 0.3] },
};
/** Half width of the change from inner to outer share. */
const FOLD_WIDTH = 0.03;

/** Directions [V*3*207], metres per unit of each entry of R_j - I. `positions` [V*3], `weights` [V*24]. */
export function poseDirections(positions: Float64Array, weights: Float64Array): Float32Array {
  const count = positions.length / 3;
  const columns = 9 * (JOINT_COUNT - 1);
  const out = new Float32Array(count * 3 * columns);
  const following = shares(weights);
  for (let v = 0; v < count; v++)
    for (let j = 1; j < JOINT_COUNT; j++) {
      const share = following[v * JOINT_COUNT + j]!;
      const lost = 2 * share * (1 - share);
      if (lost < 1e-4) continue;
      const q = [0, 1, 2].map((a) => positions[3 * v + a]! - SKELETON[j]![a]!);
      const amount = (1 / Math.sqrt(1 - lost) - 1) * foldShare(j, q);
      // offset_a = -c/2 sum_b ((R - I)_ab + (R - I)_ba) q_b
      for (let a = 0; a < 3; a++)
        for (let b = 0; b < 3; b++) {
          const row = (3 * v + a) * columns + 9 * (j - 1);
          out[row + 3 * a + b]! -= 0.5 * amount * q[b]!;
          out[row + 3 * b + a]! -= 0.5 * amount * q[b]!;
        }
    }
  return out;
}

/** Share of each vertex that follows each joint: the weights of that joint and of all below it, [V*24]. */
function shares(weights: Float64Array): Float64Array {
  const out = Float64Array.from(weights);
  for (let row = 0; row < out.length; row += JOINT_COUNT)
    for (let j = JOINT_COUNT - 1; j > 0; j--) out[row + PARENTS[j]!]! += out[row + j]!;
  return out;
}

function foldShare(joint: number, q: readonly number[]): number {
  const fold = FOLDS[JOINT_NAMES[joint]!.replace("right", "left") as JointName];
  if (!fold) return 1;
  const side = fold.outer.reduce((sum, direction, a) => sum + direction * q[a]!, 0);
  const [outer, inner] = fold.shares;
  return inner + (outer - inner) * smoothStep(-FOLD_WIDTH, FOLD_WIDTH, side);
}
