/** @file Pictures of a template's Gaussian parts, as they are or moved by affine matrices. */
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { sourceCoordinates } from "./affine.ts";
import type { PartTemplate } from "./part-template.ts";

/** The parts of `template` on a canvas of `size` pixels: [1,size,size,K], peak 1 at each part's centre (Schmidtke et al. 2021). */
export function gaussianMaps(template: PartTemplate, size: number): Tensor4D {
  return tf.tidy(() => {
    const identity = tf.concat([tf.eye(2), tf.zeros([2, 1])], 1);
    const matrices = tf.tile(tf.reshape(identity, [1, 1, 2, 3]), [1, template.parts.length, 1, 1]);
    return movedGaussianMaps(template, size, matrices as Tensor4D);
  });
}

/**
 * The parts of `template` moved by matrices [B,K,2,3]: [B,size,size,K]. Each Gaussian is evaluated where the inverse map
 * leads, so there is no resampling: after any number of moves the maps stay exact, unlike those of `warpMaps`.
 */
export function movedGaussianMaps(template: PartTemplate, size: number, matrices: Tensor4D): Tensor4D {
  const scale = size / template.canvas;
  const forms = template.parts.map((part) => {
    const { sigmaRows, sigmaColumns, angle, centre } = part;
    const [across, along] = [1 / (2 * (scale * sigmaRows) ** 2), 1 / (2 * (scale * sigmaColumns) ** 2)];
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return {
      x: scale * centre[0],
      y: scale * centre[1],
      rows: cos * cos * across + sin * sin * along,
      mixed: 2 * cos * sin * (along - across),
      columns: sin * sin * across + cos * cos * along,
    };
  });
  return tf.tidy(() => {
    const perPart = (key: "x" | "y" | "rows" | "mixed" | "columns") =>
      tf.tensor(forms.map((form) => form[key]), [1, 1, 1, forms.length]); // biome-ignore format: one thought
    const source = sourceCoordinates(matrices, size, size);
    const dx = tf.sub(source.x, perPart("x"));
    const dy = tf.sub(source.y, perPart("y"));
    const inRows = tf.mul(tf.add(tf.mul(perPart("rows"), dy), tf.mul(perPart("mixed"), dx)), dy);
    const exponent = tf.add(inRows, tf.mul(perPart("columns"), tf.square(dx)));
    return tf.exp(tf.neg(exponent)) as Tensor4D;
  });
}
