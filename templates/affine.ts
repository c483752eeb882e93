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

/** Source coordinates of destination pixels: x and y, each [B,H,W,K]. */
export interface SourceCoordinates {
  readonly x: Tensor4D;
  readonly y: Tensor4D;
}

/** Where the pixels of an H x W picture come from under matrices [B,K,2,3]: the inverse maps at every pixel centre. Call it in a tidy. */
export function sourceCoordinates(matrices: Tensor4D, height: number, width: number): SourceCoordinates {
  const [batch, count] = matrices.shape;
  const parts = tf.unstack(tf.reshape(matrices, [batch, 1, 1, count, 6]), 4);
  const [a, b, tx, c, d, ty] = parts as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const determinant = tf.sub(tf.mul(a, d), tf.mul(b, c));
  const inverse = tf.reciprocal(awayFromZero(determinant));
  const dx = tf.sub(tf.reshape(tf.range(0, width), [1, 1, width, 1]), tx);
  const dy = tf.sub(tf.reshape(tf.range(0, height), [1, height, 1, 1]), ty);
  const x = tf.sub(tf.mul(tf.mul(d, inverse), dx), tf.mul(tf.mul(b, inverse), dy));
  const y = tf.sub(tf.mul(tf.mul(a, inverse), dy), tf.mul(tf.mul(c, inverse), dx));
  return { x: x as Tensor4D, y: y as Tensor4D };
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
