/** @file The parts of a transformer, over tokens [B,N,C]: linear maps, layer norm, GELU and attention. */
import { type Tensor, type Tensor3D, tf } from "../src/engine/tf.ts";
import { type Parameters, parameter } from "../src/nn/parameters.ts";

/** Linear layer `key` (weight [in,out], optional bias) of every token. */
export function tokenLinear(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const [batch, count, width] = x.shape;
    const weight = parameter(parameters, `${key}.weight`) as Tensor as tf.Tensor2D;
    const bias = parameters.get(`${key}.bias`);
    const product = tf.matMul(tf.reshape(x, [batch * count, width]) as tf.Tensor2D, weight);
    return tf.reshape(bias ? tf.add(product, bias) : product, [batch, count, weight.shape[1]]);
  });
}

/** Every token at mean 0 and variance 1 (plus epsilon), times `<key>.weight`, plus `<key>.bias` (Ba et al. 2016). */
export function layerNorm(parameters: Parameters, key: string, x: Tensor3D, epsilon: number): Tensor3D {
  return tf.tidy(() => {
    const centred = tf.sub(x, tf.mean(x, 2, true));
    const variance = tf.mean(tf.square(centred), 2, true);
    const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
    return tf.add(tf.mul(normalised, parameter(parameters, `${key}.weight`)), parameter(parameters, `${key}.bias`));
  });
}

/** x times the normal distribution's cumulative function at x: the exact GELU (Hendrycks & Gimpel 2016). */
export function gelu(x: Tensor3D): Tensor3D {
  return tf.tidy(() => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2)))));
}

/**
 * softmax(Q K^T / sqrt(d)) V for each head (Vaswani et al. 2017): queries [B,N,h d], keys and values [B,M,h d] to [B,N,h d].
 * Head i has the channels i d to (i+1) d.
 */
export function attention(queries: Tensor3D, keys: Tensor3D, values: Tensor3D, heads: number): Tensor3D {
  return tf.tidy(() => {
    const [batch, count, width] = queries.shape;
    const size = width / heads;
    const perHead = (x: Tensor3D) => tf.transpose(tf.reshape(x, [batch, x.shape[1], heads, size]), [0, 2, 1, 3]);
    const scores = tf.matMul(tf.mul(perHead(queries), size ** -0.5), perHead(keys), false, true);
    const seen = tf.matMul(tf.softmax(scores), perHead(values));
    return tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [batch, count, width]);
  });
}

/** Tokens [B,N,p C] cut into p equal parts along the channels. */
export function parts(x: Tensor3D, count: number): Tensor3D[] {
  return tf.split(x, count, 2) as Tensor3D[];
}
