/** @file Dense flow on the host, and how two fields compare. */
import ndarray, { type NdArray } from "ndarray";
import { ShapeError } from "../src/errors.ts";

/**
 * Flow `[H,W,2]` as (dx, dy) in pixels of that same H x W, from frame t to t+1, row after row without gaps:
 * `data[(y*W + x)*2 + c]`. A vector with a component that is not finite, or beyond 1e9, is unknown.
 */
export type FlowField = NdArray<Float32Array>;

/** Components beyond this mean "unknown" in the Middlebury files. */
const UNKNOWN_ABOVE = 1e9;

/** A field of zeros, of `height` rows and `width` columns. */
export function createFlowField(height: number, width: number): FlowField {
  return flowFieldFrom(new Float32Array(height * width * 2), height, width);
}

/** A field over `data` (not copied); ShapeError unless it holds `height * width * 2` numbers. */
export function flowFieldFrom(data: Float32Array, height: number, width: number): FlowField {
  if (data.length !== height * width * 2) throw new ShapeError("flow field", `[${height}*${width}*2]`, [data.length]);
  return ndarray(data, [height, width, 2]);
}

/** `{height, width}` of a field, whose layout is checked: ShapeError unless it is contiguous `[H,W,2]`. */
export function flowSize(field: FlowField): { readonly height: number; readonly width: number } {
  const [height = 0, width = 0, components] = field.shape;
  const contiguous =
    field.offset === 0 && field.stride[2] === 1 && field.stride[1] === 2 && field.stride[0] === width * 2;
  if (field.dimension !== 3 || components !== 2 || !contiguous || field.data.length !== height * width * 2)
    throw new ShapeError("flow field", "[H, W, 2], contiguous", field.shape);
  return { height, width };
}

/** Whether a vector is known: finite and at most 1e9 px in each component. */
export function isKnownFlow(dx: number, dy: number): boolean {
  return Math.abs(dx) <= UNKNOWN_ABOVE && Math.abs(dy) <= UNKNOWN_ABOVE;
}

/** How far a field is from the truth, over the pixels that count. With none, `pixels` is 0 and the rest NaN. */
export interface EndpointError {
  /** Pixels compared. */
  readonly pixels: number;
  /** Mean length of the difference, px. */
  readonly epe: number;
  /** Share of pixels whose difference is below 1, 3 and 5 px, in 0..1. */
  readonly within1: number;
  readonly within3: number;
  readonly within5: number;
  /** Outliers in percent, as KITTI 2015 counts them: a difference above 3 px that is also above 5 % of the true length. */
  readonly flAllPercent: number;
}

/**
 * The endpoint error of `predicted` against `truth` of the same size. A pixel counts where the truth is known and
 * `valid` (`[H*W]`, if given) is not zero; an unknown prediction there makes the mean NaN rather than vanish.
 */
export function endpointError(predicted: FlowField, truth: FlowField, valid?: ArrayLike<number>): EndpointError {
  const { height, width } = flowSize(truth);
  const size = flowSize(predicted);
  if (size.height !== height || size.width !== width)
    throw new ShapeError("endpoint error", `[${height}, ${width}, 2]`, predicted.shape);
  if (valid && valid.length !== height * width)
    throw new ShapeError("endpoint error: valid", `[${height}*${width}]`, [valid.length]);
  const [p, t] = [predicted.data, truth.data];
  const below = [0, 0, 0];
  let [pixels, sum, outliers] = [0, 0, 0];
  for (let i = 0; i < height * width; i++) {
    const [tx, ty] = [t[2 * i]!, t[2 * i + 1]!];
    if ((valid && !valid[i]) || !isKnownFlow(tx, ty)) continue;
    const [px, py] = [p[2 * i]!, p[2 * i + 1]!];
    const error = isKnownFlow(px, py) ? Math.hypot(px - tx, py - ty) : Number.NaN;
    pixels++;
    sum += error;
    if (error < 1) below[0]!++;
    if (error < 3) below[1]!++;
    if (error < 5) below[2]!++;
    if (!(error <= 3 || error <= 0.05 * Math.hypot(tx, ty))) outliers++;
  }
  const [within1, within3, within5] = below.map((count) => count / pixels) as [number, number, number];
  return { pixels, epe: sum / pixels, within1, within3, within5, flAllPercent: (100 * outliers) / pixels };
}

/** How much a field moves. */
export interface FlowStatistics {
  /** Pixels whose flow is known. */
  readonly known: number;
  /** Mean and greatest length of the known vectors, px; 0 where none is known. */
  readonly meanLength: number;
  readonly maxLength: number;
}

/** How many vectors of a field are known, and how long they are. */
export function flowStatistics(field: FlowField): FlowStatistics {
  flowSize(field);
  const { data } = field;
  let [known, sum, maxLength] = [0, 0, 0];
  for (let i = 0; i < data.length; i += 2) {
    if (!isKnownFlow(data[i]!, data[i + 1]!)) continue;
    const length = Math.hypot(data[i]!, data[i + 1]!);
    known++;
    sum += length;
    if (length > maxLength) maxLength = length;
  }
  return { known, meanLength: known > 0 ? sum / known : 0, maxLength };
}
