/** @file Affine maps of the plane by the batch: [B,K,2,3] matrices that take source pixels (x, y) to destination pixels. */
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";

/**
 * Matrices from a network's numbers, [B,K,2,3] each: identity + `raw`, the translation in fractions of `size` pixels.
 * They turn and scale about the picture's top-left pixel (Schmidtke et al. 2021), or about `pivots` [B or 1,K,2] where
 * given, which leaves a part's joint in place unless translated.
 */
export function affineFromRaw(raw: Tensor4D, size: number, pivots?: Tensor3D): Tensor4D {
  return tf.tidy(() => {
    const linear = tf.add(linearPart(raw), tf.eye(2));
    let shift = tf.mul(translation(raw), size);
    if (pivots) {
      const turned = tf.sum(tf.mul(linear, tf.expandDims(pivots, 2)), 3);
      shift = tf.add(shift, tf.expandDims(tf.sub(pivots, turned), 3));
    }
    return tf.concat([linear, shift], 3) as Tensor4D;
  });
}

/** The map that does `first` and then `second`, all [B,K,2,3]. */
export function composeAffine(second: Tensor4D, first: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const product = tf.matMul(linearPart(second), first);
    const zeros = [...second.shape.slice(0, 3), 2];
    return tf.add(product, tf.concat([tf.zeros(zeros), translation(second)], 3)) as Tensor4D;
  });
}

/**
 * Where each matrix sends points: [B,P,2] (x, y) from `points` (x, y) and the matrix that each point goes with.
 * `partOf` indexes the K matrices of [B,K,2,3].
 */
export function transformPoints(
  matrices: Tensor4D,
  points: readonly (readonly [number, number])[],
  partOf: readonly number[],
): Tensor3D {
  return tf.tidy(() => {
    const chosen = tf.gather(matrices, tf.tensor1d([...partOf], "int32"), 1) as Tensor4D;
    const xy = tf.tensor(points.flat(), [1, points.length, 1, 2]);
    const turned = tf.sum(tf.mul(linearPart(chosen), xy), 3);
    return tf.add(turned, tf.squeeze(translation(chosen), [3])) as Tensor3D;
  });
}

/** One coordinate as a function of place: x * column + y * row + constant; [B,K] each. */
export interface AffineRow {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly constant: Tensor;
}

/** The inverse maps of matrices [B,K,2,3]: source x and y by destination places counted from (`middle`, `middle`). Call it in a tidy. */
export function inverseRows(matrices: Tensor4D, middle = 0): { readonly x: AffineRow; readonly y: AffineRow } {
  const [batch, count] = matrices.shape;
  const parts = tf.unstack(tf.reshape(matrices, [batch, count, 6]), 2);
  const [a, b, tx, c, d, ty] = parts as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const determinant = tf.sub(tf.mul(a, d), tf.mul(b, c));
  const inverse = tf.reciprocal(awayFromZero(determinant));
  const [dx, dy] = [tf.sub(middle, tx), tf.sub(middle, ty)];
  const row = (x: Tensor, y: Tensor): AffineRow => {
    const [alongX, alongY] = [tf.mul(x, inverse), tf.mul(y, inverse)];
    return { x: alongX, y: alongY, constant: tf.add(tf.mul(alongX, dx), tf.mul(alongY, dy)) };
  };
  return { x: row(d, tf.neg(b)), y: row(tf.neg(c), a) };
}

/** Source coordinates of destination pixels: x and y, each [B,H,W,K]. */
export interface SourceCoordinates {
  readonly x: Tensor4D;
  readonly y: Tensor4D;
}

/** Where the pixels of an H x W picture come from under matrices [B,K,2,3]: the inverse maps at every pixel centre. Call it in a tidy. */
export function sourceCoordinates(matrices: Tensor4D, height: number, width: number): SourceCoordinates {
  const [batch, count] = matrices.shape;
  const places = { x: tf.reshape(tf.range(0, width), [1, 1, width, 1]), y: tf.reshape(tf.range(0, height), [1, height, 1, 1]) }; // biome-ignore format: one thought
  const of = (row: AffineRow) => {
    const { x, y, constant } = row;
    const [alongX, alongY, rest] = [x, y, constant].map((values) => tf.reshape(values, [batch, 1, 1, count])) as [Tensor, Tensor, Tensor]; // biome-ignore format: one thought
    return tf.add(tf.add(tf.mul(alongX, places.x), tf.mul(alongY, places.y)), rest) as Tensor4D;
  };
  const { x, y } = inverseRows(matrices);
  return { x: of(x), y: of(y) };
}

/** Below this a matrix counts as collapsed: the part covers less than a millionth of its area. */
const LEAST_DETERMINANT = 1e-6;

function awayFromZero(x: Tensor): Tensor {
  const lift = stopGradient(() =>
    tf.mul(tf.cast(tf.less(tf.abs(x), LEAST_DETERMINANT), "float32"), 2 * LEAST_DETERMINANT),
  );
  return tf.add(x, lift);
}

function linearPart(matrices: Tensor4D): Tensor4D {
  return tf.slice(matrices, [0, 0, 0, 0], [-1, -1, 2, 2]);
}

function translation(matrices: Tensor4D): Tensor4D {
  return tf.slice(matrices, [0, 0, 0, 2], [-1, -1, 2, 1]);
}
