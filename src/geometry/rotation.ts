/** @file Rotations: 6D vectors, axis-angle vectors and matrices, as differentiable tensors and on the host. v' = R v, right-handed. */
import { type Tensor, tf } from "../engine/tf.ts";
import { ShapeError } from "../errors.ts";

/**
 * How six numbers hold the first two columns of a matrix: `columns-interleaved` is [r00, r01, r10, r11, r20, r21] (a
 * 3x2 block row by row), `columns-stacked` is [r00, r10, r20, r01, r11, r21] (one column after the other).
 */
export const ROTATION_6D_LAYOUTS = ["columns-interleaved", "columns-stacked"] as const;
export type Rotation6dLayout = (typeof ROTATION_6D_LAYOUTS)[number];

/** Squared lengths below this count as this: a zero vector then gives zeros and a finite gradient, not NaN. */
const SMALLEST_SQUARE = 1e-24;
/** Squared angles below this use the power series, which is exact to float32 there. */
const SERIES_BELOW = 1e-2;

/**
 * Rotation matrices [..., 3, 3] of 6D vectors [..., 6] by Gram-Schmidt (Zhou et al., CVPR 2019): the first column is the
 * normalised first vector, the second the normalised rest of the second vector, the third their cross product.
 * Zero or parallel vectors give zero columns. Differentiable. Throws ShapeError unless the last dimension is 6.
 */
export function rotation6dToMatrix(x: Tensor, layout: Rotation6dLayout): Tensor {
  const lead = leadingShape("rotation6dToMatrix", x, [6]);
  return tf.tidy(() => {
    const interleaved = layout === "columns-interleaved";
    const pair = tf.reshape(x, interleaved ? [-1, 3, 2] : [-1, 2, 3]);
    const [first, second] = tf.unstack(pair, interleaved ? 2 : 1) as [Tensor, Tensor];
    const column0 = normalise(first);
    const along = tf.sum(tf.mul(column0, second), 1, true);
    const column1 = normalise(tf.sub(second, tf.mul(along, column0)));
    return tf.reshape(tf.stack([column0, column1, cross(column0, column1)], 2), [...lead, 3, 3]);
  });
}

/** The 6D vectors [..., 6] of matrices [..., 3, 3]: their first two columns in `layout`. Differentiable. Throws ShapeError. */
export function matrixToRotation6d(matrices: Tensor, layout: Rotation6dLayout): Tensor {
  const lead = leadingShape("matrixToRotation6d", matrices, [3, 3]);
  return tf.tidy(() => {
    const columns = tf.slice(tf.reshape(matrices, [-1, 3, 3]), [0, 0, 0], [-1, 3, 2]);
    const ordered = layout === "columns-interleaved" ? columns : tf.transpose(columns, [0, 2, 1]);
    return tf.reshape(ordered, [...lead, 6]);
  });
}

/**
 * Rotation matrices [..., 3, 3] of axis-angle vectors [..., 3] in radians (Rodrigues' formula). With h = angle / 2,
 * a = sin(angle)/angle, b = (sin(h)/h)^2 / 2: R = (1 - b angle^2) I + a [v]x + b v v^T, smooth through zero with finite
 * gradient everywhere. Throws ShapeError unless the last dimension is 3.
 */
export function axisAngleToMatrix(axisAngle: Tensor): Tensor {
  const lead = leadingShape("axisAngleToMatrix", axisAngle, [3]);
  return tf.tidy(() => {
    const v = tf.reshape(axisAngle, [-1, 3]);
    const square = tf.sum(tf.square(v), 1, true);
    const a = sincOfSquare(square);
    const b = tf.mul(0.5, tf.square(sincOfSquare(tf.mul(square, 0.25))));
    const [x, y, z] = tf.unstack(tf.mul(v, a), 1) as [Tensor, Tensor, Tensor];
    const zero = tf.zerosLike(x);
    const skew = tf.stack([zero, tf.neg(z), y, z, zero, tf.neg(x), tf.neg(y), x, zero], 1);
    const outer = tf.mul(tf.expandDims(v, 2), tf.expandDims(tf.mul(v, b), 1));
    const diagonal = tf.mul(tf.sub(1, tf.mul(b, square)), tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 9]));
    return tf.reshape(tf.add(tf.add(skew, diagonal), tf.reshape(outer, [-1, 9])), [...lead, 3, 3]);
  });
}

/** Row-major 3x3 matrices (9 numbers each) of the first `count` axis-angle vectors (3 numbers each, radians). */
export function axisAngleToMatrixHost(axisAngle: ArrayLike<number>, count = axisAngle.length / 3): Float64Array {
  const out = new Float64Array(9 * count);
  for (let i = 0; i < count; i++) {
    const x = axisAngle[3 * i]!;
    const y = axisAngle[3 * i + 1]!;
    const z = axisAngle[3 * i + 2]!;
    const angle = Math.hypot(x, y, z);
    const a = angle < 1e-8 ? 1 : Math.sin(angle) / angle;
    const half = angle < 1e-8 ? 1 : Math.sin(angle / 2) / (angle / 2);
    const b = 0.5 * half * half;
    const c = 1 - b * angle * angle;
    out.set(
      [
        c + b * x * x,
        b * x * y - a * z,
        b * x * z + a * y,
        b * x * y + a * z,
        c + b * y * y,
        b * y * z - a * x,
        b * x * z - a * y,
        b * y * z + a * x,
        c + b * z * z,
      ],
      9 * i,
    );
  }
  return out;
}

/**
 * Axis-angle vectors (3 numbers each, radians, angle in 0..pi) of the first `count` row-major rotation matrices (9
 * numbers each). Goes through unit quaternions by the largest component, so angles near 0 and pi are exact too.
 */
export function matrixToAxisAngleHost(matrices: ArrayLike<number>, count = matrices.length / 9): Float64Array {
  const out = new Float64Array(3 * count);
  for (let i = 0; i < count; i++) {
    const [w, x, y, z] = quaternionOf(matrices, 9 * i);
    const sine = Math.hypot(x, y, z);
    const scale = sine < 1e-12 ? 2 : (2 * Math.atan2(sine, w)) / sine;
    out[3 * i] = scale * x;
    out[3 * i + 1] = scale * y;
    out[3 * i + 2] = scale * z;
  }
  return out;
}

/** Unit quaternion (w >= 0) of the matrix at `offset`: the largest of 4w^2, 4x^2, 4y^2, 4z^2 is taken from the diagonal. */
function quaternionOf(m: ArrayLike<number>, offset: number): [number, number, number, number] {
  const at = (row: number, column: number) => m[offset + 3 * row + column]!;
  const trace = at(0, 0) + at(1, 1) + at(2, 2);
  const squares = [trace, at(0, 0), at(1, 1), at(2, 2)];
  const largest = squares.indexOf(Math.max(...squares));
  const q: [number, number, number, number] = [1, 0, 0, 0];
  if (largest === 0) {
    q[0] = 1 + trace;
    q[1] = at(2, 1) - at(1, 2);
    q[2] = at(0, 2) - at(2, 0);
    q[3] = at(1, 0) - at(0, 1);
  } else {
    const i = largest - 1;
    const j = (i + 1) % 3;
    const k = (i + 2) % 3;
    q[0] = at(k, j) - at(j, k);
    q[1 + i] = 1 + at(i, i) - at(j, j) - at(k, k);
    q[1 + j] = at(j, i) + at(i, j);
    q[1 + k] = at(k, i) + at(i, k);
  }
  const norm = Math.hypot(...q) * (q[0] < 0 ? -1 : 1);
  return [q[0] / norm, q[1] / norm, q[2] / norm, q[3] / norm];
}

/**
 * sin(sqrt(t)) / sqrt(t): its series up to t0 plus the closed form from t0 on, less their common value there. (Not
 * tf.where: tfjs has no gradient for the comparison of a value that is differentiated.)
 */
function sincOfSquare(t: Tensor): Tensor {
  const low = tf.minimum(t, SERIES_BELOW);
  const series = tf.add(1, tf.mul(low, tf.add(-1 / 6, tf.mul(low, tf.add(1 / 120, tf.mul(low, -1 / 5040))))));
  const angle = tf.sqrt(tf.maximum(t, SERIES_BELOW));
  const joint = Math.sin(Math.sqrt(SERIES_BELOW)) / Math.sqrt(SERIES_BELOW);
  return tf.add(series, tf.sub(tf.div(tf.sin(angle), angle), joint));
}

/** Rows of [N, 3] at length one. */
function normalise(rows: Tensor): Tensor {
  const square = tf.sum(tf.square(rows), 1, true);
  return tf.mul(rows, tf.rsqrt(tf.maximum(square, SMALLEST_SQUARE)));
}

/** Row-wise cross product of two [N, 3]. */
function cross(a: Tensor, b: Tensor): Tensor {
  const [ax, ay, az] = tf.unstack(a, 1) as [Tensor, Tensor, Tensor];
  const [bx, by, bz] = tf.unstack(b, 1) as [Tensor, Tensor, Tensor];
  const minor = (p: Tensor, q: Tensor, r: Tensor, s: Tensor) => tf.sub(tf.mul(p, q), tf.mul(r, s));
  return tf.stack([minor(ay, bz, az, by), minor(az, bx, ax, bz), minor(ax, by, ay, bx)], 1);
}

function leadingShape(where: string, x: Tensor, trailing: readonly number[]): number[] {
  const lead = x.shape.length - trailing.length;
  if (lead < 0 || trailing.some((size, i) => x.shape[lead + i] !== size))
    throw new ShapeError(where, `[..., ${trailing.join(", ")}]`, x.shape);
  return x.shape.slice(0, lead);
}
