/** @file How far lifted skeletons are from the true ones, beside the pose that is always the same. */
import { type Tensor3D, tf } from "../../src/engine/tf.ts";
import { mean, meanDistance, paMpjpe } from "../evaluate/metrics.ts";
import type { Lifter } from "./lifter.ts";
import type { PoseSet } from "./poses.ts";
import { DISTANCE } from "./reprojection.ts";

/** Errors of N poses, mm: roots aligned, and after the best similarity. The scale is the true one at the root's depth. */
export interface LiftErrors {
  readonly mpjpe: number;
  readonly paMpjpe: number;
}

const BATCH = 1024;

/** Skeletons [N*J*3] of a set's points. */
export function liftAll(lifter: Lifter, { points }: Pick<PoseSet, "points">): Float32Array {
  const J = lifter.spec.joints.length;
  const count = points.length / (2 * J);
  const lifted = new Float32Array(count * J * 3);
  for (let begin = 0; begin < count; begin += BATCH) {
    const size = Math.min(BATCH, count - begin);
    tf.tidy(() => {
      const part = tf.tensor3d(points.slice(begin * J * 2, (begin + size) * J * 2), [size, J, 2]);
      lifted.set(lifter.lift(part).dataSync<"float32">(), begin * J * 3);
    });
  }
  return lifted;
}

/** Errors of skeletons [N*J*3], in units, for a set. */
export function liftErrors(skeletons: ArrayLike<number>, set: PoseSet): LiftErrors {
  const width = set.skeletons.length / set.metres.length;
  const errors = Array.from(set.metres, (metres, n) => {
    const part = (values: ArrayLike<number>) =>
      Float64Array.from({ length: width }, (_, i) => values[n * width + i]! * metres);
    const [found, truth] = [part(skeletons), part(set.skeletons)];
    return [meanDistance(found, truth), paMpjpe(found, truth)] as const;
  });
  return { mpjpe: mean(errors.map(([all]) => all)), paMpjpe: mean(errors.map(([, aligned]) => aligned)) };
}

/** [J*3] the mean skeleton of a set. */
function meanSkeleton({ skeletons, metres }: PoseSet): Float32Array {
  const width = skeletons.length / metres.length;
  const sum = new Float64Array(width);
  skeletons.forEach((x, i) => {
    sum[i % width]! += x / metres.length;
  });
  return Float32Array.from(sum);
}

/** What needs no network: the mean pose of the poses `known` for all, and points without depth, as wide as they look. */
export interface LiftBaselines {
  readonly constantPose: LiftErrors;
  readonly flatPose: LiftErrors;
}

/** The errors of the baselines for a set. */
export function baselineErrors(known: PoseSet, set: PoseSet): LiftBaselines {
  const mean = meanSkeleton(known);
  const { points, skeletons } = set;
  return {
    constantPose: liftErrors(skeletons.map((_, i) => mean[i % mean.length]!), set), // biome-ignore format: one thought
    flatPose: liftErrors(skeletons.map((_, i) => (i % 3 === 2 ? 0 : DISTANCE * points[2 * Math.floor(i / 3) + (i % 3)]!)), set), // biome-ignore format: one line
  };
}

/** Poses at `places` of a set as tensors: points [B,J,2] and skeletons [B,J,3]. The caller disposes them. */
export function takePoses(set: PoseSet, places: readonly number[]): { points: Tensor3D; skeletons: Tensor3D } {
  const width = set.points.length / set.metres.length;
  const rows = (values: Float32Array, length: number) => {
    const out = new Float32Array(places.length * length);
    places.forEach((place, i) => {
      out.set(values.subarray(place * length, (place + 1) * length), i * length);
    });
    return out;
  };
  const shape = (channels: number): [number, number, number] => [places.length, width / 2, channels];
  return {
    points: tf.tensor3d(rows(set.points, width), shape(2)),
    skeletons: tf.tensor3d(rows(set.skeletons, (3 * width) / 2), shape(3)),
  };
}

/** Errors for people. */
export function describeErrors({ mpjpe, paMpjpe }: LiftErrors): string {
  return `MPJPE ${mpjpe.toFixed(1)} mm, PA-MPJPE ${paMpjpe.toFixed(1)} mm`;
}

/** Baselines for people. */
export function describeBaselines({ constantPose, flatPose }: LiftBaselines): string {
  return `the mean pose for all: ${describeErrors(constantPose)}\npoints without depth: ${describeErrors(flatPose)}`;
}
