/** @file What labelled data sets hold, whatever file they come from: one row per person in a picture. */
import { FormatError } from "../../src/errors.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import type { NpyArray } from "../../src/io/npy.ts";
import { numbersOf } from "../../src/io/npz.ts";
import type { PersonLabels } from "./crop.ts";
import { GT_24_TO_SMPL, OPENPOSE_25_TO_SMPL, toSmplJoints } from "./joint-sets.ts";

/** N rows; what a file does not have is missing here and gives no loss. */
export interface LabelFields {
  /** [N] paths of the pictures, as the file has them. */
  readonly names: readonly string[];
  /** What the file calls them. */
  readonly nameField: string;
  /** [N*3] centre and side of what a regressor should see, pixels. */
  readonly squares: Float32Array;
  /** [N*72] axis-angle, and [N*10]. */
  readonly pose?: Float32Array;
  readonly shape?: Float32Array;
  /** [N] positive where pose and shape count; without it, everywhere. */
  readonly hasSmpl?: Float32Array;
  /** Joint sets in order of preference: [N*K*4] metres and confidence, [N*K*3] pixels and confidence. */
  readonly joints3d: readonly JointField[];
  readonly joints2d: readonly JointField[];
}

/** Joints of one set, confidence last, and the SMPL joint of each. */
export interface JointField {
  readonly values: Float32Array;
  readonly map: readonly number[];
}

/** More entries than any published data set has. */
export const MAX_ENTRIES = 2_000_000;

/** The labels of row `i`. A joint is taken from the first set that knows it. */
export function labelsOfRow(
  { squares, pose, shape, hasSmpl, joints3d, joints2d }: LabelFields,
  i: number,
): PersonLabels {
  const known = pose && (!hasSmpl || hasSmpl[i]! > 0);
  return {
    square: { cx: squares[3 * i]!, cy: squares[3 * i + 1]!, side: squares[3 * i + 2]! },
    ...(known ? { pose: pose.subarray(72 * i, 72 * i + 72) } : {}),
    ...(known && shape ? { betas: shape.subarray(10 * i, 10 * i + 10) } : {}),
    ...(joints3d.length > 0 ? { joints3d: mergedJoints(joints3d, 4, i) } : {}),
    ...(joints2d.length > 0 ? { joints2d: mergedJoints(joints2d, 3, i) } : {}),
  };
}

function mergedJoints(fields: readonly JointField[], width: number, index: number): Float32Array {
  const out = new Float32Array(24 * width);
  for (const { values, map } of fields) {
    const length = map.length * width;
    const before = out.slice();
    toSmplJoints(values.subarray(index * length, (index + 1) * length), map, width, out);
    // A joint that an earlier field knows is left as it was.
    for (let j = 0; j < 24; j++) {
      if (before[width * j + width - 1]! > 0) out.set(before.subarray(width * j, width * (j + 1)), width * j);
    }
  }
  return out;
}

/** The array `key` of `shape` as finite floats. Throws FormatError naming file and field. */
export function finiteNumbers(
  arrays: ReadonlyMap<string, NpyArray>,
  key: string,
  path: string,
  shape: readonly number[],
): Float32Array {
  const values = toFloat32(numbersOf(arrays, key, path, shape));
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new FormatError(path, `${key} must be finite, got ${values[at]} at index ${at}`);
  return values;
}

/** Throws FormatError unless a file has between one and MAX_ENTRIES entries; `key` is the field that says so. */
export function checkEntryCount(count: number, key: string, path: string): void {
  if (count === 0 || count > MAX_ENTRIES)
    throw new FormatError(path, `${key} must have 1 to ${MAX_ENTRIES} entries, got ${count}`);
}

/** Throws FormatError naming the field `key` where a square's side is not positive. */
export function checkSquares(squares: Float32Array, key: string, path: string): void {
  for (let i = 0; i < squares.length / 3; i++)
    if (!(squares[3 * i + 2]! > 0)) throw new FormatError(path, `${key} must be positive at index ${i}`);
}

/** The 49 joints of SPIN and EFT (OpenPose-25, then GT-24) as two fields, GT-24 preferred. `values` [N*49*width]. */
export function spin49Fields(values: Float32Array, width: number): JointField[] {
  const count = values.length / (49 * width);
  const part = (first: number, map: readonly number[]): JointField => {
    const own = new Float32Array(count * map.length * width);
    for (let i = 0; i < count; i++) {
      const from = (49 * i + first) * width;
      own.set(values.subarray(from, from + map.length * width), i * map.length * width);
    }
    return { values: own, map };
  };
  return [part(25, GT_24_TO_SMPL), part(0, OPENPOSE_25_TO_SMPL)];
}
