/** @file A body reduced to its skeleton: the same joints for every shape and pose, at a hundredth of the cost. */
import type { BodyArrays } from "../../smpl/body-arrays.ts";

/**
 * A body whose J vertices are the rest joints of `body`, each moved by its own joint. Its `joints` equal those of `body`
 * for all betas and poses, because SMPL's joints depend on the shape and on the rotations alone.
 */
export function jointBody(body: BodyArrays): BodyArrays {
  const jointCount = body.parents.length;
  const vertexCount = body.vTemplate.length / 3;
  const betaCount = body.shapeDirs.length / body.vTemplate.length;
  const identity = new Float32Array(jointCount * jointCount);
  for (let j = 0; j < jointCount; j++) identity[j * jointCount + j] = 1;
  const regress = (values: Float32Array, width: number): Float32Array => {
    const out = new Float64Array(jointCount * width);
    for (let j = 0; j < jointCount; j++) {
      for (let v = 0; v < vertexCount; v++) {
        const weight = body.jointRegressor[j * vertexCount + v]!;
        if (weight === 0) continue;
        for (let k = 0; k < width; k++) out[j * width + k]! += weight * values[v * width + k]!;
      }
    }
    return Float32Array.from(out);
  };
  return {
    name: `skeleton of ${body.name}`,
    vTemplate: regress(body.vTemplate, 3),
    shapeDirs: regress(body.shapeDirs, 3 * betaCount),
    poseDirs: new Float32Array(27 * jointCount * (jointCount - 1)),
    jointRegressor: identity,
    lbsWeights: identity,
    faces: new Uint32Array(0),
    parents: body.parents,
  };
}
