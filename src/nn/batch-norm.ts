/** @file Batch normalisation: frozen statistics folded into the convolution, or the batch's own while training from scratch. */
import { hasFused, runFused } from "../engine/custom.ts";
import { type Tensor, type Tensor4D, tf } from "../engine/tf.ts";
import { fusedLayer, type LayerTensors } from "./fused-layer.ts";
import { activate, type ConvolutionOptions, composedConvolve, convolve, layerGeometry } from "./layers.ts";
import { type Parameters, parameter } from "./parameters.ts";

/** `frozen`: the stored running statistics; `batch`: the batch's own, which also move the running ones (momentum 0.1). */
export type BatchNormMode = "frozen" | "batch";

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/**
 * Convolution `key`, batch norm `normKey`, then `options.activation`: [B,H,W,C] to [B,H',W',O]. Frozen statistics are
 * folded into the weights within the graph: w' = w g, b' = beta + (b - mean) g with g = gamma / sqrt(var + 1e-5), so
 * gradients reach weight, bias, gamma and beta at the cost of one convolution (Ioffe & Szegedy 2015).
 */
export function convBatchNorm(
  parameters: Parameters,
  key: string,
  normKey: string,
  x: Tensor4D,
  mode: BatchNormMode,
  options: ConvolutionOptions = {},
): Tensor4D {
  const weight = parameter(parameters, `${key}.weight`) as Tensor as Tensor4D;
  const bias = parameters.get(`${key}.bias`);
  if (mode === "batch") {
    return tf.tidy(() => {
      const { activation = "linear", residual, ...rest } = options;
      const normalised = batchNorm(parameters, normKey, convolve(x, weight, bias, rest));
      return activate(residual ? tf.add(normalised, residual) : normalised, activation) as Tensor4D;
    });
  }
  const norm = {
    gamma: parameter(parameters, `${normKey}.weight`),
    beta: parameter(parameters, `${normKey}.bias`),
    mean: parameter(parameters, `${normKey}.running_mean`),
    variance: parameter(parameters, `${normKey}.running_var`),
  };
  if (!hasFused("layer")) return composedFrozen(x, { weight, bias, norm }, options);
  const { activation = "linear", residual } = options;
  const y = fusedLayer(
    x,
    { weight, bias, norm, residual },
    { ...layerGeometry(weight, options), relu: activation === "relu", epsilon: EPSILON },
  );
  return activation === "sigmoid" ? tf.sigmoid(y) : y;
}

/** Convolution and frozen norm in tfjs operations, for engines without the fused kernel. */
export function composedFrozen(
  x: Tensor4D,
  { weight, bias, norm }: LayerTensors,
  options: ConvolutionOptions = {},
): Tensor4D {
  const { gamma, beta, mean, variance } = norm!;
  return tf.tidy(() => {
    const gain = tf.mul(gamma, tf.rsqrt(tf.add(variance, EPSILON)));
    const centre = bias ? tf.sub(bias, mean) : tf.neg(mean);
    const shift = tf.add(beta, tf.mul(centre, gain));
    return composedConvolve(x, tf.mul(weight, gain) as Tensor4D, shift, options);
  });
}

function batchNorm(parameters: Parameters, key: string, x: Tensor4D): Tensor4D {
  const scale = parameter(parameters, `${key}.weight`);
  const offset = parameter(parameters, `${key}.bias`);
  const seen = (mean: Tensor, variance: Tensor) => {
    const count = x.size / x.shape[3];
    moveAverage(parameters, `${key}.running_mean`, mean);
    // PyTorch keeps the unbiased variance in its running average but normalises with the population's.
    moveAverage(parameters, `${key}.running_var`, tf.mul(variance, count / Math.max(1, count - 1)));
  };
  return normalise(x, scale, offset, seen);
}

/**
 * x [B,H,W,C] with each channel's mean and population variance over B, H and W replaced by `offset` and the square of `scale`
 * [C]; `seen` is told the two before.
 */
export function normalise(x: Tensor4D, scale: Tensor, offset: Tensor, seen: Statistics): Tensor4D {
  return hasFused("batchNorm") ? fusedNorm(x, scale, offset, seen) : composedNorm(x, scale, offset, seen);
}

/** Told the mean and the population variance of each channel. */
export type Statistics = (mean: Tensor, variance: Tensor) => void;

function fusedNorm(x: Tensor4D, scale: Tensor, offset: Tensor, seen: Statistics): Tensor4D {
  const norm = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [input, gain, shift, save] = args as [Tensor, Tensor, Tensor, tf.GradSaveFunc];
    const inputs = { x: input, scale: gain, offset: shift };
    const [y, mean, rstd] = runFused("batchNorm", inputs, { epsilon: EPSILON }) as [Tensor, Tensor, Tensor];
    seen(mean, tf.sub(tf.reciprocal(tf.square(rstd)), EPSILON));
    save([input, gain, mean, rstd]);
    const gradFunc = (dy: Tensor, [sx, sgain, smean, srstd]: Tensor[]) =>
      runFused(
        "batchNormGradient",
        { dy, x: sx as Tensor, scale: sgain as Tensor, mean: smean as Tensor, rstd: srstd as Tensor },
        { epsilon: EPSILON },
      );
    return { value: y, gradFunc };
  });
  return norm(x, scale, offset) as Tensor4D;
}

/** The same in tfjs operations, for engines without the fused kernel. */
export function composedNorm(x: Tensor4D, scale: Tensor, offset: Tensor, seen: Statistics): Tensor4D {
  const mean = tf.mean(x, [0, 1, 2]);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), [0, 1, 2]);
  seen(mean, variance);
  const gain = tf.mul(tf.rsqrt(tf.add(variance, EPSILON)), scale);
  return tf.add(tf.mul(centred, gain), offset) as Tensor4D;
}

function moveAverage(parameters: Parameters, key: string, seen: Tensor): void {
  const average = parameter(parameters, key);
  tf.tidy(() => average.assign(tf.add(tf.mul(average, 1 - MOMENTUM), tf.mul(seen, MOMENTUM))));
}
