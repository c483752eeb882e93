/** @file Which side is which: keypoints whose left and right are sides of the picture, assigned to a person's by distance. */

/** Below this difference of the two distances, as a share of the larger, neither assignment is believed. */
const CLEAR = 0.1;

/** Keypoints after the assignment, and how often each case came up. */
export interface SidedKeypoints {
  /** [F*K*3] as given, with sides exchanged where that fits better; confidence 0 where it is not clear. */
  readonly keypoints: Float32Array;
  /** Frames whose sides were exchanged. */
  readonly swapped: number;
  /** Frames whose sides are unclear, as in a profile: only joints of the middle line count there. */
  readonly unclear: number;
}

/**
 * Of F frames: keypoints [F*K*3] (x, y, confidence) for the points [F*K*2] as they lie, or with each taken from its
 * `mirror` [K], whichever is nearer (mean distance weighted by confidence, over joints that have a side).
 */
export function assignSides(
  points: ArrayLike<number>,
  keypoints: Float32Array,
  mirror: readonly number[],
): SidedKeypoints {
  const count = mirror.length;
  const result = Float32Array.from(keypoints);
  let [swapped, unclear] = [0, 0];
  for (let begin = 0; begin < keypoints.length / 3; begin += count) {
    const distances = [false, true].map((swap) => sidedDistance(points, keypoints, mirror, begin, swap));
    const [straight, crossed] = distances as [number, number];
    if (Number.isNaN(straight) || Number.isNaN(crossed)) continue;
    const isClear = Math.abs(straight - crossed) > CLEAR * Math.max(straight, crossed);
    if (!isClear) unclear++;
    else if (crossed < straight) swapped++;
    mirror.forEach((other, k) => {
      if (other === k) return;
      const at = 3 * (begin + k);
      if (!isClear) result[at + 2] = 0;
      else if (crossed < straight) result.set(keypoints.subarray(3 * (begin + other), 3 * (begin + other) + 3), at);
    });
  }
  return { keypoints: result, swapped, unclear };
}

/** NaN where no joint with a side is known. */
function sidedDistance(
  points: ArrayLike<number>,
  keypoints: Float32Array,
  mirror: readonly number[],
  begin: number,
  swap: boolean,
): number {
  let [sum, total] = [0, 0];
  mirror.forEach((other, k) => {
    if (other === k) return;
    const at = 3 * (begin + (swap ? other : k));
    const confidence = keypoints[at + 2]!;
    if (!(confidence > 0)) return;
    const [x, y] = [points[2 * (begin + k)]!, points[2 * (begin + k) + 1]!];
    sum += confidence * Math.hypot(keypoints[at]! - x, keypoints[at + 1]! - y);
    total += confidence;
  });
  return sum / total;
}
