/** @file Mixer layers (Tolstikhin et al. 2021) in the form of Geng et al. 2023: tokens mix with tokens, channels with channels. */
import { type Tensor, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { type Parameters, parameter } from "../../src/nn/parameters.ts";
import { addLinear, linearLast, type Shapes } from "./blocks.ts";

const EPSILON = 1e-5;

/** Sizes of a mixer layer on [B,tokens,channels]. */
export interface MixerSpec {
  readonly tokens: number;
  readonly channels: number;
  /** Hidden sizes of the two perceptrons. */
  readonly tokenHidden: number;
  readonly channelHidden: number;
}

/** Adds a layer norm `key` over `channels`. */
export function addLayerNorm(shapes: Shapes, key: string, channels: number): void {
  for (const name of ["weight", "bias"]) shapes.set(`${key}.${name}`, [channels]);
}

/** Adds a mixer layer `key`. */
export function addMixer(shapes: Shapes, key: string, spec: MixerSpec): void {
  addLayerNorm(shapes, `${key}.layernorm1`, spec.channels);
  addLinear(shapes, `${key}.MLP_token.ff.0`, spec.tokens, spec.tokenHidden);
  addLinear(shapes, `${key}.MLP_token.ff.3`, spec.tokenHidden, spec.tokens);
  addLayerNorm(shapes, `${key}.layernorm2`, spec.channels);
  addLinear(shapes, `${key}.MLP_channel.ff.0`, spec.channels, spec.channelHidden);
  addLinear(shapes, `${key}.MLP_channel.ff.3`, spec.channelHidden, spec.channels);
}

/** Mixer layer `key`: x + y + z with y = tokens(norm(x)) and z = channels(norm(x + y)), [B,T,C] to [B,T,C]. */
export function mixer(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const mixed = perceptron(parameters, `${key}.MLP_token`, swapAxes(layerNorm(parameters, `${key}.layernorm1`, x)));
    const half = tf.add(x, swapAxes(mixed)) as Tensor3D;
    const z = perceptron(parameters, `${key}.MLP_channel`, layerNorm(parameters, `${key}.layernorm2`, half));
    return tf.add(half, z) as Tensor3D;
  });
}

/** Layer norm `key` over the last axis, with variance + 1e-5 under the root. */
export function layerNorm(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const centred = tf.sub(x, tf.mean(x, 2, true));
    const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 2, true), EPSILON));
    const scaled = tf.mul(tf.div(centred, deviation), parameter(parameters, `${key}.weight`));
    return tf.add(scaled, parameter(parameters, `${key}.bias`)) as Tensor3D;
  });
}

/** [B,T,C] to [B,C,T]. */
export function swapAxes(x: Tensor3D): Tensor3D {
  return tf.transpose(x, [0, 2, 1]);
}

function perceptron(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  const hidden = linearLast(parameters, `${key}.ff.0`, x);
  return linearLast(parameters, `${key}.ff.3`, gelu(hidden) as Tensor3D);
}

function gelu(x: Tensor): Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}
