/** @file Accuracy of predicted joints and meshes: metres in, millimetres out. Everything runs on the host in float64. */
import { MotionCueError, ShapeError } from "../../src/errors.ts";
import { applySimilarity, procrustes } from "../../src/geometry/procrustes.ts";

const MILLIMETRES = 1000;

/** One person in consecutive frames of one video. */
export interface JointSequence {
  /** Ascending frame numbers [T]; a hole among them is no motion. */
  readonly frames: ArrayLike<number>;
  /** [T*N*3] metres. */
  readonly predicted: ArrayLike<number>;
  /** [T*N*3] metres. */
  readonly target: ArrayLike<number>;
}

/** Points [N*3] minus the mean of the points `root` (indices): how poses are compared without their place. */
export function rootRelative(points: ArrayLike<number>, root: readonly number[]): Float64Array {
  const centre = [0, 0, 0];
  for (const joint of root) for (let a = 0; a < 3; a++) centre[a]! += points[3 * joint + a]! / root.length;
  return Float64Array.from(points, (x, i) => x - centre[i % 3]!);
}

/** Mean distance of two point sets [N*3] as they lie, mm. Throws ShapeError. */
export function meanDistance(predicted: ArrayLike<number>, target: ArrayLike<number>): number {
  if (predicted.length !== target.length || predicted.length === 0 || predicted.length % 3 !== 0)
    throw new ShapeError("meanDistance", `[${target.length}] numbers, three per point`, [predicted.length]);
  let sum = 0;
  for (let at = 0; at < predicted.length; at += 3)
    sum += Math.hypot(
      predicted[at]! - target[at]!,
      predicted[at + 1]! - target[at + 1]!,
      predicted[at + 2]! - target[at + 2]!,
    );
  return (MILLIMETRES * sum) / (predicted.length / 3);
}

/** MPJPE of one frame, mm: mean joint distance after both had the mean of their joints `root` subtracted. */
export function mpjpe(predicted: ArrayLike<number>, target: ArrayLike<number>, root: readonly number[]): number {
  return meanDistance(rootRelative(predicted, root), rootRelative(target, root));
}

/**
 * PA-MPJPE of one frame, mm: mean joint distance after the best similarity (no reflection) was applied to the
 * prediction.
 */
export function paMpjpe(predicted: ArrayLike<number>, target: ArrayLike<number>): number {
  return meanDistance(applySimilarity(procrustes(predicted, target), predicted), target);
}

/**
 * PVE of one frame, mm, root-aligned: mean vertex distance after each mesh had its own root point (the pelvis)
 * subtracted.
 */
export function pve(
  predicted: ArrayLike<number>,
  target: ArrayLike<number>,
  predictedRoot: ArrayLike<number>,
  targetRoot: ArrayLike<number>,
): number {
  const about = (points: ArrayLike<number>, root: ArrayLike<number>) =>
    Float64Array.from(points, (x, i) => x - root[i % 3]!);
  return meanDistance(about(predicted, predictedRoot), about(target, targetRoot));
}

/** Acceleration error at the frames of one sequence that have both neighbours. */
export interface AccelErrors {
  /** Frame numbers of the middle frames. */
  readonly frames: number[];
  /** Mean over joints of |predicted - target acceleration|, mm/frame^2, per middle frame. */
  readonly errors: number[];
}

/**
 * Acceleration errors of one sequence: x(t-1) - 2 x(t) + x(t+1) wherever three frame numbers follow each other (never
 * over a hole), after the joints `root` were subtracted, or as the joints lie without it. Unit: mm/frame^2 (times fps^2
 * for mm/s^2). Throws ShapeError, or MotionCueError when frame numbers do not ascend.
 */
export function accelErrors(sequence: JointSequence, root?: readonly number[]): AccelErrors {
  const { frames, predicted, target } = sequence;
  const count = frames.length;
  const size = count > 0 ? predicted.length / count : 0;
  if (predicted.length !== target.length || size % 3 !== 0)
    throw new ShapeError("accelErrors", `two lists of ${count} frames of 3D joints`, [predicted.length, target.length]);
  const at = (points: ArrayLike<number>, t: number): Float64Array => {
    const frame = Float64Array.from({ length: size }, (_, i) => points[t * size + i]!);
    return root ? rootRelative(frame, root) : frame;
  };
  const acceleration = (points: ArrayLike<number>, t: number): Float64Array => {
    const [before, here, after] = [at(points, t - 1), at(points, t), at(points, t + 1)];
    return here.map((x, i) => before[i]! - 2 * x + after[i]!);
  };
  const found: AccelErrors = { frames: [], errors: [] };
  for (let t = 1; t < count; t++) {
    if (!(frames[t]! > frames[t - 1]!))
      throw new MotionCueError("accelErrors", `frame numbers must ascend, got ${frames[t - 1]} before ${frames[t]}`);
    if (t + 1 >= count || frames[t + 1]! - frames[t - 1]! !== 2) continue;
    found.frames.push(frames[t]!);
    found.errors.push(meanDistance(acceleration(predicted, t), acceleration(target, t)));
  }
  return found;
}

/**
 * Mean acceleration error over all middle frames of all sequences, mm/frame^2; NaN when no three frames follow each
 * other.
 */
export function accelError(sequences: readonly JointSequence[], root?: readonly number[]): number {
  return mean(sequences.flatMap((sequence) => accelErrors(sequence, root).errors));
}

/** The mean, NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
