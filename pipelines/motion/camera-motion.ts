/**
 * @file The motion of the camera between two pictures: the affine map that most of the picture follows. Found by direct
 * alignment, coarse to fine (Gauss-Newton on brightness, Lucas & Kanade 1981), with weights that forget what moves on
 * its own (Geman & McClure 1985).
 */
import { type Grey, halve } from "./grey.ts";

/** `x' = a x + b y + c, y' = d x + e y + f` as [a, b, c, d, e, f]; pixels from the picture's centre. */
export type Affine = readonly [number, number, number, number, number, number];

export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

const COARSEST_SIDE = 24;
const ITERATIONS = 6;
/** Weights fall where a difference in brightness exceeds this many times the median difference, or this many levels. */
const OUTLIER_MEDIANS = 3;
const OUTLIER_FLOOR = 2;

/** The map from pixels of `from` to those of `to` (same size) that most of the picture follows. */
export function cameraMotion(from: Grey, to: Grey): Affine {
  const levels: [Grey, Grey][] = [[from, to]];
  while (Math.min(levels[0]![0].height, levels[0]![0].width) >= 2 * COARSEST_SIDE)
    levels.unshift([halve(levels[0]![0]), halve(levels[0]![1])]);
  let motion: Affine = IDENTITY;
  levels.forEach(([a, b], level) => {
    if (level > 0) motion = [motion[0], motion[1], 2 * motion[2], motion[3], motion[4], 2 * motion[5]];
    for (let i = 0; i < ITERATIONS; i++) {
      const next = improve(a, b, motion);
      if (!next) break;
      const step = Math.hypot(next[2] - motion[2], next[5] - motion[5]);
      motion = next;
      if (step < 0.005) break;
    }
  });
  return motion;
}

/** `second` after `first`. */
export function compose(second: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

/** The map back. */
export function invert([a, b, c, d, e, f]: Affine): Affine {
  const det = a * e - b * d;
  return [e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det];
}

/** `grey` seen through `map`: the pixel at p is that of `grey` at map(p); NaN where that lies outside. */
export function warp(grey: Grey, map: Affine): Float32Array {
  const { height, width, data } = grey;
  const out = new Float32Array(height * width);
  eachPixel(grey, map, (i, at, fx, fy) => {
    out[i] = at < 0 ? Number.NaN : bilinear(data, at, width, fx, fy);
  });
  return out;
}

/** One Gauss-Newton step; undefined where the picture does not determine one. */
function improve(from: Grey, to: Grey, motion: Affine): Affine | undefined {
  const { width, height } = from;
  const scale = outlierScale(from.data, warp(to, motion));
  const normal = new Float64Array(36);
  const right = new Float64Array(6);
  const jacobian = new Float64Array(6);
  eachPixel(to, motion, (i, at, fx, fy) => {
    if (at < 0) return;
    const { data } = to;
    const [p, q, r, s] = [data[at]!, data[at + 1]!, data[at + width]!, data[at + width + 1]!];
    const gx = (q - p) * (1 - fy) + (s - r) * fy;
    const gy = (r - p) * (1 - fx) + (s - q) * fx;
    const error = bilinear(data, at, width, fx, fy) - from.data[i]!;
    const weight = 1 / (1 + (error / scale) ** 2) ** 2;
    const x = (i % width) - (width - 1) / 2;
    const y = Math.floor(i / width) - (height - 1) / 2;
    jacobian[0] = gx * x;
    jacobian[1] = gx * y;
    jacobian[2] = gx;
    jacobian[3] = gy * x;
    jacobian[4] = gy * y;
    jacobian[5] = gy;
    for (let m = 0; m < 6; m++) {
      const weighted = weight * jacobian[m]!;
      right[m]! -= weighted * error;
      for (let n = 0; n <= m; n++) normal[m * 6 + n]! += weighted * jacobian[n]!;
    }
  });
  const step = solvePositive(normal, right);
  return step && (motion.map((value, i) => value + step[i]!) as unknown as Affine);
}

function outlierScale(from: Float32Array, warped: Float32Array): number {
  const differences = from.map((value, i) => Math.abs(value - warped[i]!)).filter((value) => value >= 0);
  differences.sort();
  return Math.max(OUTLIER_FLOOR, OUTLIER_MEDIANS * (differences[differences.length >> 1] ?? 0));
}

/** Calls `action(i, at, fx, fy)` for each pixel i: its place through `map` is `at` plus fractions, or at = -1 outside. */
function eachPixel(
  grey: Grey,
  [a, b, c, d, e, f]: Affine,
  action: (i: number, at: number, fx: number, fy: number) => void,
): void {
  const { height, width } = grey;
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const x = a * (column - cx) + b * (row - cy) + c + cx;
      const y = d * (column - cx) + e * (row - cy) + f + cy;
      if (!(x >= 0 && y >= 0 && x <= width - 1 && y <= height - 1)) {
        action(i, -1, 0, 0);
        continue;
      }
      const x0 = Math.min(Math.floor(x), width - 2);
      const y0 = Math.min(Math.floor(y), height - 2);
      action(i, y0 * width + x0, x - x0, y - y0);
    }
  }
}

function bilinear(data: Float32Array, at: number, width: number, fx: number, fy: number): number {
  const top = data[at]! + (data[at + 1]! - data[at]!) * fx;
  const below = at + width;
  const bottom = data[below]! + (data[below + 1]! - data[below]!) * fx;
  return top + (bottom - top) * fy;
}

/** Solves a symmetric positive definite 6 x 6 system (lower half given) by Cholesky; undefined if it is not one. */
function solvePositive(lower: Float64Array, right: Float64Array): Float64Array | undefined {
  const n = right.length;
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i !== j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > 1e-9 * (lower[i * n + i]! + 1)) l[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  const x = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * n + k]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= l[k * n + i]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  return x;
}
