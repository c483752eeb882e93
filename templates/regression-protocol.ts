/** @file The protocol for keypoints without names (He et al. 2022, AutoLink): a linear map to named joints, learnt from labels. */
import { MotionCueError, ShapeError } from "../src/errors.ts";
import { frameMeans, type Keypoints, swapSides } from "./keypoint-metrics.ts";

/** Detected points and true joints of the same frames, all in fractions of the picture's side. */
export interface RegressionFrames {
  readonly detected: Keypoints;
  readonly truth: Keypoints;
}

/** At most this many swapped frames may be left when the alternation ends. */
const SWAPPED_LEFT = 10;
/** The alternation may go round in circles on small sets. */
const MOST_ROUNDS = 100;

/**
 * The error, in percent of the picture's side, of joints read off detected points by one linear map without bias. The
 * map is fitted by least squares on `train`, left and right of a frame's truth exchanged wherever that fits better,
 * until at most 10 frames change; frames beyond 3 deviations are then left out and the map is fitted once more. On
 * `test` the better of both readings counts per frame. It uses labels, so compare it only with itself.
 */
export function regressionError(train: RegressionFrames, test: RegressionFrames, mirrored: readonly number[]): number {
  let truth = train.truth;
  let map = fitLinear(train.detected, truth);
  let errors: Float64Array;
  for (let round = 0; ; round++) {
    const fitted = applyLinear(map, train.detected, truth.joints);
    errors = frameMeans(fitted, truth);
    const [swapped, other] = swapWhereBetter(fitted, truth, errors, mirrored);
    if (other <= SWAPPED_LEFT || round === MOST_ROUNDS) break;
    truth = swapped;
    map = fitLinear(train.detected, truth);
  }
  const mean = errors.reduce((sum, e) => sum + e, 0) / errors.length;
  const deviation = Math.sqrt(errors.reduce((sum, e) => sum + (e - mean) ** 2, 0) / (errors.length - 1));
  const kept = [...errors.keys()].filter((frame) => errors[frame]! < mean + 3 * deviation || deviation === 0);
  map = fitLinear(select(train.detected, kept), select(truth, kept));

  const predicted = applyLinear(map, test.detected, test.truth.joints);
  const plain = frameMeans(predicted, test.truth);
  const exchanged = frameMeans(predicted, swapSides(test.truth, mirrored));
  return (100 * plain.reduce((sum, e, frame) => sum + Math.min(e, exchanged[frame]!), 0)) / plain.length;
}

function swapWhereBetter(
  fitted: Keypoints,
  truth: Keypoints,
  errors: Float64Array,
  mirrored: readonly number[],
): [Keypoints, number] {
  const exchanged = swapSides(truth, mirrored);
  const better = frameMeans(fitted, exchanged).map((e, frame) => (e < errors[frame]! ? 1 : 0));
  const width = 2 * truth.joints;
  const data = Float64Array.from({ length: truth.data.length }, (_, i) =>
    better[Math.floor(i / width)] ? exchanged.data[i]! : truth.data[i]!,
  );
  return [{ data, joints: truth.joints }, better.reduce((a, b) => a + b, 0)];
}

function select({ data, joints }: Keypoints, frames: readonly number[]): Keypoints {
  const width = 2 * joints;
  const rows = frames.map((frame) => Array.from({ length: width }, (_, i) => data[frame * width + i]!));
  return { data: Float64Array.from(rows.flat()), joints };
}

/**
 * The least-squares map [2K * 2J] from the numbers of K points to those of J joints, by the normal equations. Throws
 * MotionCueError where the frames do not determine it.
 */
export function fitLinear(points: Keypoints, joints: Keypoints): Float64Array {
  const [n, m] = [2 * points.joints, 2 * joints.joints];
  const frames = points.data.length / n;
  if (joints.data.length !== frames * m)
    throw new ShapeError("regression protocol", `[${frames},${joints.joints},2]`, [joints.data.length]);
  const width = n + m;
  const rows = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(width);
    for (let f = 0; f < frames; f++) {
      const x = points.data[f * n + i]!;
      for (let k = 0; k < n; k++) row[k]! += x * points.data[f * n + k]!;
      for (let k = 0; k < m; k++) row[n + k]! += x * joints.data[f * m + k]!;
    }
    return row;
  });
  const largest = Math.max(...rows.map((row, i) => row[i]!));
  for (let column = 0; column < n; column++) {
    const pivot = rows.reduce((best, row, i) =>
      i > column && Math.abs(row[column]!) > Math.abs(rows[best]![column]!) ? i : best, column); // biome-ignore format: one thought
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const own = rows[column]!;
    if (!(Math.abs(own[column]!) > 1e-13 * largest))
      throw new MotionCueError(
        "regression protocol",
        `expected frames that determine a map of ${n} numbers, got ${frames} in which the points depend on each other; use more or other frames`,
      );
    for (const [i, row] of rows.entries()) {
      if (i === column) continue;
      const factor = row[column]! / own[column]!;
      for (let k = column; k < width; k++) row[k]! -= factor * own[k]!;
    }
  }
  return Float64Array.from({ length: n * m }, (_, at) => {
    const [i, k] = [Math.floor(at / m), at % m];
    return rows[i]![n + k]! / rows[i]![i]!;
  });
}

/** What a map of `fitLinear` makes of points: joints of the same frames. */
export function applyLinear(map: Float64Array, points: Keypoints, joints: number): Keypoints {
  const [n, m] = [2 * points.joints, 2 * joints];
  const frames = points.data.length / n;
  const data = new Float64Array(frames * m);
  for (let f = 0; f < frames; f++)
    for (let i = 0; i < n; i++)
      for (let k = 0; k < m; k++) data[f * m + k]! += points.data[f * n + i]! * map[i * m + k]!;
  return { data, joints };
}
