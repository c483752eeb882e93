/** @file The hierarchical memory of poses (Pose Prior Learner): banks of codes that poses are read from, and the prior in them. */
import { type Tensor, type Tensor2D, type Tensor3D, tf, type Variable } from "../src/engine/tf.ts";
import { type Parameters, parameter } from "../src/nn/parameters.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import { createRandom } from "../src/random.ts";
import { addLinear, linearLast, type Shapes } from "./nets/blocks.ts";
import { addLayerNorm, addMixer, layerNorm, mixer, swapAxes } from "./nets/mixer.ts";

/** Sizes of a memory. */
export interface PoseMemorySpec {
  readonly points: number;
  /** Banks of codes, codes per bank, numbers per code: 34, 16, 512 as published. */
  readonly banks: number;
  readonly codes: number;
  readonly dim: number;
  readonly encoderLayers: number;
  readonly encoderChannels: number;
  readonly encoderTokenHidden: number;
  readonly encoderChannelHidden: number;
  readonly decoderChannels: number;
  readonly decoderTokenHidden: number;
  readonly decoderChannelHidden: number;
}

/** The sizes of Geng et al. 2023, which the published memory keeps. */
export const PUBLISHED_MIXERS = {
  encoderLayers: 4,
  encoderChannels: 512,
  encoderTokenHidden: 64,
  encoderChannelHidden: 512,
  decoderChannels: 32,
  decoderTokenHidden: 64,
  decoderChannelHidden: 64,
} as const;

const DECAY = 0.9;
const LAPLACE = 1e-5;

/** Names and shapes of the encoder's and decoder's weights under `prefix`. The codes are no weights: see `createCodes`. */
export function poseMemoryShapes(prefix: string, spec: PoseMemorySpec): Shapes {
  const shapes: Shapes = new Map();
  const { points, banks, dim, encoderChannels, decoderChannels } = spec;
  addLinear(shapes, `${prefix}.encoder_start`, 2, encoderChannels);
  for (let layer = 0; layer < spec.encoderLayers; layer++)
    addMixer(shapes, `${prefix}.encoder.${layer}`, {
      tokens: points,
      channels: encoderChannels,
      tokenHidden: spec.encoderTokenHidden,
      channelHidden: spec.encoderChannelHidden,
    });
  addLayerNorm(shapes, `${prefix}.encoder_layer_norm`, encoderChannels);
  addLinear(shapes, `${prefix}.token_mlp`, points, banks);
  addLinear(shapes, `${prefix}.feature_embed`, encoderChannels, dim);
  addLinear(shapes, `${prefix}.decoder_token_mlp`, banks, points);
  addLinear(shapes, `${prefix}.decoder_start`, dim, decoderChannels);
  addMixer(shapes, `${prefix}.decoder.0`, {
    tokens: points,
    channels: decoderChannels,
    tokenHidden: spec.decoderTokenHidden,
    channelHidden: spec.decoderChannelHidden,
  });
  addLayerNorm(shapes, `${prefix}.decoder_layer_norm`, decoderChannels);
  addLinear(shapes, `${prefix}.recover_embed`, decoderChannels, 2);
  return shapes;
}

/**
 * How the moving averages behind the codes begin. `released`: counts 0 and sums that have nothing to do with the codes,
 * so that rarely used codes are huge for about 100 steps; `warm`: as if every code had been used once.
 */
export type MemoryStart = "released" | "warm";

/** The codes and their moving averages as variables that are no part of the gradient: `codebook`, `usage`, `sums`. */
export function createCodes(prefix: string, spec: PoseMemorySpec, seed: number, start: MemoryStart): Parameters {
  const shape: [number, number, number] = [spec.banks, spec.codes, spec.dim];
  const normal = (name: string) => {
    const random = createRandom(seed, prefix, name);
    return Float32Array.from({ length: spec.banks * spec.codes * spec.dim }, () => random.normal());
  };
  const constant = (make: () => Tensor) => tf.tidy(() => tf.variable(make(), false));
  const codes = normal("codebook");
  return new Map([
    [`${prefix}.codebook`, constant(() => tf.tensor3d(codes, shape))],
    [`${prefix}.usage`, constant(() => tf.fill(shape.slice(0, 2), start === "warm" ? 1 : 0))],
    [`${prefix}.sums`, constant(() => tf.tensor3d(start === "warm" ? codes : normal("sums"), shape))],
  ]);
}

/** The tokens [B,banks,dim] of poses [B,N,2]. */
export function encodePose(parameters: Parameters, prefix: string, spec: PoseMemorySpec, poses: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    let x = linearLast(parameters, `${prefix}.encoder_start`, poses);
    for (let layer = 0; layer < spec.encoderLayers; layer++) x = mixer(parameters, `${prefix}.encoder.${layer}`, x);
    const tokens = linearLast(
      parameters,
      `${prefix}.token_mlp`,
      swapAxes(layerNorm(parameters, `${prefix}.encoder_layer_norm`, x)),
    );
    return linearLast(parameters, `${prefix}.feature_embed`, swapAxes(tokens));
  });
}

/** The poses [B,N,2] of tokens [B,banks,dim]; nothing keeps them inside [-1,1]. */
export function decodePose(parameters: Parameters, prefix: string, tokens: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const points = swapAxes(linearLast(parameters, `${prefix}.decoder_token_mlp`, swapAxes(tokens)));
    const x = mixer(parameters, `${prefix}.decoder.0`, linearLast(parameters, `${prefix}.decoder_start`, points));
    const normed = layerNorm(parameters, `${prefix}.decoder_layer_norm`, x);
    return linearLast(parameters, `${prefix}.recover_embed`, normed);
  });
}

/** [B,banks,codes] with a 1 at the nearest code of each bank, by squared distance. No gradient. */
export function nearestCodes(parameters: Parameters, prefix: string, tokens: Tensor3D): Tensor3D {
  const codebook = parameter(parameters, `${prefix}.codebook`) as Tensor as Tensor3D;
  return stopGradient(() => {
    const products = tf.transpose(tf.matMul(tf.transpose(tokens, [1, 0, 2]), codebook, false, true), [1, 0, 2]);
    // |g - v|^2 without |g|^2, which is the same for all codes.
    const distances = tf.sub(tf.sum(tf.square(codebook), 2), tf.mul(products, 2));
    return tf.cast(tf.oneHot(tf.argMin(distances, 2) as tf.Tensor2D, codebook.shape[1]), "float32") as Tensor3D;
  });
}

/** The codes [B,banks,dim] that `chosen` [B,banks,codes] picks. */
export function pickCodes(parameters: Parameters, prefix: string, chosen: Tensor3D): Tensor3D {
  const codebook = parameter(parameters, `${prefix}.codebook`) as Tensor as Tensor3D;
  return stopGradient(() => tf.transpose(tf.matMul(tf.transpose(chosen, [1, 0, 2]), codebook), [1, 0, 2])) as Tensor3D;
}

/**
 * Moves the codes towards the tokens that chose them: exponential moving averages (decay 0.9) of how often each was
 * chosen, Laplace-smoothed within its bank, and of the sum of its tokens (van den Oord et al. 2017, appendix A.1).
 */
export function updateCodes(parameters: Parameters, prefix: string, tokens: Tensor3D, chosen: Tensor3D): void {
  const own = (name: string): Variable => parameter(parameters, `${prefix}.${name}`);
  const average = (old: Tensor, seen: Tensor) => tf.add(tf.mul(old, DECAY), tf.mul(seen, 1 - DECAY));
  const [usage, sums, codebook] = [own("usage"), own("sums"), own("codebook")];
  tf.tidy(() => {
    const counted = average(usage, tf.sum(chosen, 0));
    const total = tf.sum(counted, 1, true);
    const codes = usage.shape[1]!;
    const smoothed = tf.mul(tf.div(tf.add(counted, LAPLACE), tf.add(total, codes * LAPLACE)), total);
    const gathered = tf.matMul(tf.transpose(chosen, [1, 2, 0]), tf.transpose(tokens, [1, 0, 2]));
    usage.assign(smoothed);
    sums.assign(average(sums, gathered));
    codebook.assign(tf.div(sums, tf.expandDims(usage, 2)));
  });
}

/** What the memory makes of poses, and what it should be trained on. */
export interface Remembered {
  /** [B,N,2] the poses read back from the nearest codes. */
  readonly poses: Tensor3D;
  /** Mean squared difference of tokens and codes; trains the encoder. */
  readonly commitment: tf.Scalar;
}

/**
 * Poses [B,N,2] through the memory. The nearest codes stand in for the tokens, and gradients pass straight through to
 * the encoder. With `learn` the codes move afterwards: set it in training only. Call it in a tidy.
 */
export function remember(
  parameters: Parameters,
  prefix: string,
  spec: PoseMemorySpec,
  poses: Tensor3D,
  learn: boolean,
): Remembered {
  const tokens = encodePose(parameters, prefix, spec, poses);
  const chosen = nearestCodes(parameters, prefix, tokens);
  const codes = pickCodes(parameters, prefix, chosen);
  const commitment = tf.mean(tf.square(tf.sub(codes, tokens))) as tf.Scalar;
  const quantised = tf.add(tokens, stopGradient(() => tf.sub(codes, tokens))); // biome-ignore format: one thought
  if (learn) stopGradient(() => { updateCodes(parameters, prefix, tokens, chosen); return tf.scalar(0); }); // biome-ignore format: one thought
  return { poses: decodePose(parameters, prefix, quantised as Tensor3D), commitment };
}

/** The general pose [N,2] in the memory: every bank's codes averaged, then decoded. No gradient. */
export function distilPrior(parameters: Parameters, prefix: string): Tensor2D {
  return stopGradient(() => {
    const means = tf.mean(parameter(parameters, `${prefix}.codebook`), 1);
    return tf.squeeze(decodePose(parameters, prefix, tf.expandDims(means, 0)), [0]) as Tensor2D;
  });
}
