/** @file The residual units of ResNet and HRNet (He et al., CVPR 2016), as torchvision names and arranges them. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { type BatchNormMode, convBatchNorm } from "../../src/nn/batch-norm.ts";
import type { ConvolutionOptions } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";

/** One residual unit: where it is and its widths; `inner` is the width of its 3x3 convolutions. */
export interface ResidualUnit {
  /** `basic`: two 3x3 convolutions; `bottleneck`: 1x1, 3x3 (with the stride), 1x1. */
  readonly kind: "basic" | "bottleneck";
  readonly key: string;
  readonly from: number;
  readonly inner: number;
  readonly to: number;
  readonly stride: number;
}

/** The convolutions of a unit: number n (conv<n>, bn<n>), kernel, stride, widths. */
interface UnitLayer {
  readonly n: number;
  readonly kernel: number;
  readonly stride: number;
  readonly from: number;
  readonly to: number;
}

/** Adds the shapes of a convolution (with a bias if asked) and of the batch norm after it. */
export function addConvBatchNorm(
  shapes: Map<string, readonly number[]>,
  [conv, norm]: readonly [conv: string, norm: string],
  [from, to]: readonly [from: number, to: number],
  kernel: number,
  biased = false,
): void {
  shapes.set(`${conv}.weight`, [to, from, kernel, kernel]);
  if (biased) shapes.set(`${conv}.bias`, [to]);
  for (const name of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${norm}.${name}`, [to]);
}

/** Adds the shapes of a unit's weights. */
export function addUnit(shapes: Map<string, readonly number[]>, unit: ResidualUnit): void {
  const { key } = unit;
  for (const { n, kernel, from, to } of unitLayers(unit)) {
    addConvBatchNorm(shapes, [`${key}.conv${n}`, `${key}.bn${n}`], [from, to], kernel);
  }
  if (!isProjected(unit)) return;
  addConvBatchNorm(shapes, [`${key}.downsample.0`, `${key}.downsample.1`], [unit.from, unit.to], 1);
}

/** relu(layers(x) + shortcut(x)): [B,H,W,from] to [B,H/stride,W/stride,to]. */
export function applyUnit(parameters: Parameters, unit: ResidualUnit, x: Tensor4D, mode: BatchNormMode): Tensor4D {
  const { key } = unit;
  const layer = (conv: string, norm: string, input: Tensor4D, options: ConvolutionOptions) =>
    convBatchNorm(parameters, `${key}.${conv}`, `${key}.${norm}`, input, mode, options);
  return tf.tidy(() => {
    const layers = unitLayers(unit);
    const shortcut = isProjected(unit) ? layer("downsample.0", "downsample.1", x, { stride: unit.stride }) : x;
    let y = x;
    for (const { n, stride } of layers) {
      const residual = n === layers.length ? { residual: shortcut } : {};
      y = layer(`conv${n}`, `bn${n}`, y, { stride, activation: "relu", ...residual });
    }
    return y;
  });
}

function unitLayers({ kind, from, inner, to, stride }: ResidualUnit): UnitLayer[] {
  if (kind === "basic") {
    return [
      { n: 1, kernel: 3, stride, from, to },
      { n: 2, kernel: 3, stride: 1, from: to, to },
    ];
  }
  return [
    { n: 1, kernel: 1, stride: 1, from, to: inner },
    { n: 2, kernel: 3, stride, from: inner, to: inner },
    { n: 3, kernel: 1, stride: 1, from: inner, to },
  ];
}

function isProjected({ from, to, stride }: ResidualUnit): boolean {
  return stride !== 1 || from !== to;
}
