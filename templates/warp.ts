/** @file Warping of maps by affine matrices, one matrix per channel, with gradients for maps and matrices. */
import { type Tensor, type Tensor4D, tf } from "../src/engine/tf.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import { sourceCoordinates } from "./affine.ts";
import { gatherRows } from "./gather-rows.ts";

/**
 * Maps [B or 1,H,W,K] moved by matrices [B,K,2,3] (source pixel to destination pixel, pixel centres at whole
 * coordinates): [B,H,W,K], bilinear, with zeros outside into which the border pixels fade over one pixel.
 */
export function warpMaps(maps: Tensor4D, matrices: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [mapBatch, height, width, count] = maps.shape;
    const batch = matrices.shape[0];
    const source = sourceCoordinates(matrices, height, width);
    // One ring of zeros (two at the far ends, for the right and lower neighbours) stands for all that lies outside.
    const columns = tf.clipByValue(source.x, -1, width);
    const rows = tf.clipByValue(source.y, -1, height);
    const padded = tf.pad(maps, [[0, 0], [1, 2], [1, 2], [0, 0]]); // biome-ignore format: one line reads as the matrix it is
    const [left, top] = [stopGradient(() => tf.floor(columns)), stopGradient(() => tf.floor(rows))];
    const right = tf.sub(columns, left);
    const below = tf.sub(rows, top);

    const rowLength = (width + 3) * count;
    const pictureLength = mapBatch > 1 ? (height + 3) * rowLength : 0;
    const corner = stopGradient(() => {
      const int = (x: Tensor) => tf.cast(x, "int32");
      const start = tf.add(
        tf.mul(int(tf.reshape(tf.range(0, batch), [batch, 1, 1, 1])), tf.scalar(pictureLength, "int32")),
        tf.add(int(tf.range(0, count)), tf.scalar(rowLength + count, "int32")),
      );
      const inPicture = tf.add(
        tf.mul(int(top), tf.scalar(rowLength, "int32")),
        tf.mul(int(left), tf.scalar(count, "int32")),
      );
      return tf.reshape(tf.add(start, inPicture), [-1]);
    });
    const flat = tf.reshape(padded, [-1]);
    const at = (offset: number) => {
      const index = stopGradient(() => tf.add(corner, tf.scalar(offset, "int32")));
      return tf.reshape(gatherRows(flat, index as tf.Tensor1D), [batch, height, width, count]);
    };
    const mix = (near: Tensor, far: Tensor, weight: Tensor) => tf.add(near, tf.mul(tf.sub(far, near), weight));
    const upper = mix(at(0), at(count), right);
    const lower = mix(at(rowLength), at(rowLength + count), right);
    return mix(upper, lower, below) as Tensor4D;
  });
}
