/** @file Batch normalisation: frozen statistics folded into the convolution, or the batch's own while training from scratch. */
import { hasFused, runFused } from "../engine/custom.ts";
import { type Tensor, type Tensor4D, tf } from "../engine/tf.ts";
import { type ConvolutionOptions, convolve } from "./layers.ts";
import { type Parameters, parameter } from "./parameters.ts";
import { relu } from "./relu.ts";

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
  return tf.tidy(() => {
    if (mode === "batch") {
      const y = convolve(x, weight, bias, { ...options, activation: "linear" });
      const normalised = batchNorm(parameters, normKey, y);
      return options.activation === "relu" ? relu(normalised) : normalised;
    }
    const mean = parameter(parameters, `${normKey}.running_mean`);
    const variance = parameter(parameters, `${normKey}.running_var`);
    const gain = tf.mul(parameter(parameters, `${normKey}.weight`), tf.rsqrt(tf.add(variance, EPSILON)));
    const centre = bias ? tf.sub(bias, mean) : tf.neg(mean);
    const shift = tf.add(parameter(parameters, `${normKey}.bias`), tf.mul(centre, gain));
    return convolve(x, tf.mul(weight, gain) as Tensor4D, shift, options);
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
  return hasFused("batchNorm") ? fusedNorm(x, scale, offset, seen) : composedNorm(x, scale, offset, seen);
}

/** Told the mean and the population variance of each channel. */
type Statistics = (mean: Tensor, variance: Tensor) => void;

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
function composedNorm(x: Tensor4D, scale: Tensor, offset: Tensor, seen: Statistics): Tensor4D {
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
