/** @file The pose network of the part templates: a picture to the numbers of its parts' matrices (Schmidtke et al. 2021). */
import { type Tensor2D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { BatchNormMode } from "../../src/nn/batch-norm.ts";
import { conv2d, linear } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { addConv, addConvNorm, addLinear, convNorm, type Shapes } from "./blocks.ts";

export interface PartRegressorSpec {
  /** Side of the pictures: 4 times a power of two. */
  readonly size: number;
  /** Channels of the first layer; 32 as published. */
  readonly width: number;
  /** Numbers per picture. */
  readonly outputs: number;
  /** Whether it also tells, on a map of 8 x 8 places, where it takes a body to be. */
  readonly isPlacing: boolean;
}

const SLOPE = 0.01;

const levelsOf = ({ size }: PartRegressorSpec): number => Math.round(Math.log2(size / 4));
const channelsAt = ({ width }: PartRegressorSpec, level: number): number => width * Math.min(2 ** level, 16);

/** Names and shapes of its weights; under `prefix`. */
export function partRegressorShapes(prefix: string, spec: PartRegressorSpec): Shapes {
  const shapes: Shapes = new Map();
  addConvNorm(shapes, `${prefix}.start`, 3, spec.width);
  const levels = levelsOf(spec);
  if (spec.isPlacing) addConv(shapes, `${prefix}.place`, channelsAt(spec, levels - 1), 1, 1);
  for (let level = 0; level < levels; level++) {
    const [own, next] = [channelsAt(spec, level), channelsAt(spec, level + 1)];
    addConvNorm(shapes, `${prefix}.level${level}.keep`, own, own);
    addConvNorm(shapes, `${prefix}.level${level}.down`, own, next);
  }
  addConvNorm(shapes, `${prefix}.squeeze`, channelsAt(spec, levels), 8 * spec.width, 1);
  addConvNorm(shapes, `${prefix}.hidden`, 36 * 8 * spec.width, 16 * spec.width, 1);
  addLinear(shapes, `${prefix}.numbers`, 16 * spec.width, spec.outputs);
  return shapes;
}

/** What the network says of a batch. */
export interface PartNumbers {
  /** [B,outputs] */
  readonly numbers: Tensor2D;
  /** [B,8,8,1] logits, where it is placing. */
  readonly place?: Tensor4D;
}

/** The numbers of normalised images [B,size,size,3]. Call it in a tidy. */
export function partNumbers(
  parameters: Parameters,
  prefix: string,
  spec: PartRegressorSpec,
  images: Tensor4D,
  mode: BatchNormMode,
): PartNumbers {
  const block = (key: string, x: Tensor4D, stride = 1, constantInput = false) =>
    convNorm(parameters, `${prefix}.${key}`, x, mode, { slope: SLOPE, stride, constantInput });
  let x = block("start", images, 1, true);
  let place: Tensor4D | undefined;
  for (let level = 0; level < levelsOf(spec); level++) {
    x = block(`level${level}.keep`, x);
    if (spec.isPlacing && level === levelsOf(spec) - 1) place = conv2d(parameters, `${prefix}.place`, x);
    x = block(`level${level}.down`, x, 2);
  }
  // As published, a border of zeros around the 4 x 4 places, which the 1 x 1 convolution turns into its bias.
  const bordered = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]); // biome-ignore format: one line reads as the matrix it is
  const squeezed = block("squeeze", bordered);
  const flat = tf.reshape(squeezed, [images.shape[0], 1, 1, squeezed.size / images.shape[0]]) as Tensor4D;
  const hidden = block("hidden", flat);
  const numbers = linear(parameters, `${prefix}.numbers`, tf.reshape(hidden, [images.shape[0], hidden.shape[3]]));
  return { numbers, ...(place ? { place } : {}) };
}
