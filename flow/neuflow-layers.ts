/** @file NeuFlow v2's building blocks: convolutions with leaky ReLU and attention with layer norms. */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { conv2d } from "../src/nn/layers.ts";
import { type Parameters, parameter } from "../src/nn/parameters.ts";
import type { ConvolutionBlock } from "./neuflow-config.ts";

const SLOPE = 0.1;
const LAYER_NORM_EPSILON = 1e-5;

/** x where positive, else x / 10. */
export function leaky(x: Tensor4D): Tensor4D {
  return tf.leakyRelu(x, SLOPE);
}

/** 3x3 convolution `key` without bias, then leaky ReLU: [B,H,W,C] to [B,H,W,O]. */
export function leakyConvolution(parameters: Parameters, key: string, x: Tensor4D): Tensor4D {
  return tf.tidy(() => leaky(conv2d(parameters, key, x)));
}

/** A block of the encoders, its norms folded: [B,H,W,C] to [B,h,w,O], h = (H + 2 padding - kernel) / stride + 1. */
export function convolutionBlock(parameters: Parameters, block: ConvolutionBlock, x: Tensor4D): Tensor4D {
  const { key, stride, padding } = block;
  return tf.tidy(() =>
    folded(parameters, `${key}.conv2`, folded(parameters, `${key}.conv1`, x, stride, padding), 1, 1),
  );
}

function folded(parameters: Parameters, key: string, x: Tensor4D, strides: number, padding: number): Tensor4D {
  const pad: [number, number][] = [[0, 0], [padding, padding], [padding, padding], [0, 0]]; // biome-ignore format: a matrix
  return tf.fused.conv2d({
    x,
    filter: parameter(parameters, `${key}.weight`) as Tensor as Tensor4D,
    bias: parameter(parameters, `${key}.bias`),
    strides,
    pad: pad as unknown as "valid",
    activation: "leakyrelu",
    leakyreluAlpha: SLOPE,
  }) as Tensor4D;
}

/** Two 3x3 convolutions with a GELU between them, the second with its norm folded: [B,H,W,C] to [B,H,W,O]. */
export function mergeConvolutions(parameters: Parameters, key: string, x: Tensor4D): Tensor4D {
  return tf.tidy(() => conv2d(parameters, `${key}.2`, gelu(conv2d(parameters, `${key}.0`, x))));
}

/**
 * Layers in which every item [B,N,C] looks at its other (`exchange` gives the others of a whole batch), then the norm:
 * [B,N,C]. Both items of a pair go through the same weights at the same time.
 */
export function crossAttention(
  parameters: Parameters,
  key: string,
  layers: number,
  tokens: Tensor3D,
  exchange: (x: Tensor3D) => Tensor3D,
): Tensor3D {
  return tf.tidy(() => {
    let x = tokens;
    for (let i = 0; i < layers; i++) x = attentionLayer(parameters, `${key}.layers.${i}`, x, exchange(x));
    const scale = parameter(parameters, `${key}.norm.weight`);
    return tf.add(tf.mul(x, scale), parameter(parameters, `${key}.norm.bias`)) as Tensor3D;
  });
}

function attentionLayer(parameters: Parameters, key: string, source: Tensor3D, target: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const project = (name: string, x: Tensor3D) => affine(parameters, `${key}.${name}`, x);
    const weights = attentionWeights(project("q_proj", source), project("k_proj", target));
    const message = project("merge", tf.matMul(weights, project("v_proj", target)) as Tensor3D);
    const joined = tf.concat([source, layerNorm(parameters, `${key}.norm1`, message)], 2) as Tensor3D;
    const inner = gelu(affine(parameters, `${key}.mlp.0`, joined));
    return tf.add(source, layerNorm(parameters, `${key}.norm2`, affine(parameters, `${key}.mlp.2`, inner))) as Tensor3D;
  });
}

/** softmax(q k' / sqrt(C)) for queries [B,N,C] and keys [B,M,C]: [B,N,M]. */
function attentionWeights(query: Tensor3D, key: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const logits = tf.matMul(tf.mul(query, 1 / Math.sqrt(query.shape[2])), key, false, true);
    return tf.softmax(logits) as Tensor3D;
  });
}

/** Linear layer `key`, with a bias where it has one, on the last dimension of [B,N,C]. */
function affine(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const [batch, count, width] = x.shape;
    const weight = parameter(parameters, `${key}.weight`) as Tensor as Tensor2D;
    const product = tf.matMul(tf.reshape(x, [batch * count, width]), weight);
    const bias = parameters.get(`${key}.bias`);
    return tf.reshape(bias ? tf.add(product, bias) : product, [batch, count, weight.shape[1]]) as Tensor3D;
  });
}

/** Every row of [B,N,C] at mean 0 and population variance 1, times weight, plus bias (Ba et al. 2016). */
function layerNorm(parameters: Parameters, key: string, x: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const normal = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), LAYER_NORM_EPSILON)));
    return tf.add(tf.mul(normal, parameter(parameters, `${key}.weight`)), parameter(parameters, `${key}.bias`)) as Tensor3D; // biome-ignore format: the formula
  });
}

/** x times the normal distribution's share below x (Hendrycks & Gimpel 2016). */
function gelu<T extends Tensor>(x: T): T {
  return tf.tidy(() => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))))) as T;
}
