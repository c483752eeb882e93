/** @file Labels in SPIN's format: an .npz with any subset of its fields. */
import { FormatError } from "../../src/errors.ts";
import { readNpz, textsOf } from "../../src/io/npz.ts";
import { GT_24_TO_SMPL, OPENPOSE_25_TO_SMPL } from "./joint-sets.ts";
import { checkEntryCount, checkSquares, finiteNumbers, type JointField, type LabelFields } from "./label-fields.ts";

/** A box's `scale` is its side in units of 200 px, in SPIN's files and in EFT's. */
export const SCALE_UNIT = 200;
const KEYS = ["imgname", "center", "scale", "pose", "shape", "has_smpl", "S", "part", "openpose"];

/**
 * The labels of a SPIN .npz. Needed are imgname [N], center [N,2], scale [N] and at least one of pose [N,72] (with shape
 * [N,10] if there is one, and has_smpl [N] saying which count), S [N,24,4], part [N,24,3], openpose [N,25,3]. Files of ours
 * add joints3d [N,24,4] and joints2d [N,24,3] of SMPL's joints, which are preferred. Throws FormatError naming file and field.
 */
export async function readSpinFile(path: string): Promise<LabelFields> {
  const arrays = await readNpz(path, { keys: [...KEYS, "joints3d", "joints2d"] });
  const names = textsOf(arrays, "imgname", path).data;
  const count = names.length;
  checkEntryCount(count, "imgname", path);
  const needed = (key: string, shape: readonly number[]) => finiteNumbers(arrays, key, path, shape);
  const optional = (key: string, shape: readonly number[]) => (arrays.has(key) ? needed(key, shape) : undefined);
  const joints = (key: string, map: readonly number[], width: number): JointField[] => {
    const values = optional(key, [count, map.length, width]);
    return values ? [{ values, map }] : [];
  };
  const own = Array.from({ length: 24 }, (_, i) => i);
  const center = needed("center", [count, 2]);
  const scale = needed("scale", [count]);
  const squares = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) squares.set([center[2 * i]!, center[2 * i + 1]!, SCALE_UNIT * scale[i]!], 3 * i);
  checkSquares(squares, "scale", path);
  const pose = optional("pose", [count, 72]);
  const shape = optional("shape", [count, 10]);
  const hasSmpl = optional("has_smpl", [count]);
  const joints3d = [...joints("joints3d", own, 4), ...joints("S", GT_24_TO_SMPL, 4)];
  const joints2d = [
    ...joints("joints2d", own, 3),
    ...joints("part", GT_24_TO_SMPL, 3),
    ...joints("openpose", OPENPOSE_25_TO_SMPL, 3),
  ];
  if (!pose && joints3d.length === 0 && joints2d.length === 0)
    throw new FormatError(
      path,
      `expected at least one of pose, S, part, openpose, got ${[...arrays.keys()].join(", ")}`,
    );
  return {
    names,
    nameField: "imgname",
    squares,
    ...(pose ? { pose } : {}),
    ...(shape ? { shape } : {}),
    ...(hasSmpl ? { hasSmpl } : {}),
    joints3d,
    joints2d,
  };
}
