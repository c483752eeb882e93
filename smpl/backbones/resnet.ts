/** @file Residual networks (He et al., CVPR 2016) as torchvision names and arranges them, for any base width. */
import { type Tensor2D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { type BatchNormMode, convBatchNorm } from "../../src/nn/batch-norm.ts";
import { type ConvolutionOptions, maxPool3x3 } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { relu } from "../../src/nn/relu.ts";
import type { Backbone } from "../backbone.ts";

type UnitKind = "basic" | "bottleneck";

/** One residual unit: where it is and its widths; `inner` is the width of its 3x3 convolutions. */
interface Unit {
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

/** The residual network with `counts` units in its four stages. Its last feature map is averaged over positions. */
export function resnet(doc: string, kind: UnitKind, counts: readonly number[]): Backbone {
  const expansion = kind === "bottleneck" ? 4 : 1;
  return {
    doc,
    featureCount: (width) => 8 * width * expansion,
    shapes: (width) => {
      const shapes = new Map<string, readonly number[]>();
      addConvBatchNorm(shapes, "conv1", "bn1", 3, width, 7);
      for (const unit of units(counts, width, expansion)) {
        for (const { n, kernel, from, to } of unitLayers(kind, unit)) {
          addConvBatchNorm(shapes, `${unit.key}.conv${n}`, `${unit.key}.bn${n}`, from, to, kernel);
        }
        if (!isProjected(unit)) continue;
        addConvBatchNorm(shapes, `${unit.key}.downsample.0`, `${unit.key}.downsample.1`, unit.from, unit.to, 1);
      }
      return shapes;
    },
    features: (parameters, images, batchNorm) =>
      tf.tidy(() => {
        const width = parameters.get("conv1.weight")!.shape[3]!;
        const stem = convBatchNorm(parameters, "conv1", "bn1", images, batchNorm, { stride: 2, activation: "relu" });
        let x = maxPool3x3(stem);
        for (const unit of units(counts, width, expansion)) x = applyUnit(parameters, kind, unit, x, batchNorm);
        return tf.mean(x, [1, 2]) as Tensor2D;
      }),
  };
}

function units(counts: readonly number[], width: number, expansion: number): Unit[] {
  let from = width;
  return counts.flatMap((count, stage) =>
    Array.from({ length: count }, (_, index) => {
      const inner = width * 2 ** stage;
      const unit = {
        key: `layer${stage + 1}.${index}`,
        from,
        inner,
        to: inner * expansion,
        stride: stage > 0 && index === 0 ? 2 : 1,
      };
      from = unit.to;
      return unit;
    }),
  );
}

function unitLayers(kind: UnitKind, { from, inner, to, stride }: Unit): UnitLayer[] {
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

function isProjected({ from, to, stride }: Unit): boolean {
  return stride !== 1 || from !== to;
}

function applyUnit(parameters: Parameters, kind: UnitKind, unit: Unit, x: Tensor4D, mode: BatchNormMode): Tensor4D {
  const { key } = unit;
  const layer = (conv: string, norm: string, input: Tensor4D, options: ConvolutionOptions) =>
    convBatchNorm(parameters, `${key}.${conv}`, `${key}.${norm}`, input, mode, options);
  return tf.tidy(() => {
    const layers = unitLayers(kind, unit);
    let y = x;
    for (const { n, stride } of layers) {
      y = layer(`conv${n}`, `bn${n}`, y, { stride, activation: n < layers.length ? "relu" : "linear" });
    }
    const shortcut = isProjected(unit) ? layer("downsample.0", "downsample.1", x, { stride: unit.stride }) : x;
    return relu(tf.add(y, shortcut)) as Tensor4D;
  });
}

function addConvBatchNorm(
  shapes: Map<string, readonly number[]>,
  conv: string,
  norm: string,
  from: number,
  to: number,
  kernel: number,
): void {
  shapes.set(`${conv}.weight`, [to, from, kernel, kernel]);
  for (const name of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${norm}.${name}`, [to]);
}
