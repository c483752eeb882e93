/** @file Blocks that the template networks are made of. */
import { type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { type BatchNormMode, convBatchNorm } from "../../src/nn/batch-norm.ts";
import { linear } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";

/** Shapes of weights under construction, PyTorch layout. */
export type Shapes = Map<string, readonly number[]>;

/** Adds a convolution `key` (with bias) and the batch norm `key.norm` after it. */
export function addConvNorm(shapes: Shapes, key: string, from: number, to: number, kernel = 3): void {
  addConv(shapes, key, from, to, kernel);
  for (const name of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${key}.norm.${name}`, [to]);
}

/** Adds a convolution `key` with bias. */
export function addConv(shapes: Shapes, key: string, from: number, to: number, kernel = 3): void {
  shapes.set(`${key}.weight`, [to, from, kernel, kernel]);
  shapes.set(`${key}.bias`, [to]);
}

/** Adds a linear layer `key` with bias. */
export function addLinear(shapes: Shapes, key: string, from: number, to: number): void {
  shapes.set(`${key}.weight`, [to, from]);
  shapes.set(`${key}.bias`, [to]);
}

/** How a block ends: slope below zero of its leaky rectifier (1: none), and the convolution's step. */
export interface BlockOptions {
  readonly slope: number;
  readonly stride?: number;
  /** The input is data: no gradient is computed for it. */
  readonly constantInput?: boolean;
}

/** Convolution `key`, batch norm `key.norm`, leaky rectifier. */
export function convNorm(
  parameters: Parameters,
  key: string,
  x: Tensor4D,
  mode: BatchNormMode,
  { slope, ...convolution }: BlockOptions,
): Tensor4D {
  return tf.tidy(() => {
    const y = convBatchNorm(parameters, key, `${key}.norm`, x, mode, convolution);
    return slope === 1 ? y : tf.leakyRelu(y, slope);
  });
}

/** Half the rows and columns, by bilinear sampling midway between pixels: the mean of each 2 x 2. */
export function halve(x: Tensor4D): Tensor4D {
  return tf.avgPool(x, 2, 2, "valid");
}

/** Weights of the four output pixels that an input pixel has a part in, along one axis. */
const SPREAD = [0.25, 0.75, 0.75, 0.25];

/**
 * Twice the rows and columns, bilinear with pixel centres at halves (PyTorch's align_corners false). Its gradient is
 * composed here, since tfjs's own forgets where the pixel centres are.
 */
export function double(x: Tensor4D): Tensor4D {
  const upsample = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const input = args[0] as Tensor4D;
    const [, height, width, channels] = input.shape;
    const gradFunc = (dy: tf.Tensor) => {
      const kernel = tf.outerProduct(tf.tensor1d(SPREAD), tf.tensor1d(SPREAD));
      const filter = tf.tile(tf.reshape(kernel, [4, 4, 1, 1]), [1, 1, channels, 1]) as Tensor4D;
      const framed = tf.mirrorPad(dy, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric") as Tensor4D; // biome-ignore format: one line reads as the matrix it is
      return tf.depthwiseConv2d(framed, filter, 2, "valid");
    };
    return { value: tf.image.resizeBilinear(input, [2 * height, 2 * width], false, true), gradFunc };
  });
  return upsample(x) as Tensor4D;
}

/** Linear layer `key` on the last axis: [B,T,in] to [B,T,out]. */
export function linearLast(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  const [batch, tokens, width] = x.shape;
  return tf.tidy(() => {
    const y = linear(parameters, key, tf.reshape(x, [batch * tokens, width]));
    return tf.reshape(y, [batch, tokens, y.shape[1]]);
  });
}
