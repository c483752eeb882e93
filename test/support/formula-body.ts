/** @file Bodies in SMPL's layout whose numbers come from the test formula: no part of any licensed model. */
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { PARENTS } from "../../smpl/joints.ts";
import { fnv1a32, mix32, unit } from "./formula.ts";

/** Sparse rows [rows*columns] that sum to 1: column = bits mod columns, whole weight 1 + (bits >> 24), repeats add up. */
export function formulaRows(key: string, rows: number, columns: number, perRow: number): Float32Array {
  const bits = (name: string, i: number) => mix32((fnv1a32(`${key}/${name}`) + i) >>> 0);
  const out = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const weights = new Map<number, number>();
    let total = 0;
    for (let k = r * perRow; k < (r + 1) * perRow; k++) {
      const column = bits("col", k) % columns;
      const weight = 1 + (bits("val", k) >>> 24);
      weights.set(column, (weights.get(column) ?? 0) + weight);
      total += weight;
    }
    for (const [column, weight] of weights) out[r * columns + column] = weight / total;
  }
  return out;
}

/** The formula body of a key, with `vertexCount` vertices, `faceCount` faces and 10 betas. */
export function formulaBody(key: string, vertexCount: number, faceCount: number): BodyArrays {
  const scaled = (name: string, count: number, scale: (i: number) => number) =>
    Float32Array.from(unit(`${key}/${name}`, count), (value, i) => value * scale(i));
  const size = [0.4, 0.9, 0.15];
  return {
    name: key,
    vTemplate: scaled("v_template", 3 * vertexCount, (i) => size[i % 3]!),
    shapeDirs: scaled("shapedirs", 30 * vertexCount, () => 0.03),
    poseDirs: scaled("posedirs", 621 * vertexCount, () => 0.01),
    jointRegressor: formulaRows(`${key}/J_regressor`, 24, vertexCount, 12),
    lbsWeights: formulaRows(`${key}/weights`, vertexCount, 24, 4),
    faces: Uint32Array.from({ length: 3 * faceCount }, (_, i) => {
      const [face, corner] = [Math.floor(i / 3), i % 3];
      const turn = Math.floor(face / vertexCount);
      return (face + [0, 1 + turn, 2 + 3 * turn][corner]!) % vertexCount;
    }),
    parents: Int32Array.from(PARENTS),
  };
}
