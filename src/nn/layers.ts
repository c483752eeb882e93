/** @file Layers as functions of (parameters, key, input), with PyTorch's meaning of padding. */
import { hasFused } from "../engine/custom.ts";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "../engine/tf.ts";
import { fusedLayer } from "./fused-layer.ts";
import { type Parameters, parameter } from "./parameters.ts";
import { relu } from "./relu.ts";
import { isRecording } from "./stop-gradient.ts";

export type Activation = "linear" | "relu" | "sigmoid";

export interface ConvolutionOptions {
  /** Step in rows and columns; 1. */
  readonly stride?: number;
  readonly activation?: Activation;
  /** [B,H',W',O], added before the activation. */
  readonly residual?: Tensor4D;
  /** x is data, such as images: no gradient is wanted for it, and none is computed. */
  readonly constantInput?: boolean;
}

/** Convolution `key` (weight HWIO, optional bias): [B,H,W,C] to [B,H',W',O], zero padding floor(kernel / 2) on every side. */
export function conv2d(parameters: Parameters, key: string, x: Tensor4D, options: ConvolutionOptions = {}): Tensor4D {
  const weight = parameter(parameters, `${key}.weight`) as Tensor as Tensor4D;
  return convolve(x, weight, parameters.get(`${key}.bias`), options);
}

/** Convolution with given weights [kh,kw,C,O] and bias [O]; zero padding floor(kernel / 2) on every side, as PyTorch networks use. */
export function convolve(x: Tensor4D, weight: Tensor4D, bias?: Tensor, options: ConvolutionOptions = {}): Tensor4D {
  if (!hasFused("layer")) return composedConvolve(x, weight, bias, options);
  const { activation = "linear", residual } = options;
  const y = fusedLayer(
    x,
    { weight, bias, residual },
    { ...layerGeometry(weight, options), relu: activation === "relu" },
  );
  return activation === "sigmoid" ? tf.sigmoid(y) : y;
}

/** Stride, padding and the like of a convolution with `weight` [kh,kw,C,O], for `fusedLayer`. */
export function layerGeometry(weight: Tensor, { stride = 1, constantInput = false }: ConvolutionOptions) {
  return { stride, padding: [weight.shape[0]! >> 1, weight.shape[1]! >> 1] as const, constantInput };
}

/** The same in tfjs operations, for engines without the fused kernel. */
export function composedConvolve(
  x: Tensor4D,
  weight: Tensor4D,
  bias?: Tensor,
  { stride = 1, activation = "linear", residual }: ConvolutionOptions = {},
): Tensor4D {
  const pad = symmetric(weight.shape[0] >> 1, weight.shape[1] >> 1);
  // The fused operation's gradient always computes all inputs' gradients, also those of images, which nobody wants.
  if (bias && !residual && !isRecording()) {
    return tf.fused.conv2d({ x, filter: weight, strides: stride, pad, bias, activation }) as Tensor4D;
  }
  return tf.tidy(() => {
    let y: Tensor = tf.conv2d(x, weight, stride, pad as unknown as "valid");
    if (bias) y = tf.add(y, bias);
    return activate(residual ? tf.add(y, residual) : y, activation) as Tensor4D;
  });
}

/** Linear layer `key` (weight [in,out], bias): [B,in] to [B,out]. */
export function linear(parameters: Parameters, key: string, x: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const product = tf.matMul(x, parameter(parameters, `${key}.weight`) as Tensor as Tensor2D);
    return tf.add(product, parameter(parameters, `${key}.bias`)) as Tensor2D;
  });
}

/** Maximum over 3x3 windows with stride 2 and padding 1 (which never wins): [B,H,W,C] to [B,ceil(H/2),ceil(W/2),C]. */
export function maxPool3x3(x: Tensor4D): Tensor4D {
  return tf.maxPool(x, 3, 2, symmetric(1, 1) as unknown as "valid");
}

/** `x` after an activation. */
export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === "relu") return relu(x);
  return activation === "sigmoid" ? tf.sigmoid(x) : x;
}

// tfjs types leave explicit padding out of some signatures that accept it.
function symmetric(
  rows: number,
  columns: number,
): [[number, number], [number, number], [number, number], [number, number]] {
  return [[0, 0], [rows, rows], [columns, columns], [0, 0]]; // biome-ignore format: one line reads as the matrix it is
}
