/** @file Link heat maps: one picture of all weighted lines between keypoints (He et al. 2022, AutoLink). */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { ShapeError } from "../src/errors.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import { gatherRows } from "./gather-rows.ts";

/** All pairs i < j of `count` points, row by row: the links. */
export function linkPairs(count: number): (readonly [number, number])[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: count - 1 - i }, (_, j) => [i, i + 1 + j] as const),
  ).flat();
}

/** How much faster link weights learn than other parameters: softplus is flat where they start. */
export const LINK_RATE = 512;

/** The links' weights [L], positive: softplus(512 x) of the upper triangle of `theta` [N,N]. */
export function linkWeights(theta: Tensor2D): tf.Tensor1D {
  const count = theta.shape[0];
  const places = linkPairs(count).map(([i, j]) => i * count + j);
  return tf.tidy(() => {
    const chosen = tf.gather(tf.reshape(theta, [-1]), tf.tensor1d(places, "int32"));
    return tf.softplus(tf.mul(chosen, LINK_RATE)) as tf.Tensor1D;
  });
}

/** Links compared at once while the strongest is looked for at each pixel: bounds the memory. */
const CHUNK = 16;
const EPSILON = 1e-8;

/**
 * max over links (p,q) of w exp(-d^2 / thick) at every pixel, d its distance from the segment: [B,size,size,1] from
 * points [B,N,2] (row, column; -1 and 1 are the centres of the border pixels) and weights [L]. `thick` is a squared
 * length in these units. The strongest link is found without the tape, and only that one is evaluated with it, so
 * memory does not grow with the number of links; the gradient is that of the maximum.
 */
export function linkHeatMap(points: Tensor3D, weights: tf.Tensor1D, size: number, thick: number): Tensor4D {
  const [batch, count, axes] = points.shape;
  const pairs = linkPairs(count);
  if (axes !== 2 || weights.shape[0] !== pairs.length)
    throw new ShapeError("linkHeatMap", `points [B,N,2] and N (N - 1) / 2 weights`, [
      ...points.shape,
      ...weights.shape,
    ]);
  return tf.tidy(() => {
    const end = (side: 0 | 1) => tf.gather(points, tf.tensor1d(pairs.map((pair) => pair[side]), "int32"), 1); // biome-ignore format: one thought
    const start = end(0);
    const along = tf.sub(end(1), start);
    const tiled = tf.tile(tf.reshape(weights, [1, -1, 1]), [batch, 1, 1]);
    const links = tf.concat([start, along, tiled], 2) as Tensor3D;
    const grid = tf.linspace(-1, 1, size);
    const [rows, columns] = [tf.reshape(grid, [1, size, 1, 1]), tf.reshape(grid, [1, 1, size, 1])];

    const strongest = stopGradient(() => strongestLinks(links, rows, columns, thick));
    const chosen = gatherRows(tf.reshape(links, [batch * pairs.length, 5]), tf.reshape(strongest, [-1]));
    const [pr, pc, vr, vc, weight] = tf
      .unstack(chosen, 1)
      .map((values) => tf.reshape(values, [batch, size, size, 1])) as LinkColumns;
    const squared = squaredDistance([pr, pc, vr, vc, weight], rows, columns);
    return tf.mul(weight, tf.exp(tf.div(squared, -thick))) as Tensor4D;
  });
}

/** Start row and column, row and column from start to end, weight. */
type LinkColumns = [Tensor, Tensor, Tensor, Tensor, Tensor];

function squaredDistance([pr, pc, vr, vc]: LinkColumns, rows: Tensor, columns: Tensor): Tensor {
  const [dr, dc] = [tf.sub(rows, pr), tf.sub(columns, pc)];
  const length = tf.add(tf.add(tf.square(vr), tf.square(vc)), EPSILON);
  const share = tf.clipByValue(tf.div(tf.add(tf.mul(dr, vr), tf.mul(dc, vc)), length), 0, 1);
  return tf.add(tf.square(tf.sub(dr, tf.mul(share, vr))), tf.square(tf.sub(dc, tf.mul(share, vc))));
}

/** [B,size,size] the strongest link at each pixel, counted through the batch (b L + link), as int32. */
function strongestLinks(links: Tensor3D, rows: Tensor, columns: Tensor, thick: number): Tensor {
  const [batch, count] = links.shape;
  let best: Tensor | undefined;
  let index: Tensor | undefined;
  for (let from = 0; from < count; from += CHUNK) {
    const width = Math.min(CHUNK, count - from);
    const parts = tf.unstack(tf.slice(links, [0, from, 0], [-1, width, -1]), 2);
    const chunk = parts.map((part) => tf.reshape(part, [batch, 1, 1, width])) as LinkColumns;
    // Logarithms order the links also where all of them have faded to zero.
    const strength = tf.sub(tf.log(chunk[4]), tf.div(squaredDistance(chunk, rows, columns), thick));
    const [top, at] = [tf.max(strength, 3), tf.add(tf.argMax(strength, 3), tf.scalar(from, "int32"))];
    const better: Tensor | undefined = best && tf.greater(top, best);
    index = better ? tf.where(better, at, index!) : at;
    best = better ? tf.maximum(top, best!) : top;
  }
  const offsets = tf.mul(tf.cast(tf.reshape(tf.range(0, batch), [batch, 1, 1]), "int32"), tf.scalar(count, "int32"));
  return tf.cast(tf.add(index!, offsets), "int32");
}
