/**
 * @file Labels in the format of VIBE's and TCMR's databases, saved as .npz: in Python,
 * `numpy.savez("db.npz", **joblib.load("3dpw_train_db.pt"))`. One row per person and video frame.
 */
import { FormatError } from "../../src/errors.ts";
import { readNpz, textsOf } from "../../src/io/npz.ts";
import { GT_24_TO_SMPL } from "./joint-sets.ts";
import {
  checkEntryCount,
  checkSquares,
  finiteNumbers,
  type JointField,
  type LabelFields,
  spin49Fields,
} from "./label-fields.ts";

const KEYS = ["img_name", "bbox", "pose", "shape", "joints3D", "joints2D", "valid"];
/** VIBE's own crops are this much wider than its boxes (its get_single_image_crop), and so are those of the paper's code. */
const CROP_SCALE = 1.3;
/** The "common" set of 14 joints: GT-24's first, from the right ankle to the top of the head. */
const COMMON_14_TO_SMPL = GT_24_TO_SMPL.slice(0, 14);

/**
 * The labels of a VIBE database. Needed are img_name [N], bbox [N,4] (centre, width, height; the crop is square, 1.3 times
 * the longer side) and at least one of pose [N,72] (camera space; with shape [N,10]), joints3D [N,K,3] (metres, any origin;
 * a joint at exactly 0, 0, 0 is not known), joints2D [N,K,3] (pixels and confidence), for K = 14 (the common set), 24
 * (GT-24) or 49 (SPIN's). Rows that `valid` [N] denies are left out. Other arrays (vid_name, frame_id, features) are not
 * read. Throws FormatError naming file and field.
 */
export async function readVibeFile(path: string): Promise<LabelFields> {
  const arrays = await readNpz(path, { keys: KEYS });
  const allNames = textsOf(arrays, "img_name", path).data;
  const total = allNames.length;
  checkEntryCount(total, "img_name", path);
  const numbers = (key: string, shape: readonly number[]) =>
    arrays.has(key) ? finiteNumbers(arrays, key, path, shape) : undefined;
  const valid = numbers("valid", [total]);
  const rows = Array.from(allNames.keys()).filter((i) => !valid || valid[i]! > 0);
  if (rows.length === 0) throw new FormatError(path, "valid leaves no entry");
  const chosen = (values: Float32Array) => chosenRows(values, values.length / total, rows);

  const bbox = chosen(finiteNumbers(arrays, "bbox", path, [total, 4]));
  const squares = new Float32Array(3 * rows.length);
  for (let i = 0; i < rows.length; i++) {
    const [cx, cy, width, height] = bbox.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    squares.set([cx, cy, CROP_SCALE * Math.max(width, height)], 3 * i);
  }
  checkSquares(squares, "bbox width or height", path);
  const pose = numbers("pose", [total, 72]);
  const shape = numbers("shape", [total, 10]);
  const points = (key: string) => {
    const count = arrays.get(key)?.shape[1] ?? -1;
    const values = numbers(key, [total, count, 3]);
    return values ? { values: chosen(values), count } : undefined;
  };
  const joints2d = points("joints2D");
  const joints3d = points("joints3D");
  if (!pose && !joints2d && !joints3d)
    throw new FormatError(
      path,
      `expected at least one of pose, joints3D, joints2D, got ${[...arrays.keys()].join(", ")}`,
    );
  return {
    names: rows.map((i) => allNames[i]!),
    nameField: "img_name",
    squares,
    ...(pose ? { pose: chosen(pose) } : {}),
    ...(pose && shape ? { shape: chosen(shape) } : {}),
    joints3d: joints3d ? jointFields(withConfidence(joints3d.values), joints3d.count, 4, `${path}: joints3D`) : [],
    joints2d: joints2d ? jointFields(joints2d.values, joints2d.count, 3, `${path}: joints2D`) : [],
  };
}

function chosenRows(values: Float32Array, width: number, rows: readonly number[]): Float32Array {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    out.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}

function jointFields(values: Float32Array, count: number, width: number, where: string): JointField[] {
  if (count === 49) return spin49Fields(values, width);
  if (count === 24) return [{ values, map: GT_24_TO_SMPL }];
  if (count === 14) return [{ values, map: COMMON_14_TO_SMPL }];
  throw new FormatError(where, `expected 14, 24 or 49 joints, got ${count}`);
}

/** Points [M*3] as [M*4]: known unless they are exactly 0, which is what these files put for a joint they do not have. */
function withConfidence(points: Float32Array): Float32Array {
  const out = new Float32Array((points.length / 3) * 4);
  for (let i = 0; i < points.length / 3; i++) {
    const point = points.subarray(3 * i, 3 * i + 3);
    out.set(point, 4 * i);
    out[4 * i + 3] = point.some((value) => value !== 0) ? 1 : 0;
  }
  return out;
}
