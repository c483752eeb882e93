/**
 * @file A body on the host, posed fast: one person and one pose at a time, sparse skin weights, no allocation. The same
 * formulas as the engine's body model (linear blend skinning, Loper et al. 2015, equations 2..4).
 */

import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { shapedVertices } from "../../smpl/body-arrays.ts";
import { axisAngleToMatrixHost } from "../../src/geometry/rotation.ts";

/** A person's shape, ready to be posed. The arrays that `pose` fills are reused by the next call. */
export interface Figure {
  readonly faces: Uint32Array;
  /** [V*3] rest positions of the mean shape: where on the body a vertex is, whoever the person. */
  readonly surface: Float32Array;
  /** [J*3] rest joints of this shape. */
  readonly rest: Float32Array;
  /** [V*3] and [J*3] of the last pose, metres. */
  readonly vertices: Float32Array;
  readonly joints: Float32Array;
  /** Poses the figure: axis-angle [J*3] and a translation that is added last, as in the body model. */
  pose(pose: ArrayLike<number>, transl?: readonly [number, number, number]): void;
}

/** Entries up to this size are left out: of skin weights (of 1) and of pose offsets (metres per unit). */
const NOTHING = 1e-6;

/** Makes figures of one body: `figures(betas)` (missing betas are 0). What does not depend on the shape is prepared once. */
export function prepareFigures(body: BodyArrays): (betas: ArrayLike<number>) => Figure {
  const jointCount = body.parents.length;
  const vertexCount = body.vTemplate.length / 3;
  const skin = sparseRows(body.lbsWeights, vertexCount, jointCount);
  const regressor = sparseRows(body.jointRegressor, jointCount, vertexCount);
  const bends = sparseRows(body.poseDirs, 3 * vertexCount, 9 * (jointCount - 1));
  return (betas) => createFigure(body, betas, skin, regressor, bends);
}

function createFigure(
  body: BodyArrays,
  betas: ArrayLike<number>,
  skin: SparseRows,
  regressor: SparseRows,
  bends: SparseRows,
): Figure {
  const jointCount = body.parents.length;
  const shaped = shapedVertices(body, betas);
  const rest = new Float32Array(3 * jointCount);
  for (let j = 0; j < jointCount; j++) {
    for (let e = regressor.starts[j]!; e < regressor.starts[j + 1]!; e++) {
      for (let k = 0; k < 3; k++) rest[3 * j + k]! += regressor.weight[e]! * shaped[3 * regressor.column[e]! + k]!;
    }
  }
  const offset = new Float32Array(shaped);
  const features = new Float32Array(9 * (jointCount - 1));
  /** [J*12] row-major 3x4 transforms of rest points. */
  const transforms = new Float64Array(12 * jointCount);
  const vertices = new Float32Array(shaped.length);
  const joints = new Float32Array(3 * jointCount);

  function blendPose(rotations: Float64Array): void {
    for (let k = 0; k < features.length; k++)
      features[k] = rotations[9 + k]! - (k % 9 === 0 || k % 9 === 4 || k % 9 === 8 ? 1 : 0);
    const { starts, column, weight } = bends;
    for (let i = 0; i < shaped.length; i++) {
      let sum = shaped[i]!;
      for (let e = starts[i]!; e < starts[i + 1]!; e++) sum += weight[e]! * features[column[e]!]!;
      offset[i] = sum;
    }
  }

  function pose(axisAngle: ArrayLike<number>, transl: readonly [number, number, number] = [0, 0, 0]): void {
    const rotations = axisAngleToMatrixHost(axisAngle, jointCount);
    if (bends.weight.length > 0) blendPose(rotations);
    chain(rotations, body.parents, rest, transforms, joints);
    skinVertices(skin, transforms, offset, transl, vertices);
    for (let i = 0; i < joints.length; i++) joints[i]! += transl[i % 3]!;
  }
  return { faces: body.faces, surface: body.vTemplate, rest, vertices, joints, pose };
}

/** The entries of a matrix that matter, row by row. */
interface SparseRows {
  /** [rows+1] where each row's entries begin. */
  readonly starts: Uint32Array;
  readonly column: Uint32Array;
  readonly weight: Float32Array;
}

function sparseRows(matrix: Float32Array, rows: number, columns: number): SparseRows {
  const starts = new Uint32Array(rows + 1);
  const count = matrix.reduce((sum, value) => (Math.abs(value) > NOTHING ? sum + 1 : sum), 0);
  const column = new Uint32Array(count);
  const weight = new Float32Array(count);
  for (let r = 0, e = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = matrix[r * columns + c]!;
      if (Math.abs(value) <= NOTHING) continue;
      column[e] = c;
      weight[e++] = value;
    }
    starts[r + 1] = e;
  }
  return { starts, column, weight };
}

/** World transforms of the joints along the tree; `transforms` then take rest points to posed points. */
function chain(
  rotations: Float64Array,
  parents: Int32Array,
  rest: Float32Array,
  transforms: Float64Array,
  joints: Float32Array,
): void {
  for (let j = 0; j < parents.length; j++) {
    const parent = parents[j]!;
    const at = 12 * j;
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 3; column++) {
        let sum = rotations[9 * j + 3 * row + column]!;
        if (parent >= 0) {
          sum = 0;
          for (let k = 0; k < 3; k++)
            sum += transforms[12 * parent + 4 * row + k]! * rotations[9 * j + 3 * k + column]!;
        }
        transforms[at + 4 * row + column] = sum;
      }
      let position = rest[row]!;
      if (parent >= 0) {
        const up = 12 * parent + 4 * row;
        position = transforms[up + 3]!;
        for (let k = 0; k < 3; k++) position += transforms[up + k]! * rest[3 * j + k]!;
      }
      joints[3 * j + row] = position;
      let turned = 0;
      for (let k = 0; k < 3; k++) turned += transforms[at + 4 * row + k]! * rest[3 * j + k]!;
      transforms[at + 4 * row + 3] = position - turned;
    }
  }
}

function skinVertices(
  { starts, column, weight }: SparseRows,
  transforms: Float64Array,
  points: Float32Array,
  transl: readonly [number, number, number],
  out: Float32Array,
): void {
  const [tx, ty, tz] = transl;
  for (let v = 0, i = 0; i < points.length; v++, i += 3) {
    const px = points[i]!;
    const py = points[i + 1]!;
    const pz = points[i + 2]!;
    let x = 0;
    let y = 0;
    let z = 0;
    for (let e = starts[v]!; e < starts[v + 1]!; e++) {
      const m = 12 * column[e]!;
      const w = weight[e]!;
      x += w * (transforms[m]! * px + transforms[m + 1]! * py + transforms[m + 2]! * pz + transforms[m + 3]!);
      y += w * (transforms[m + 4]! * px + transforms[m + 5]! * py + transforms[m + 6]! * pz + transforms[m + 7]!);
      z += w * (transforms[m + 8]! * px + transforms[m + 9]! * py + transforms[m + 10]! * pz + transforms[m + 11]!);
    }
    out[i] = x + tx;
    out[i + 1] = y + ty;
    out[i + 2] = z + tz;
  }
}
