/** @file Body models written as clean `.npz` files: SMPL's keys, dense arrays, nothing but numbers. */
import { writeNpz } from "../src/io/npz.ts";
import { type BodyArrays, checkBodyArrays } from "./body-arrays.ts";

/**
 * Writes `body` as a `.npz` file that `loadBody`, NumPy and Python's SMPL libraries read: v_template [V,3], shapedirs
 * [V,3,N], posedirs [V,3,9(J-1)], J_regressor [J,V], weights [V,J] as float32, kintree_table [2,J] (the root's parent is
 * 2^32 - 1, as in SMPL) and f [F,3] as uint32; where the body brings points of its own, vertex_picks [21],
 * J_regressor_extra [9,V] and J_regressor_h36m [17,V]. Throws MotionCueError where the arrays do not fit together or `path`
 * cannot be written.
 */
export async function saveBody(path: string, body: BodyArrays): Promise<void> {
  const { vertexCount: V, jointCount: J, betaCount: N, faceCount: F } = checkBodyArrays(body.name, body);
  const tree = Uint32Array.from([...body.parents, ...body.parents.keys()]);
  const { picks, extra, h36m } = body.points ?? {};
  await writeNpz(path, {
    v_template: { dtype: "float32", shape: [V, 3], data: body.vTemplate },
    shapedirs: { dtype: "float32", shape: [V, 3, N], data: body.shapeDirs },
    posedirs: { dtype: "float32", shape: [V, 3, 9 * (J - 1)], data: body.poseDirs },
    J_regressor: { dtype: "float32", shape: [J, V], data: body.jointRegressor },
    weights: { dtype: "float32", shape: [V, J], data: body.lbsWeights },
    kintree_table: { dtype: "uint32", shape: [2, J], data: tree },
    f: { dtype: "uint32", shape: [F, 3], data: body.faces },
    ...(picks ? { vertex_picks: { dtype: "uint32" as const, shape: [picks.length], data: picks } } : {}),
    ...(extra ? { J_regressor_extra: { dtype: "float32" as const, shape: [extra.length / V, V], data: extra } } : {}),
    ...(h36m ? { J_regressor_h36m: { dtype: "float32" as const, shape: [h36m.length / V, V], data: h36m } } : {}),
  });
}
