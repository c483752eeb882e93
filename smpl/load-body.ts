/** @file Body models from files with SMPL's keys (`.npz`, or `.pkl` as SMPL is published), or the package's own. */
import { FormatError } from "../src/errors.ts";
import { withSource } from "../src/io/byte-source.ts";
import { type HostTensor, toFloat32 } from "../src/io/host-tensor.ts";
import type { NpyArray } from "../src/io/npy.ts";
import { numbersOf, readNpz } from "../src/io/npz.ts";
import { readPickledArrays } from "../src/io/pickle-file.ts";
import { type BodyArrays, checkBodyArrays } from "./body-arrays.ts";
import { type BodyModel, createBodyModel } from "./body-model.ts";
import { type BodyPoints, EXTRA_NAMES, H36M_NAMES, PICK_NAMES } from "./joint-sets.ts";
import { JOINT_COUNT } from "./joints.ts";
import { proceduralBody } from "./procedural-body.ts";

const KEYS = ["v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f"];
const POINT_KEYS = ["vertex_picks", "J_regressor_extra", "J_regressor_h36m"];
/** SMPL writes the root's parent, -1, as an unsigned number. */
const UNSIGNED_MINUS_ONE = 2 ** 32 - 1;

/**
 * The body model of a `.npz` or `.pkl` file with SMPL's keys (v_template, shapedirs, posedirs, J_regressor, weights,
 * kintree_table, f), any vertex count and up to 300 shape components; with "default" the package's own. The first
 * `betaCount` betas are used (by default 10, or all where there are fewer). Throws FormatError or MotionCueError naming
 * file and array.
 */
export async function loadBody(path: string | "default", betaCount?: number): Promise<BodyModel> {
  return createBodyModel(path === "default" ? proceduralBody() : await readBody(path), betaCount);
}

/**
 * The arrays of a body file, checked. Pickles may be Python 2's, with chumpy's arrays and sparse matrices; nothing in
 * them is executed. Throws FormatError or MotionCueError naming file and array.
 */
export async function readBody(path: string): Promise<BodyArrays> {
  const read = (await isPickle(path)) ? readPickledArrays : readNpz;
  const arrays: ReadonlyMap<string, NpyArray> = await read(path, { keys: [...KEYS, ...POINT_KEYS] });
  const numbers = (key: string, shape: readonly number[]) => numbersOf(arrays, key, path, shape);

  const vertexCount = numbers("v_template", [-1, 3]).shape[0]!;
  const body: BodyArrays = {
    name: path,
    vTemplate: toFloat32(numbers("v_template", [vertexCount, 3])),
    shapeDirs: toFloat32(numbers("shapedirs", [vertexCount, 3, -1])),
    poseDirs: toFloat32(numbers("posedirs", [vertexCount, 3, 9 * (JOINT_COUNT - 1)])),
    jointRegressor: toFloat32(numbers("J_regressor", [JOINT_COUNT, vertexCount])),
    lbsWeights: toFloat32(numbers("weights", [vertexCount, JOINT_COUNT])),
    faces: indices(arrays, path),
    parents: parents(numbers("kintree_table", [2, JOINT_COUNT]), path),
    ...(POINT_KEYS.some((key) => arrays.has(key)) ? { points: pointsOf(arrays, path, vertexCount) } : {}),
  };
  checkBodyArrays(path, body);
  return body;
}

/** The points that a file brings along for joint sets (smpl/body-points.ts); each may be missing. */
function pointsOf(arrays: ReadonlyMap<string, NpyArray>, path: string, vertexCount: number): BodyPoints {
  const matrix = (key: string, rows: number) => toFloat32(numbersOf(arrays, key, path, [rows, vertexCount]));
  return {
    ...(arrays.has("vertex_picks") ? { picks: picksOf(arrays, path, vertexCount) } : {}),
    ...(arrays.has("J_regressor_extra") ? { extra: matrix("J_regressor_extra", EXTRA_NAMES.length) } : {}),
    ...(arrays.has("J_regressor_h36m") ? { h36m: matrix("J_regressor_h36m", H36M_NAMES.length) } : {}),
  };
}

function picksOf(arrays: ReadonlyMap<string, NpyArray>, path: string, vertexCount: number): Uint32Array {
  const { data } = numbersOf(arrays, "vertex_picks", path, [PICK_NAMES.length]);
  return Uint32Array.from(data as ArrayLike<number | bigint>, (entry) => {
    const value = Number(entry);
    if (!Number.isInteger(value) || value < 0 || value >= vertexCount)
      throw new FormatError(path, `vertex_picks must hold vertices below ${vertexCount}, got ${entry}`);
    return value;
  });
}

/** By the first byte (protocol 2 and later), or by the name: older protocols begin with anything. */
async function isPickle(path: string): Promise<boolean> {
  const [first] = await withSource(path, (source) => source.read(0, Math.min(source.size, 1)));
  return first === 0x80 || /\.(pkl|pickle)$/i.test(path);
}

function parents(table: HostTensor, path: string): Int32Array {
  return Int32Array.from(table.data.subarray(0, JOINT_COUNT) as ArrayLike<number | bigint>, (entry) => {
    const value = Number(entry);
    if (value === UNSIGNED_MINUS_ONE || value === -1) return -1;
    if (!Number.isInteger(value) || value < 0 || value >= JOINT_COUNT)
      throw new FormatError(path, `kintree_table must hold joints below ${JOINT_COUNT}, got ${entry}`);
    return value;
  });
}

function indices(arrays: ReadonlyMap<string, NpyArray>, path: string): Uint32Array {
  const { data } = numbersOf(arrays, "f", path, [-1, 3]);
  return Uint32Array.from(data as ArrayLike<number | bigint>, (entry) => {
    const value = Number(entry);
    if (!Number.isInteger(value) || value < 0 || value > UNSIGNED_MINUS_ONE)
      throw new FormatError(path, `f must hold vertex indices, got ${entry}`);
    return value;
  });
}
