/** @file The other picture that a reconstruction takes appearance and background from, and mirrored copies. */
import { type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import type { Random } from "../src/random.ts";

/** How much of a picture is hidden. */
export interface MaskOptions {
  /** Cells per side. */
  readonly cells: number;
  /** Each cell's chance to be hidden. */
  readonly share: number;
}

/** For footage without a still background: the same picture, 80 % of 16 x 16 cells hidden (He et al. 2022, AutoLink). */
export const REFERENCE_MASK: MaskOptions = { cells: 16, share: 0.8 };

/**
 * Images [B,S,S,3] with randomly chosen cells black. Serves as a reference (REFERENCE_MASK) and, with 32 cells and a
 * share of 0.1 to 0.4, as the occlusion test of Pose Prior Learner. Cells need not divide the side.
 */
export function hideCells(images: Tensor4D, random: Random, { cells, share }: MaskOptions): Tensor4D {
  const [batch, height, width] = images.shape;
  const shown = Array.from({ length: batch * cells * cells }, () => (random.next() < share ? 0 : 1));
  const mask = new Float32Array(batch * height * width);
  for (let i = 0; i < mask.length; i++) {
    const [picture, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const cell = Math.floor((row * cells) / height) * cells + Math.floor((column * cells) / width);
    mask[i] = shown[picture * cells * cells + cell]!;
  }
  return tf.tidy(() => tf.mul(images, tf.tensor4d(mask, [batch, height, width, 1])) as Tensor4D);
}

/** Images mirrored left to right. A pair is mirrored as a whole; templates need no change of sides, having no labels. */
export function mirrorImages(images: Tensor4D): Tensor4D {
  return tf.reverse(images, 2);
}

/** What keypoints [B,J,2] found in mirrored pictures of `size` are in the pictures themselves; `mirrored[j]` is the other side of j. */
export function unmirrorKeypoints(keypoints: Tensor3D, size: number, mirrored: readonly number[]): Tensor3D {
  return tf.tidy(() => {
    const sides = tf.gather(keypoints, tf.tensor1d([...mirrored], "int32"), 1);
    return tf.add(tf.mul(sides, tf.tensor1d([-1, 1])), tf.tensor1d([size - 1, 0])) as Tensor3D;
  });
}
