/** @file A body model's numbers on the host, in SMPL's layout, and their validation. */
import { MotionCueError, ShapeError } from "../src/errors.ts";
import type { BodyPoints } from "./joint-sets.ts";

/** V vertices, J joints, N betas, F faces; every array is row-major. */
export interface BodyArrays {
  readonly name: string;
  /** [V*3] metres, rest pose of the mean shape. */
  readonly vTemplate: Float32Array;
  /** [V*3*N] metres per unit of each beta. */
  readonly shapeDirs: Float32Array;
  /** [V*3*9(J-1)] metres per unit of each entry of R_j - I, joints 1.., row-major within a joint. */
  readonly poseDirs: Float32Array;
  /** [J*V] rest joints as weighted sums of shaped vertices. */
  readonly jointRegressor: Float32Array;
  /** [V*J] skin weights, rows sum to 1. */
  readonly lbsWeights: Float32Array;
  /** [F*3] vertex indices, counter-clockwise seen from outside. */
  readonly faces: Uint32Array;
  /** [J] parent of each joint, -1 for the root at index 0; parents come before children. */
  readonly parents: Int32Array;
  /** Vertices and regressors for joints beyond the skeleton's, where the body brings its own. */
  readonly points?: BodyPoints;
}

/** Counts that follow from a body's arrays. */
export interface BodySize {
  readonly vertexCount: number;
  readonly jointCount: number;
  readonly betaCount: number;
  readonly faceCount: number;
}

/** The counts V, J, N, F. Throws ShapeError or MotionCueError, naming `where` and the array, when arrays do not fit together. */
export function checkBodyArrays(where: string, body: BodyArrays): BodySize {
  const vertexCount = body.vTemplate.length / 3;
  const jointCount = body.parents.length;
  const betaCount = body.shapeDirs.length / body.vTemplate.length;
  const expectLength = (name: string, array: ArrayLike<number>, length: number, text: string) => {
    if (array.length !== length)
      throw new ShapeError(`${where} ${name}`, `${text} = ${length} numbers`, [array.length]);
  };
  if (!Number.isInteger(vertexCount) || vertexCount < 1)
    throw new ShapeError(`${where} vTemplate`, "[V, 3]", [body.vTemplate.length]);
  if (!Number.isInteger(betaCount)) throw new ShapeError(`${where} shapeDirs`, "[V, 3, N]", [body.shapeDirs.length]);
  expectLength("poseDirs", body.poseDirs, 27 * vertexCount * (jointCount - 1), "V*3*9(J-1)");
  expectLength("jointRegressor", body.jointRegressor, jointCount * vertexCount, "J*V");
  expectLength("lbsWeights", body.lbsWeights, vertexCount * jointCount, "V*J");
  if (body.faces.length % 3 !== 0) throw new ShapeError(`${where} faces`, "[F, 3]", [body.faces.length]);

  for (const name of ["vTemplate", "shapeDirs", "poseDirs", "jointRegressor", "lbsWeights"] as const) {
    const at = body[name].findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new MotionCueError(where, `${name} must be finite, got ${body[name][at]} at index ${at}`);
  }
  const badFace = body.faces.findIndex((index) => index >= vertexCount);
  if (badFace >= 0)
    throw new MotionCueError(
      where,
      `faces must be below ${vertexCount}, got ${body.faces[badFace]} at index ${badFace}`,
    );
  checkTree(where, body.parents);
  checkWeights(where, body.lbsWeights, jointCount);
  return { vertexCount, jointCount, betaCount, faceCount: body.faces.length / 3 };
}

function checkTree(where: string, parents: Int32Array): void {
  parents.forEach((parent, joint) => {
    if (joint === 0 ? parent !== -1 : parent < 0 || parent >= joint)
      throw new MotionCueError(
        where,
        `parents must be -1 for joint 0 and an earlier joint for the others, got ${parent} for joint ${joint}`,
      );
  });
}

function checkWeights(where: string, weights: Float32Array, jointCount: number): void {
  for (let row = 0; row < weights.length; row += jointCount) {
    let sum = 0;
    for (let j = 0; j < jointCount; j++) sum += weights[row + j]!;
    if (Math.abs(sum - 1) > 1e-3)
      throw new MotionCueError(where, `skin weights must sum to 1, got ${sum} for vertex ${row / jointCount}`);
  }
}

/** [J*3] rest joints of the mean shape, or of the shape that `betas` give. Metres. */
export function restJoints(body: BodyArrays, betas: ArrayLike<number> = []): Float32Array {
  const { vertexCount, jointCount, betaCount } = countsOf(body);
  const shaped = shapedVertices(body, betas, betaCount);
  const joints = new Float32Array(3 * jointCount);
  for (let j = 0; j < jointCount; j++)
    for (let axis = 0; axis < 3; axis++) {
      let sum = 0;
      for (let v = 0; v < vertexCount; v++) sum += body.jointRegressor[j * vertexCount + v]! * shaped[3 * v + axis]!;
      joints[3 * j + axis] = sum;
    }
  return joints;
}

/** [V*3] rest vertices of the shape that `betas` give (missing ones are 0). Metres. */
export function shapedVertices(
  body: BodyArrays,
  betas: ArrayLike<number>,
  betaCount = countsOf(body).betaCount,
): Float32Array {
  return body.vTemplate.map((rest, i) => {
    let sum = rest;
    for (let k = 0; k < Math.min(betas.length, betaCount); k++) sum += body.shapeDirs[i * betaCount + k]! * betas[k]!;
    return sum;
  });
}

/** [V] the joint with the largest skin weight of each vertex: which part of the body it belongs to. */
export function partLabels(body: BodyArrays): Uint8Array {
  const { vertexCount, jointCount } = countsOf(body);
  return Uint8Array.from({ length: vertexCount }, (_, v) => {
    const row = body.lbsWeights.subarray(v * jointCount, (v + 1) * jointCount);
    return row.indexOf(Math.max(...row));
  });
}

function countsOf(body: BodyArrays): { vertexCount: number; jointCount: number; betaCount: number } {
  return {
    vertexCount: body.vTemplate.length / 3,
    jointCount: body.parents.length,
    betaCount: body.shapeDirs.length / body.vTemplate.length,
  };
}
