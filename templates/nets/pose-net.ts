/** @file The network that lifts poses: fully connected, with residual blocks (Martinez et al. 2017); without norms, a critic. */
import { type Tensor2D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { BatchNormMode } from "../../src/nn/batch-norm.ts";
import { linear } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { relu } from "../../src/nn/relu.ts";
import { addConvNorm, addLinear, convNorm, type Shapes } from "./blocks.ts";

/** 2J numbers to `width`, then `blocks` of two layers each, then a last linear layer; 1024 and 2 as published. */
export interface PoseNetSpec {
  readonly inputs: number;
  readonly outputs: number;
  readonly width: number;
  readonly blocks: number;
  /** Whether a batch norm follows each layer: in lifters, not in critics. */
  readonly norm: boolean;
}

/** How a network is run. */
export interface PoseNetMode {
  readonly norm: BatchNormMode;
  /** Share of each layer's numbers that are zeroed, and the seed that says which; none unless given. */
  readonly dropout?: { readonly rate: number; readonly seed: string } | undefined;
}

const layersOf = ({ blocks }: PoseNetSpec): string[] => [
  "start",
  ...Array.from({ length: blocks }, (_, b) => [`block${b}.first`, `block${b}.second`]).flat(),
];

/** Names and shapes of its weights, under `prefix`. */
export function poseNetShapes(prefix: string, spec: PoseNetSpec): Shapes {
  const shapes: Shapes = new Map();
  for (const layer of layersOf(spec)) {
    const inputs = layer === "start" ? spec.inputs : spec.width;
    if (spec.norm) addConvNorm(shapes, `${prefix}.${layer}`, inputs, spec.width, 1);
    else addLinear(shapes, `${prefix}.${layer}`, inputs, spec.width);
  }
  addLinear(shapes, `${prefix}.end`, spec.width, spec.outputs);
  return shapes;
}

/** [B,outputs] of [B,inputs]: every layer is linear, norm, relu, dropout; a block adds its input to what it makes. */
export function poseNet(
  parameters: Parameters,
  prefix: string,
  spec: PoseNetSpec,
  inputs: Tensor2D,
  { norm, dropout }: PoseNetMode,
): Tensor2D {
  const layer = (name: string, x: Tensor2D): Tensor2D => {
    const key = `${prefix}.${name}`;
    const y = spec.norm ? normedLayer(parameters, key, x, norm) : relu(linear(parameters, key, x));
    return dropout && dropout.rate > 0
      ? (tf.dropout(y, dropout.rate, undefined, `${dropout.seed}/${name}`) as Tensor2D)
      : y;
  };
  return tf.tidy(() => {
    let x = layer("start", inputs);
    for (let b = 0; b < spec.blocks; b++)
      x = tf.add(x, layer(`block${b}.second`, layer(`block${b}.first`, x))) as Tensor2D;
    return linear(parameters, `${prefix}.end`, x);
  });
}

/** A linear layer is a convolution of pictures of one pixel, which norms fold into. */
function normedLayer(parameters: Parameters, key: string, x: Tensor2D, norm: BatchNormMode): Tensor2D {
  const [batch, width] = x.shape;
  const y = convNorm(parameters, key, tf.reshape(x, [batch, 1, 1, width]) as Tensor4D, norm, { slope: 0 });
  return tf.reshape(y, [batch, y.shape[3]]);
}
