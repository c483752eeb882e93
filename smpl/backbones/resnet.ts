/** @file Residual networks (He et al., CVPR 2016) as torchvision names and arranges them, for any base width. */
import { tf } from "../../src/engine/tf.ts";
import { convBatchNorm } from "../../src/nn/batch-norm.ts";
import { maxPool3x3 } from "../../src/nn/layers.ts";
import { type Backbone, places } from "../backbone.ts";
import { addConvBatchNorm, addUnit, applyUnit, type ResidualUnit } from "./residual-unit.ts";

/** The residual network with `counts` units in its four stages. Its features are the places of its last feature map. */
export function resnet(doc: string, kind: ResidualUnit["kind"], counts: readonly number[]): Backbone {
  const expansion = kind === "bottleneck" ? 4 : 1;
  return {
    doc,
    published: {},
    featureCount: ({ width }) => 8 * width * expansion,
    shapes: ({ width }) => {
      const shapes = new Map<string, readonly number[]>();
      addConvBatchNorm(shapes, ["conv1", "bn1"], [3, width], 7);
      for (const unit of units(kind, counts, width)) addUnit(shapes, unit);
      return shapes;
    },
    recognise: (shapes) => {
      const first = shapes.get("conv1.weight");
      const deep = shapes.has("layer1.0.conv3.weight") ? "bottleneck" : "basic";
      const has = (stage: number, unit: number) => shapes.has(`layer${stage}.${unit}.conv1.weight`);
      const fits = counts.every((count, stage) => has(stage + 1, count - 1) && !has(stage + 1, count));
      return first && deep === kind && fits ? { width: first[0]! } : undefined;
    },
    features: (parameters, { width }, images, batchNorm) =>
      tf.tidy(() => {
        const options = { stride: 2, activation: "relu", constantInput: true } as const;
        const stem = convBatchNorm(parameters, "conv1", "bn1", images, batchNorm, options);
        let x = maxPool3x3(stem);
        for (const unit of units(kind, counts, width)) x = applyUnit(parameters, unit, x, batchNorm);
        return places(x);
      }),
  };
}

function units(kind: ResidualUnit["kind"], counts: readonly number[], width: number): ResidualUnit[] {
  let from = width;
  return counts.flatMap((count, stage) =>
    Array.from({ length: count }, (_, index) => {
      const inner = width * 2 ** stage;
      const to = inner * (kind === "bottleneck" ? 4 : 1);
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const unit: ResidualUnit = { kind, key: `layer${stage + 1}.${index}`, from, inner, to, stride };
      from = to;
      return unit;
    }),
  );
}
