/** @file Separable resampling of pictures: the one filter behind cropping and resizing. */
import { createImage, type Image, sizeOf } from "./image.ts";

/** For each output sample o: `count[o]` weights from input sample `first[o]` on. Weights sum to 1 (less beside zeros). */
export interface AxisFilter {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `[outputs, taps]`, fixed point with BITS bits. */
  readonly weights: Int32Array;
  readonly taps: number;
}

const BITS = 14;
/** Bits kept below the point between the two passes. */
const KEPT = 8;

/**
 * The weights of one axis. Output sample o lies at input coordinate `start + o * step` (centres of pixels are integers).
 * The filter is linear interpolation, averaged, when shrinking (step > 1), over an interval of length sqrt(step^2 - 1):
 * it is exactly bilinear at step <= 1, about an area average for large steps, continuous between, and keeps linear
 * ramps as they are. `edge`: what lies outside the `length` input samples, zeros or the nearest sample.
 */
export function axisFilter(
  outputs: number,
  start: number,
  step: number,
  length: number,
  edge: "zero" | "nearest",
): AxisFilter {
  const half = step > 1 ? Math.sqrt(step * step - 1) / 2 : 0;
  const taps = Math.min(Math.ceil(2 * half) + 3, length);
  const first = new Int32Array(outputs);
  const count = new Int32Array(outputs);
  const weights = new Int32Array(outputs * taps);
  const line = new Float64Array(length);
  for (let o = 0; o < outputs; o++) {
    const centre = start + o * step;
    const from = Math.floor(centre - half);
    const to = Math.ceil(centre + half);
    if (edge === "zero" && (to < 0 || from >= length)) continue;
    const low = clamp(from, length);
    const high = clamp(to, length);
    line.fill(0, low, high + 1);
    const [begin, end] = edge === "zero" ? [low, high] : [from, to];
    for (let i = begin; i <= end; i++) line[clamp(i, length)]! += weightAt(i - centre, half);
    first[o] = low;
    count[o] = high - low + 1;
    quantise(line.subarray(low, high + 1), weights.subarray(o * taps));
  }
  return { first, count, weights, taps };
}

/** The picture, filtered along both axes: output `[yFilter.first.length, xFilter.first.length, 3]`. */
export function resample(image: Image, yFilter: AxisFilter, xFilter: AxisFilter): Image {
  sizeOf(image);
  const height = yFilter.first.length;
  const width = xFilter.first.length;
  const output = createImage(height, width);
  let top = Number.POSITIVE_INFINITY;
  let bottom = -1;
  for (let y = 0; y < height; y++) {
    if (yFilter.count[y] === 0) continue;
    top = Math.min(top, yFilter.first[y]!);
    bottom = Math.max(bottom, yFilter.first[y]! + yFilter.count[y]! - 1);
  }
  if (bottom < 0) return output;
  const rows = filterRows(image, xFilter, top, bottom);
  filterColumns(rows, top, width * 3, yFilter, output.data);
  return output;
}

/** Rows `top..bottom` filtered along x, with KEPT bits below the point. */
function filterRows(image: Image, filter: AxisFilter, top: number, bottom: number): Uint16Array {
  const { first, count, weights, taps } = filter;
  const source = image.data;
  const stride = image.shape[1]! * 3;
  const width = first.length;
  const rows = new Uint16Array((bottom - top + 1) * width * 3);
  const round = 1 << (BITS - KEPT - 1);
  let o = 0;
  for (let y = top; y <= bottom; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      let i = y * stride + first[x]! * 3;
      let red = round;
      let green = round;
      let blue = round;
      const end = x * taps + count[x]!;
      for (let w = x * taps; w < end; w++, i += 3) {
        const weight = weights[w]!;
        red += Math.imul(weight, source[i]!);
        green += Math.imul(weight, source[i + 1]!);
        blue += Math.imul(weight, source[i + 2]!);
      }
      rows[o] = red >> (BITS - KEPT);
      rows[o + 1] = green >> (BITS - KEPT);
      rows[o + 2] = blue >> (BITS - KEPT);
    }
  }
  return rows;
}

function filterColumns(rows: Uint16Array, top: number, length: number, filter: AxisFilter, output: Uint8Array): void {
  const sums = new Int32Array(length);
  for (let y = 0; y < filter.first.length; y++) {
    const taps = filter.count[y]!;
    if (taps === 0) continue;
    sums.fill(1 << (BITS + KEPT - 1));
    for (let k = 0; k < taps; k++) {
      const weight = filter.weights[y * filter.taps + k]!;
      const from = (filter.first[y]! + k - top) * length;
      for (let i = 0; i < length; i++) sums[i]! += Math.imul(weight, rows[from + i]!);
    }
    const into = y * length;
    for (let i = 0; i < length; i++) output[into + i] = sums[i]! >> (BITS + KEPT);
  }
}

/** The mean of the interpolation weight max(0, 1 - |t|) over t = offset - half .. offset + half. */
function weightAt(offset: number, half: number): number {
  if (half < 1e-6) return Math.max(0, 1 - Math.abs(offset));
  return (hatIntegral(offset + half) - hatIntegral(offset - half)) / (2 * half);
}

/** The integral of max(0, 1 - |t|) from -1 to t. */
function hatIntegral(t: number): number {
  if (t <= -1) return 0;
  if (t >= 1) return 1;
  return t < 0 ? (1 + t) ** 2 / 2 : 1 - (1 - t) ** 2 / 2;
}

/** Rounds weights to fixed point so that they sum to the rounded sum: each rounding error is carried to the next. */
function quantise(exact: Float64Array, rounded: Int32Array): void {
  let sum = 0;
  let given = 0;
  for (let i = 0; i < exact.length; i++) {
    sum += exact[i]!;
    const upTo = Math.round(sum * (1 << BITS));
    rounded[i] = upTo - given;
    given = upTo;
  }
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1);
}
