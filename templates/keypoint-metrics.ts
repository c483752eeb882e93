/** @file Measures of 2D keypoints by their published names, each for frames of the same joints. */
import { ShapeError } from "../src/errors.ts";

/** Keypoints [frames*joints*2], (x, y) in pixels, frame by frame. */
export interface Keypoints {
  readonly data: ArrayLike<number>;
  readonly joints: number;
}

/** Which keypoints count, [frames*joints], 0 or 1. */
export type Visible = ArrayLike<number>;

/** Distances [frames*joints] in pixels; throws ShapeError where the two differ in size. */
export function distances(predicted: Keypoints, truth: Keypoints): Float64Array {
  const [p, t] = [predicted.data, truth.data];
  if (p.length !== t.length || predicted.joints !== truth.joints || p.length % (2 * predicted.joints) !== 0)
    throw new ShapeError("keypoint metrics", `[${t.length / 2 / truth.joints},${truth.joints},2]`, [
      p.length / 2 / predicted.joints,
      predicted.joints,
      2,
    ]);
  return Float64Array.from({ length: p.length / 2 }, (_, i) =>
    Math.hypot(p[2 * i]! - t[2 * i]!, p[2 * i + 1]! - t[2 * i + 1]!),
  );
}

/** nL2: the mean distance in percent of the picture's side `size` (in tables also "%-MSE normalised by image size"). */
export function nL2(predicted: Keypoints, truth: Keypoints, size: number, visible?: Visible): number {
  return (100 * mean(distances(predicted, truth), (i) => visible?.[i] !== 0)) / size;
}

/** nL2 of every joint. */
export function partErrors(predicted: Keypoints, truth: Keypoints, size: number, visible?: Visible): number[] {
  const all = distances(predicted, truth);
  const { joints } = truth;
  return Array.from(
    { length: joints },
    (_, joint) => (100 * mean(all, (i) => i % joints === joint && visible?.[i] !== 0)) / size,
  );
}

/** Percent of keypoints that are detected, over all joints and for each. */
export interface DetectedJoints {
  readonly all: number;
  readonly perJoint: readonly number[];
}

/**
 * PDJ@fraction: percent of keypoints nearer to the truth than `fraction` of the person's box's diagonal, whose lengths
 * `diagonals` has per frame in pixels. Visible ones only where `visible` is given.
 */
export function detectedJoints(
  predicted: Keypoints,
  truth: Keypoints,
  diagonals: ArrayLike<number>,
  fraction = 0.05,
  visible?: Visible,
): DetectedJoints {
  const { joints } = truth;
  const hits = distances(predicted, truth).map((d, i) => (d < fraction * diagonals[Math.floor(i / joints)]! ? 100 : 0));
  const counts = (i: number) => visible?.[i] !== 0;
  return {
    all: mean(hits, counts),
    perJoint: Array.from({ length: joints }, (_, joint) => mean(hits, (i) => i % joints === joint && counts(i))),
  };
}

/** Body segments as pairs of joint names of the part templates; the first is the torso, their unit of length. */
export const BODY_SEGMENTS: readonly (readonly [string, string])[] = [
  ["pelvis", "neck"],
  ...["right", "left"].flatMap((side): [string, string][] => [
    ["pelvis", `${side}-hip`],
    [`${side}-hip`, `${side}-knee`],
    [`${side}-knee`, `${side}-ankle`],
    ["chest", `${side}-shoulder`],
    [`${side}-shoulder`, `${side}-elbow`],
    [`${side}-elbow`, `${side}-wrist`],
  ]),
];

/** Consistency of body proportions. */
export interface ProportionConsistency {
  /** 1 / the mean deviation: higher is more consistent; infinite where nothing varies. */
  readonly value: number;
  /** Standard deviation (unbiased) of each segment's length in torso lengths over the frames. */
  readonly deviations: readonly number[];
}

/**
 * BPLP-C (Yoo and Russakovsky 2023): segment lengths in torso lengths, their deviation over all frames, and the
 * reciprocal of the mean deviation. Needs no truth. `segments` are pairs of joints, the torso first.
 */
export function proportionConsistency(
  { data, joints }: Keypoints,
  segments: readonly (readonly [number, number])[],
): ProportionConsistency {
  const frames = data.length / (2 * joints);
  const length = (frame: number, [a, b]: readonly [number, number]) => {
    const [p, q] = [2 * (frame * joints + a), 2 * (frame * joints + b)];
    return Math.hypot(data[p]! - data[q]!, data[p + 1]! - data[q + 1]!);
  };
  const deviations = segments.map((segment) => {
    const shares = Float64Array.from({ length: frames }, (_, f) => length(f, segment) / length(f, segments[0]!));
    const centre = mean(shares);
    return Math.sqrt(shares.reduce((sum, share) => sum + (share - centre) ** 2, 0) / (frames - 1));
  });
  return { value: 1 / mean(deviations), deviations };
}

/** nL2 where each frame may be read with left and right joints exchanged (`mirrored[j]` is the other side of j), the better counting. */
export function nL2MinOverSwap(
  predicted: Keypoints,
  truth: Keypoints,
  size: number,
  mirrored: readonly number[],
): number {
  const plain = frameMeans(predicted, truth);
  const swapped = frameMeans(predicted, swapSides(truth, mirrored));
  return (100 * mean(plain.map((d, frame) => Math.min(d, swapped[frame]!)))) / size;
}

/** Mean distance of each frame in pixels. */
export function frameMeans(predicted: Keypoints, truth: Keypoints): Float64Array {
  const all = distances(predicted, truth);
  const { joints } = truth;
  return Float64Array.from({ length: all.length / joints }, (_, f) => mean(all.subarray(f * joints, (f + 1) * joints)));
}

/** The same keypoints with left and right joints exchanged. */
export function swapSides({ data, joints }: Keypoints, mirrored: readonly number[]): Keypoints {
  const swapped = Float64Array.from({ length: data.length }, (_, i) => {
    const joint = Math.floor(i / 2) % joints;
    return data[i + 2 * (mirrored[joint]! - joint)]!;
  });
  return { data: swapped, joints };
}

/** The prediction that every method must beat: for `frames` frames the mean pose of `known`. */
export function constantPose({ data, joints }: Keypoints, frames: number): Keypoints {
  const width = 2 * joints;
  const pose = Float64Array.from({ length: width }, (_, k) => mean(data, (i) => i % width === k));
  return { data: Float64Array.from({ length: frames * width }, (_, i) => pose[i % width]!), joints };
}

function mean(values: ArrayLike<number>, counts: (i: number) => boolean = () => true): number {
  let sum = 0;
  let number = 0;
  for (let i = 0; i < values.length; i++) {
    if (!counts(i)) continue;
    sum += values[i]!;
    number++;
  }
  return sum / number;
}
