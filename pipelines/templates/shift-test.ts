/** @file The shift test: what is found in a picture and in the same picture moved by a pixel each way is averaged. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";

/** How far the window moves, in pixels: (dx, dy). Networks that halve their maps answer otherwise to the same picture a pixel on. */
const MOVES = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const;

/**
 * The means of `own`, the looks' keypoints [B*J*2] in images [B,S,S,C], and of those that `look` finds in the images as
 * seen through windows a pixel further right, left, down and up, in pixels of the images.
 */
export function meanWithShifted(
  own: readonly Float32Array[],
  images: Tensor4D,
  look: (images: Tensor4D) => readonly Float32Array[],
): Float32Array[] {
  const sums = own.map((points) => Float64Array.from(points));
  for (const move of MOVES) {
    const [dx, dy] = move;
    const moved = shiftImages(images, dx, dy);
    for (const [i, points] of look(moved).entries())
      for (const [k, value] of points.entries()) sums[i]![k]! += value + move[k % 2]!;
    moved.dispose();
  }
  return sums.map((sum) => Float32Array.from(sum, (value) => value / (MOVES.length + 1)));
}

/** Images [B,H,W,C] through a window that is (dx, dy) further, -1 to 1 each; beyond its edge a picture goes on as at the edge. */
export function shiftImages(images: Tensor4D, dx: number, dy: number): Tensor4D {
  const [count, height, width, channels] = images.shape;
  return tf.tidy(() => {
    const padded = tf.mirrorPad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric"); // biome-ignore format: one line
    return tf.slice(padded, [0, 1 + dy, 1 + dx, 0], [count, height, width, channels]) as Tensor4D;
  });
}
