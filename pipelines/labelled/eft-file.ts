/**
 * @file Labels in EFT's format, a .json: `{"ver": .., "data": [{..}, ..]}`, one record per person in a picture.
 *
 * Of a record are used
 * - `imageName`: the picture's file name, without a folder;
 * - `bbox_center` [x, y] and `bbox_scale`: the square that EFT's network saw, in pixels; its side is 200 times the scale;
 * - `parm_pose` 24x3x3: a rotation matrix per joint, row by row, relative to the parent, the first into camera space;
 * - `parm_shape`: ten betas;
 * - `gt_keypoint_2d` 49x3: pixels of the whole picture and confidence, OpenPose-25 and then GT-24.
 *
 * Not used: `parm_cam` (s, tx, ty), the fitted camera: crop coordinates in -1..1 over the box are s X + t, unlike SPIN's
 * s (X + t); it is a result of the fit, and no loss asks for it. `joint_validity_openpose18`, `annotId`, `subjectId`.
 */
import { FormatError } from "../../src/errors.ts";
import { matrixToAxisAngleHost } from "../../src/geometry/rotation.ts";
import { type JsonRecord, readJsonRecords } from "../../src/io/json-records.ts";
import { checkEntryCount, type LabelFields, MAX_ENTRIES, spin49Fields } from "./label-fields.ts";
import { SCALE_UNIT } from "./spin-file.ts";

/** How far the columns of a matrix in a file may be from unit length and from each other's right angle. */
const ROTATION_TOLERANCE = 0.01;

/** One record as numbers. */
interface EftRow {
  readonly name: string;
  readonly square: readonly number[];
  readonly pose: Float64Array | undefined;
  readonly shape: readonly number[] | undefined;
  readonly keypoints: readonly number[] | undefined;
}

/**
 * The labels of an EFT .json. Needed in each record are imageName, bbox_center and bbox_scale; poses, shapes and keypoints
 * count where they are. Read record by record. Throws FormatError naming file, record and field.
 */
export async function readEftFile(path: string): Promise<LabelFields> {
  const names: string[] = [];
  const columns = {
    squares: createColumn(3),
    pose: createColumn(72),
    shape: createColumn(10),
    keypoints: createColumn(147),
  };
  const hasSmpl: number[] = [];
  let [poses, shapes, keypoints] = [0, 0, 0];
  for await (const record of readJsonRecords(path, "data")) {
    if (names.length >= MAX_ENTRIES) throw new FormatError(path, `data must have at most ${MAX_ENTRIES} records`);
    const row = rowOf(record, `${path}: record ${names.length}`);
    if (row.pose) poses++;
    if (row.pose && row.shape) shapes++;
    if (row.keypoints) keypoints++;
    names.push(row.name);
    hasSmpl.push(row.pose ? 1 : 0);
    columns.squares.push(row.square);
    columns.pose.push(row.pose);
    columns.shape.push(row.shape);
    columns.keypoints.push(row.keypoints);
  }
  checkEntryCount(names.length, "data", path);
  if (poses + keypoints === 0) throw new FormatError(path, "no record has parm_pose or gt_keypoint_2d");
  if (shapes > 0 && shapes < poses)
    throw new FormatError(
      path,
      `parm_shape must be in all records with parm_pose or in none, got ${shapes} of ${poses}`,
    );
  return {
    names,
    nameField: "imageName",
    squares: columns.squares.values(),
    ...(poses > 0 ? { pose: columns.pose.values(), hasSmpl: Float32Array.from(hasSmpl) } : {}),
    ...(shapes > 0 ? { shape: columns.shape.values() } : {}),
    joints3d: [],
    joints2d: keypoints > 0 ? spin49Fields(columns.keypoints.values(), 3) : [],
  };
}

function rowOf(record: JsonRecord, where: string): EftRow {
  const numbers = (key: string, count: number): number[] => {
    const values = [record[key]].flat(3);
    if (values.length !== count || !values.every((value) => typeof value === "number" && Number.isFinite(value)))
      throw new FormatError(where, `${key} must hold ${count} finite number${count > 1 ? "s" : ""}`);
    return values as number[];
  };
  const optional = (key: string, count: number) => (record[key] == null ? undefined : numbers(key, count));
  const name = record["imageName"];
  if (typeof name !== "string" || name === "") throw new FormatError(where, "imageName must be a text");
  const type = record["smpltype"];
  if (type != null && type !== "smpl")
    throw new FormatError(
      where,
      `expected smpltype "smpl", got ${JSON.stringify(type)}; other body models are not read`,
    );
  const [scale] = numbers("bbox_scale", 1);
  if (!(scale! > 0)) throw new FormatError(where, `bbox_scale must be positive, got ${scale}`);
  const matrices = optional("parm_pose", 216);
  if (matrices) checkRotations(matrices, where);
  return {
    name,
    square: [...numbers("bbox_center", 2), SCALE_UNIT * scale!],
    pose: matrices && matrixToAxisAngleHost(matrices),
    shape: optional("parm_shape", 10),
    keypoints: optional("gt_keypoint_2d", 147),
  };
}

function checkRotations(matrices: readonly number[], where: string): void {
  for (let j = 0; j < 24; j++) {
    const [a, b, c, d, e, f, g, h, i] = matrices.slice(9 * j, 9 * j + 9) as [number, number, number, number, number, number, number, number, number]; // biome-ignore format: nine numbers
    const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    const lengths = [a * a + d * d + g * g, b * b + e * e + h * h, c * c + f * f + i * i];
    if (![determinant, ...lengths].every((value) => Math.abs(value - 1) < ROTATION_TOLERANCE))
      throw new FormatError(where, `parm_pose must hold rotation matrices; joint ${j}'s is none`);
  }
}

/** A column of floats that grows row by row; rows without values are zeros. */
function createColumn(width: number) {
  let data = new Float32Array(width * 64);
  let used = 0;
  return {
    push(row: ArrayLike<number> | undefined): void {
      if (used + width > data.length) {
        const larger = new Float32Array(2 * data.length);
        larger.set(data);
        data = larger;
      }
      if (row) data.set(row, used);
      used += width;
    },
    values: () => data.slice(0, used),
  };
}
