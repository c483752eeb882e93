/** @file The pose network of Pose Prior Learner: a picture and a prior's points to that picture's points. */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { BatchNormMode } from "../../src/nn/batch-norm.ts";
import { conv2d, linear } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { bodyPlace, boundedStretch, coarsely, placeChange, pointsPlace, withoutCells } from "../body-place.ts";
import { addConv, addConvNorm, addLinear, convNorm, double, halve, linearLast, type Shapes } from "./blocks.ts";
import { addLayerNorm, layerNorm } from "./mixer.ts";

export interface KeypointHeadSpec {
  readonly points: number;
  /** Channels of the first block; 64 as published. */
  readonly width: number;
  /**
   * `attention`: each point looks at the picture through its own attention map (the newest released code); `offset`: a
   * point is the centre of its map plus a correction that sees no picture (the code released with the paper).
   */
  readonly head: "attention" | "offset";
  /** `moves`: it also tells, on a map of 8 x 8 places, where it takes a body to be, and the prior goes there first (ours). */
  readonly body?: "still" | "moves";
}

/** What the head says of a batch. */
export interface HeadPoints {
  /** [B,N,2] (row, column). */
  readonly points: Tensor3D;
  /** [B,N,2] where the prior was put as a whole before its points moved. */
  readonly placed: Tensor3D;
  /** [B,8,8,1] logits, where bodies move. */
  readonly place?: Tensor4D;
}

const SLOPE = 0.2;
const DOWN = 4;
const UP = 2;

/** Names and shapes of its weights under `prefix`. */
export function keypointHeadShapes(prefix: string, { points, width, head, body }: KeypointHeadSpec): Shapes {
  const shapes: Shapes = new Map();
  let channels = 3;
  for (let level = 0; level < DOWN; level++) {
    const next = width * 2 ** level;
    addConvNorm(shapes, `${prefix}.down${level}.first`, channels, next);
    addConvNorm(shapes, `${prefix}.down${level}.second`, next, next);
    addConvNorm(shapes, `${prefix}.down${level}.shortcut`, channels, next);
    channels = next;
  }
  for (let level = 0; level < UP; level++) {
    addConvNorm(shapes, `${prefix}.up${level}`, channels, channels / 2);
    channels /= 2;
  }
  addConv(shapes, `${prefix}.maps`, channels, points);
  if (body === "moves") addConv(shapes, `${prefix}.body`, channels, 1, 1);
  if (head === "attention") {
    addLinear(shapes, `${prefix}.place`, 2, channels);
    addLinear(shapes, `${prefix}.hidden`, 3 * channels, channels);
    addLinear(shapes, `${prefix}.numbers`, channels, 6);
  } else {
    addLinear(shapes, `${prefix}.place`, 4, 2 * channels);
    addLayerNorm(shapes, `${prefix}.norm`, 2 * channels);
    addLinear(shapes, `${prefix}.hidden`, 2 * channels, channels / 2);
    addLinear(shapes, `${prefix}.numbers`, channels / 2, 6);
  }
  return shapes;
}

/**
 * Points [B,N,2] (row, column in [-1,1]) of images [B,S,S,3] in -1..1, each the affine image of a point of `prior`
 * [N,2]. S is a multiple of 16, of 32 where bodies move. Call it in a tidy.
 */
export function headPoints(
  parameters: Parameters,
  prefix: string,
  spec: KeypointHeadSpec,
  images: Tensor4D,
  prior: Tensor2D,
  mode: BatchNormMode,
): HeadPoints {
  const features = trunk(parameters, prefix, images, mode);
  const [batch, rows, columns, channels] = features.shape;
  const places = rows * columns;
  const maps = tf.reshape(conv2d(parameters, `${prefix}.maps`, features), [batch, places, spec.points]);
  const attention = tf.softmax(tf.transpose(maps, [0, 2, 1])) as Tensor3D;
  const grid = gridPlaces(rows, columns);
  const priors = tf.tile(tf.expandDims(prior, 0), [batch, 1, 1]) as Tensor3D;
  const place = spec.body === "moves" ? conv2d(parameters, `${prefix}.body`, coarsely(features)) : undefined;
  const placed = place ? placedPoints(prior, place) : priors;
  const found = (points: Tensor3D): HeadPoints => ({ points, placed, ...(place ? { place } : {}) });
  if (spec.head === "offset") {
    const centres = tf.matMul(attention, tf.tile(tf.expandDims(grid, 0), [batch, 1, 1])) as Tensor3D;
    const x = layerNorm(parameters, `${prefix}.norm`, linearLast(parameters, `${prefix}.place`, tf.concat([centres, priors], 2))); // biome-ignore format: one thought
    const hidden = tf.relu(linearLast(parameters, `${prefix}.hidden`, x));
    return found(tf.add(moved(linearLast(parameters, `${prefix}.numbers`, hidden), placed), centres) as Tensor3D);
  }
  const embedded = tf.tile(tf.expandDims(linear(parameters, `${prefix}.place`, grid), 0), [batch, 1, 1]) as Tensor3D;
  const seen = tf.concat([tf.reshape(features, [batch, places, channels]), embedded], 2);
  const keys = tf.matMul(attention, seen);
  const context = tf.concat([keys, linearLast(parameters, `${prefix}.place`, priors)], 2) as Tensor3D;
  const hidden = tf.leakyRelu(linearLast(parameters, `${prefix}.hidden`, context), SLOPE);
  return found(moved(linearLast(parameters, `${prefix}.numbers`, hidden), placed));
}

/** The prior's points [N,2] where the map's logits take each body to be, as large as there: [B,N,2]. */
function placedPoints(prior: Tensor2D, place: Tensor4D): Tensor3D {
  const home = pointsPlace(tf.div(tf.add(tf.reverse(prior, 1), 1), 2) as Tensor2D);
  const { shift, stretch } = placeChange(home, withoutCells(bodyPlace(tf.sigmoid(place)), place.shape[1]));
  const inRows = (pairs: Tensor2D) => tf.expandDims(tf.reverse(pairs, 1), 1);
  const middle = tf.mean(prior, 0, true);
  const stretched = tf.mul(tf.sub(prior, middle), tf.exp(boundedStretch(inRows(stretch))));
  return tf.add(stretched, tf.add(middle, tf.mul(inRows(shift), 2))) as Tensor3D;
}

// The norm comes before the halving here, after it in the released code: the same function, with other batch statistics.
function trunk(parameters: Parameters, prefix: string, images: Tensor4D, mode: BatchNormMode): Tensor4D {
  let x = images;
  for (let level = 0; level < DOWN; level++) {
    const block = (name: string, from: Tensor4D) =>
      convNorm(parameters, `${prefix}.down${level}.${name}`, from, mode, { slope: 1, constantInput: from === images });
    const main = block("second", tf.leakyRelu(halve(block("first", x)), SLOPE));
    x = tf.leakyRelu(tf.add(main, halve(block("shortcut", x))) as Tensor4D, SLOPE);
  }
  for (let level = 0; level < UP; level++)
    x = convNorm(parameters, `${prefix}.up${level}`, double(x), mode, { slope: SLOPE });
  return x;
}

/** Row and column in [-1,1] of all places, row by row: [rows*columns,2]. */
function gridPlaces(rows: number, columns: number): Tensor2D {
  const row = tf.tile(tf.reshape(tf.linspace(-1, 1, rows), [rows, 1]), [1, columns]);
  const column = tf.tile(tf.reshape(tf.linspace(-1, 1, columns), [1, columns]), [rows, 1]);
  return tf.stack([tf.reshape(row, [-1]), tf.reshape(column, [-1])], 1) as Tensor2D;
}

/** Points [B,N,2] under affine numbers [B,N,6]. */
function moved(numbers: Tensor3D, points: Tensor3D): Tensor3D {
  const [batch, count] = points.shape;
  const matrices = tf.reshape(numbers, [batch, count, 2, 3]);
  const linearPart = tf.slice(matrices, [0, 0, 0, 0], [-1, -1, 2, 2]);
  const shift: Tensor = tf.squeeze(tf.slice(matrices, [0, 0, 0, 2], [-1, -1, 2, 1]), [3]);
  return tf.add(tf.sum(tf.mul(linearPart, tf.expandDims(points, 2)), 3), shift) as Tensor3D;
}
