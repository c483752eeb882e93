/** @file Similarity Procrustes: the rotation, scale and translation that bring one point set closest to another. */
import { ShapeError } from "../errors.ts";

/** x -> scale R x + translation, R row by row. */
export interface Similarity {
  readonly rotation: Float64Array;
  readonly scale: number;
  readonly translation: Float64Array;
}

/**
 * Thin singular value decomposition of a 3x3 matrix: m = U diag(values) V^T, row by row, values falling, U and V
 * orthogonal.
 */
export interface Svd3 {
  readonly u: Float64Array;
  readonly values: Float64Array;
  readonly v: Float64Array;
}

/**
 * The similarity that minimises the squared distance of `source` [N*3] to `target` [N*3], without reflections. When all
 * source points coincide, scale is 0 and every point goes to the target's mean. Source: Umeyama 1991. Throws
 * ShapeError.
 */
export function procrustes(source: ArrayLike<number>, target: ArrayLike<number>): Similarity {
  if (source.length !== target.length || source.length % 3 !== 0 || source.length === 0)
    throw new ShapeError("procrustes", `two equal lists of 3D points (${target.length} numbers)`, [source.length]);
  const count = source.length / 3;
  const sourceMean = meanPoint(source);
  const targetMean = meanPoint(target);
  const covariance = new Float64Array(9);
  let variance = 0;
  let extent = 0;
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < 3; a++) {
      const s = source[3 * i + a]! - sourceMean[a]!;
      variance += s * s;
      extent = Math.max(extent, Math.abs(source[3 * i + a]!));
      for (let b = 0; b < 3; b++) covariance[3 * b + a]! += s * (target[3 * i + b]! - targetMean[b]!);
    }
  }
  const { u, values, v } = svd3(covariance);
  const sign = determinant3(u) * determinant3(v) < 0 ? -1 : 1;
  const rotation = new Float64Array(9);
  for (let r = 0; r < 3; r++)
    for (let c = 0; c < 3; c++)
      rotation[3 * r + c] =
        u[3 * r]! * v[3 * c]! + u[3 * r + 1]! * v[3 * c + 1]! + sign * u[3 * r + 2]! * v[3 * c + 2]!;
  // Below this the spread is the rounding of the coordinates themselves.
  const degenerate = variance <= count * (1e-14 * extent) ** 2;
  const scale = degenerate ? 0 : (values[0]! + values[1]! + sign * values[2]!) / variance;
  const moved = multiplyPoint(rotation, sourceMean);
  return { rotation, scale, translation: targetMean.map((t, a) => t - scale * moved[a]!) };
}

/** `points` [N*3] moved by a similarity. */
export function applySimilarity(similarity: Similarity, points: ArrayLike<number>): Float64Array {
  const { rotation, scale, translation } = similarity;
  const moved = new Float64Array(points.length);
  for (let at = 0; at + 2 < points.length; at += 3)
    for (let r = 0; r < 3; r++)
      moved[at + r] =
        scale *
          (rotation[3 * r]! * points[at]! +
            rotation[3 * r + 1]! * points[at + 1]! +
            rotation[3 * r + 2]! * points[at + 2]!) +
        translation[r]!;
  return moved;
}

/**
 * Singular values and vectors of a 3x3 matrix (row by row) by one-sided Jacobi rotations; rank-deficient input is fine.
 */
export function svd3(matrix: ArrayLike<number>): Svd3 {
  const columns = [0, 1, 2].map((c) => [matrix[c]!, matrix[3 + c]!, matrix[6 + c]!]);
  const right = [0, 1, 2].map((c) => [0, 1, 2].map((r) => (r === c ? 1 : 0)));
  for (let sweep = 0; sweep < 30; sweep++) {
    let turned = false;
    for (const [p, q] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const alpha = dot(columns[p]!, columns[p]!);
      const beta = dot(columns[q]!, columns[q]!);
      const gamma = dot(columns[p]!, columns[q]!);
      if (gamma === 0 || Math.abs(gamma) <= 1e-16 * Math.sqrt(alpha * beta)) continue;
      turned = true;
      const zeta = (beta - alpha) / (2 * gamma);
      const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
      const cosine = 1 / Math.hypot(1, t);
      turn(columns, p, q, cosine, cosine * t);
      turn(right, p, q, cosine, cosine * t);
    }
    if (!turned) break;
  }
  const order = [0, 1, 2].sort((a, b) => norm(columns[b]!) - norm(columns[a]!));
  const values = Float64Array.from(order, (c) => norm(columns[c]!));
  const left = completeBasis(order.map((c) => columns[c]!));
  const v = order.map((c) => right[c]!);
  return { u: rowsOfColumns(left), values, v: rowsOfColumns(v) };
}

type Columns = number[][];

function turn(columns: Columns, p: number, q: number, cosine: number, sine: number): void {
  const [a, b] = [columns[p]!, columns[q]!];
  columns[p] = a.map((x, i) => cosine * x - sine * b[i]!);
  columns[q] = a.map((x, i) => sine * x + cosine * b[i]!);
}

/**
 * Three orthonormal columns that span what the given orthogonal columns (longest first) do; vanishing ones are made up.
 */
function completeBasis(columns: Columns): Columns {
  const [first, second, third] = columns as [number[], number[], number[]];
  const longest = norm(first);
  const negligible = longest * 1e-15;
  const a = longest > 0 ? unit(first) : [1, 0, 0];
  const b = norm(second) > negligible ? unit(second) : perpendicular(a);
  const c = cross(a, b);
  return [a, b, norm(third) > negligible && dot(third, c) < 0 ? c.map((x) => -x) : c];
}

function perpendicular(a: number[]): number[] {
  const smallest = a.map(Math.abs).indexOf(Math.min(...a.map(Math.abs)));
  return unit(
    cross(
      a,
      [0, 1, 2].map((i) => (i === smallest ? 1 : 0)),
    ),
  );
}

function meanPoint(points: ArrayLike<number>): Float64Array {
  const mean = new Float64Array(3);
  for (let i = 0; i < points.length; i++) mean[i % 3]! += points[i]!;
  return mean.map((x) => x / (points.length / 3));
}

function determinant3(m: ArrayLike<number>): number {
  return dot([m[0]!, m[1]!, m[2]!], cross([m[3]!, m[4]!, m[5]!], [m[6]!, m[7]!, m[8]!]));
}

function multiplyPoint(m: ArrayLike<number>, p: ArrayLike<number>): number[] {
  return [0, 1, 2].map((r) => m[3 * r]! * p[0]! + m[3 * r + 1]! * p[1]! + m[3 * r + 2]! * p[2]!);
}

function rowsOfColumns(columns: Columns): Float64Array {
  return Float64Array.from({ length: 9 }, (_, i) => columns[i % 3]![Math.floor(i / 3)]!);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
}

function cross(a: readonly number[], b: readonly number[]): number[] {
  return [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!];
}

function norm(a: readonly number[]): number {
  return Math.hypot(a[0]!, a[1]!, a[2]!);
}

function unit(a: readonly number[]): number[] {
  const length = norm(a);
  return a.map((x) => x / length);
}
