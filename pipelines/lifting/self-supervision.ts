/** @file Lifting without 3D labels (Chen et al. 2019): what a lifted pose looks like from elsewhere, lifted and turned back again. */
import { type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { type PoseNetSpec, poseNet } from "../../templates/nets/pose-net.ts";
import { crossedSides, DISTANCE, exchangeSides, type JointSides, projectSkeletons, sizeOfPoints, turnSkeletons } from "./reprojection.ts"; // biome-ignore format: one line

/** What a pose goes through. All [B,J,...]. */
export interface Cycle {
  /** The lifted skeleton, turned. */
  readonly turned: Tensor3D;
  /** What it looks like. */
  readonly seen: Tensor3D;
  /** That, lifted. */
  readonly again: Tensor3D;
  /** What it looks like, turned back: the first points, if lifting is right. */
  readonly back: Tensor3D;
}

/** Points [B,J,2] in normal form through the cycle: `lift` gives skeletons relative to the root, `rotations` are [B,3,3]. Call it in a tidy. */
export function runCycle(lift: (points: Tensor3D) => Tensor3D, points: Tensor3D, rotations: Tensor3D): Cycle {
  const place = (skeletons: Tensor3D) => tf.add(skeletons, tf.tensor1d([0, 0, DISTANCE])) as Tensor3D;
  const turned = turnSkeletons(place(lift(points)), rotations);
  const seen = projectSkeletons(turned);
  const again = place(lift(seen));
  return { turned, seen, again, back: projectSkeletons(turnSkeletons(again, rotations, true)) };
}

/** Mean squared distances of joints: of the two skeletons, and of the points before and after. */
export function cycleLosses(points: Tensor3D, { turned, again, back }: Cycle): { space: tf.Scalar; plane: tf.Scalar } {
  const squared = (a: Tensor3D, b: Tensor3D) => tf.mean(tf.sum(tf.square(tf.sub(a, b)), 2)) as tf.Scalar;
  return { space: squared(turned, again), plane: squared(points, back) };
}

/** A network that tells true 2D poses from made ones. */
export interface Critic {
  readonly parameters: Parameters;
  readonly prefix: string;
  readonly spec: PoseNetSpec;
}

/** Motion between frames is small beside the pose. */
const MOTION_GAIN = 10;

/**
 * What critics are shown of points [B,J,2]: their normal form, with sides as in the picture where `sides` is given. With `next`,
 * the points one frame later, also how they move, in the same form.
 */
export function criticView(points: Tensor3D, sides: JointSides | undefined, next?: Tensor3D): Tensor2D {
  return tf.tidy(() => {
    const [batch, joints] = points.shape;
    const size = sizeOfPoints(points);
    const crossed = sides && crossedSides(points, sides);
    const view = (x: Tensor3D) => {
      const sided = crossed ? exchangeSides(x, crossed, sides) : x;
      return tf.reshape(tf.mul(tf.div(sided, size), DISTANCE), [batch, 2 * joints]) as Tensor2D;
    };
    const first = view(points);
    return next ? (tf.concat([first, tf.mul(tf.sub(view(next), first), MOTION_GAIN)], 1) as Tensor2D) : first;
  });
}

/** Least squares (Mao et al. 2017): what the maker minimises, who wants made poses to be scored 1. */
export function makerLoss(critic: Critic, made: Tensor2D): tf.Scalar {
  return tf.tidy(() => tf.mean(tf.square(tf.sub(scores(critic, made), 1))) as tf.Scalar);
}

/** And what the critic minimises, who wants true poses to be scored 1 and made ones 0. */
export function criticLoss(critic: Critic, real: Tensor2D, made: Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const right = tf.mean(tf.square(tf.sub(scores(critic, real), 1)));
    return tf.add(right, tf.mean(tf.square(scores(critic, made)))) as tf.Scalar;
  });
}

function scores({ parameters, prefix, spec }: Critic, views: Tensor2D): Tensor2D {
  return poseNet(parameters, prefix, spec, views, { norm: "batch" });
}

/**
 * Mean over skeletons [N*J*3] (relative to the root) of how far the knees are before the line from hip to ankle, "before" being
 * where the chest faces: positive for people, negative for people turned inside out. Points alone do not tell the two apart.
 */
export function kneesForward(skeletons: ArrayLike<number>, joints: readonly string[]): number {
  const J = joints.length;
  const count = skeletons.length / (3 * J);
  const place = (name: string) => joints.indexOf(name);
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const at = (name: string) => [0, 1, 2].map((k) => skeletons[3 * (n * J + place(name)) + k]!) as Vector;
    // In the picture's sense of sides: from left to right, and up, of a person who faces the camera.
    const across = minus(at("right-hip"), at("left-hip"));
    const up = minus(at("chest"), at("pelvis"));
    const forward = cross(across, up);
    for (const side of ["left", "right"]) {
      const [hip, knee, ankle] = ["hip", "knee", "ankle"].map((joint) => at(`${side}-${joint}`)) as [
        Vector,
        Vector,
        Vector,
      ];
      const middle = hip.map((x, k) => (x + ankle[k]!) / 2) as Vector;
      sum += dot(minus(knee, middle), forward) / Math.max(1e-9, Math.sqrt(dot(forward, forward)));
    }
  }
  return sum / (2 * count);
}

type Vector = [number, number, number];

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
