/** @file Pictures of a template's Gaussian parts, as they are or moved by affine matrices. */
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { type AffineRow, inverseRows } from "./affine.ts";
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
 * leads, so there is no resampling: after any number of moves the maps stay exact, unlike those of `warpMaps`. Its
 * exponent is a quadratic of the pixel's place, so all of them are one product of matrices.
 */
export function movedGaussianMaps(template: PartTemplate, size: number, matrices: Tensor4D): Tensor4D {
  const [batch, count] = matrices.shape;
  return tf.tidy(() => {
    const { x, y } = inverseRows(matrices, (size - 1) / 2);
    const perPart = (of: (form: GaussianForm) => number) => tf.tensor1d(gaussianForms(template, size).map(of));
    const from = (row: AffineRow, centre: Tensor): AffineRow => ({ ...row, constant: tf.sub(row.constant, centre) });
    const [dx, dy] = [
      from(
        x,
        perPart((form) => form.x),
      ),
      from(
        y,
        perPart((form) => form.y),
      ),
    ];
    const rows = timesRow(dy, perPart((form) => form.rows), dx, perPart((form) => form.mixed)); // biome-ignore format: one thought
    const columns = timesRow(dx, perPart((form) => form.columns)); // biome-ignore format: one thought
    const terms = (["x", "y", "constant"] as const).flatMap((a, i, all) =>
      all.slice(i).map((b) => {
        const product = (p: AffineRow, q: AffineRow) =>
          a === b ? tf.mul(p[a], q[a]) : tf.add(tf.mul(p[a], q[b]), tf.mul(p[b], q[a]));
        return tf.add(product(rows, dy), product(columns, dx));
      }),
    );
    const exponents = tf.matMul(tf.tile(quadratics(size), [batch, 1, 1]), tf.stack(terms, 1));
    // At a centre, rounding may leave a little less than 0.
    return tf.reshape(tf.exp(tf.neg(tf.relu(exponents))), [batch, size, size, count]) as Tensor4D;
  });
}

/** Centre and quadratic form of a Gaussian on a canvas of some size: rows dy^2 + mixed dx dy + columns dx^2. */
interface GaussianForm {
  readonly x: number;
  readonly y: number;
  readonly rows: number;
  readonly mixed: number;
  readonly columns: number;
}

function gaussianForms(template: PartTemplate, size: number): GaussianForm[] {
  const scale = size / template.canvas;
  return template.parts.map(({ sigmaRows, sigmaColumns, angle, centre }) => {
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
}

/** The row times a factor, plus another row times its factor. */
function timesRow(row: AffineRow, factor: Tensor, other?: AffineRow, otherFactor?: Tensor): AffineRow {
  const of = (axis: keyof AffineRow): Tensor => {
    const product = tf.mul(row[axis], factor);
    return other ? tf.add(product, tf.mul(other[axis], otherFactor!)) : product;
  };
  return { x: of("x"), y: of("y"), constant: of("constant") };
}

/** [1,size*size,6]: x^2, x y, x, y^2, y and 1 at every pixel, counted from the picture's middle. */
function quadratics(size: number): Tensor3D {
  const middle = (size - 1) / 2;
  const rows = Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [(i % size) - middle, Math.floor(i / size) - middle];
    return [x * x, x * y, x, y * y, y, 1];
  });
  return tf.tensor3d([rows]);
}
