/** @file RAFT's encoders: images to maps at an eighth of their size. */
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { convBatchNorm } from "../src/nn/batch-norm.ts";
import { instanceNorm } from "../src/nn/instance-norm.ts";
import { conv2d } from "../src/nn/layers.ts";
import type { Parameters } from "../src/nn/parameters.ts";
import { relu } from "../src/nn/relu.ts";
import { blockLayers, encoderStages, type RaftConfig } from "./raft-config.ts";

type Norm = "instance" | "batch" | "none";
type Layer = (key: string, norm: string, x: Tensor4D, stride: number, rectified: boolean) => Tensor4D;

/** The encoder `prefix` on images [B,H,W,3] in -1..1: [B,H/8,W/8,O]. Batch norm always uses its stored statistics. */
export function encode(
  config: RaftConfig,
  parameters: Parameters,
  prefix: "fnet" | "cnet",
  images: Tensor4D,
): Tensor4D {
  const layer = layerWith(parameters, prefix === "fnet" ? "instance" : config.contextNorm);
  return tf.tidy(() => {
    let x = layer(`${prefix}.conv1`, `${prefix}.norm1`, images, 2, true);
    for (const stage of encoderStages(config)) {
      for (const index of [0, 1]) {
        const key = `${prefix}.${stage.key}.${index}`;
        x = block(config, layer, key, x, stage.to, index === 0 ? stage.stride : 1);
      }
    }
    return conv2d(parameters, `${prefix}.conv2`, x);
  });
}

function block(config: RaftConfig, layer: Layer, key: string, x: Tensor4D, to: number, stride: number): Tensor4D {
  return tf.tidy(() => {
    let y = x;
    for (const { name, norm, stride: step } of blockLayers(config, x.shape[3], to, stride)) {
      y = layer(`${key}.${name}`, `${key}.${norm}`, y, step, true);
    }
    const shortcut = stride === 1 ? x : layer(`${key}.downsample.0`, `${key}.downsample.1`, x, stride, false);
    return relu(tf.add(shortcut, y)) as Tensor4D;
  });
}

function layerWith(parameters: Parameters, kind: Norm): Layer {
  return (key, norm, x, stride, rectified) => {
    const activation = rectified ? "relu" : "linear";
    if (kind === "batch") return convBatchNorm(parameters, key, norm, x, "frozen", { stride, activation });
    if (kind === "none") return conv2d(parameters, key, x, { stride, activation });
    return tf.tidy(() => {
      const y = instanceNorm(conv2d(parameters, key, x, { stride }));
      return rectified ? relu(y) : y;
    });
  };
}
