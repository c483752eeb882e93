/**
 * @file HRNet (Wang et al., TPAMI 2020): four resolutions side by side that exchange what they see, with the
 * classification trunk that ends in 2048 features. Names as in timm, which are those of its image-classification release.
 */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { type BatchNormMode, convBatchNorm } from "../../src/nn/batch-norm.ts";
import type { ConvolutionOptions } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { relu } from "../../src/nn/relu.ts";
import { type Backbone, places } from "../backbone.ts";
import { addConvBatchNorm, addUnit, applyUnit, type ResidualUnit } from "./residual-unit.ts";

const STEM = 64;
const UNITS = 4;
/** Modules in the stages 2, 3, 4; a stage has as many branches as its number says. */
const MODULES = [1, 4, 3];
/** Widths of the four bottlenecks that lead into the classification trunk (times four at their ends), and of its end. */
const HEAD = [32, 64, 128, 256];
const FEATURES = 2048;
/** The side is halved twice in the stem and once for each further branch. */
const STEP = 32;

/** HRNet of branch widths w, 2w, 4w, 8w; w is the specification's width, 32 in HRNet-W32. */
export const hrnet: Backbone = {
  doc: "HRNet (Wang et al. 2020; width 32 is HRNet-W32) with its classification trunk, timm's names",
  published: { width: 32 },
  featureCount: () => FEATURES,
  problem: ({ cropSize }) =>
    cropSize % STEP === 0 ? undefined : `needs a crop size that ${STEP} divides, got ${cropSize}`,
  shapes: ({ width }) => {
    const shapes = new Map<string, readonly number[]>();
    addConvBatchNorm(shapes, ["conv1", "bn1"], [3, STEM], 3);
    addConvBatchNorm(shapes, ["conv2", "bn2"], [STEM, STEM], 3);
    for (const unit of stemUnits()) addUnit(shapes, unit);
    for (const stage of [2, 3, 4]) addStage(shapes, stage, width);
    for (const unit of headUnits(width)) addUnit(shapes, unit);
    for (const [i, to] of HEAD.slice(1).entries()) {
      addConvBatchNorm(shapes, norms(`downsamp_modules.${i}`), [4 * HEAD[i]!, 4 * to], 3, true);
    }
    addConvBatchNorm(shapes, norms("final_layer"), [4 * HEAD.at(-1)!, FEATURES], 1, true);
    return shapes;
  },
  recognise: (shapes) => {
    const branch = shapes.get("stage2.0.branches.0.0.conv1.weight");
    return branch && { width: branch[0]! };
  },
  features: (parameters, { width }, images, mode) =>
    tf.tidy(() => {
      const layer: Layer = (key, x, options) => convBatchNorm(parameters, ...norms(key), x, mode, options);
      const down = { stride: 2, activation: "relu" } as const;
      let x = convBatchNorm(parameters, "conv1", "bn1", images, mode, { ...down, constantInput: true });
      x = convBatchNorm(parameters, "conv2", "bn2", x, mode, down);
      for (const unit of stemUnits()) x = applyUnit(parameters, unit, x, mode);
      let branches = [x];
      for (const stage of [2, 3, 4]) branches = applyStage(parameters, layer, mode, stage, width, branches);
      const ends = headUnits(width).map((unit, i) => applyUnit(parameters, unit, branches[i]!, mode));
      const trunk = ends.reduce(
        (sum, end, i) => tf.add(end, layer(`downsamp_modules.${i - 1}`, sum, down)) as Tensor4D,
      );
      return places(layer("final_layer", trunk, { activation: "relu" }));
    }),
};

/** A convolution with batch norm under `<key>.0` and `<key>.1`. */
type Layer = (key: string, x: Tensor4D, options?: ConvolutionOptions) => Tensor4D;

function norms(key: string): [conv: string, norm: string] {
  return [`${key}.0`, `${key}.1`];
}

function stemUnits(): ResidualUnit[] {
  return Array.from({ length: UNITS }, (_, i) => {
    const from = i === 0 ? STEM : 4 * STEM;
    return { kind: "bottleneck", key: `layer1.${i}`, from, inner: STEM, to: 4 * STEM, stride: 1 };
  });
}

function headUnits(width: number): ResidualUnit[] {
  return HEAD.map((inner, i) => {
    return { kind: "bottleneck", key: `incre_modules.${i}.0`, from: width * 2 ** i, inner, to: 4 * inner, stride: 1 };
  });
}

function branchUnits(stage: number, module: number, branch: number, width: number): ResidualUnit[] {
  const w = width * 2 ** branch;
  return Array.from({ length: UNITS }, (_, i) => {
    return {
      kind: "basic",
      key: `stage${stage}.${module}.branches.${branch}.${i}`,
      from: w,
      inner: w,
      to: w,
      stride: 1,
    };
  });
}

/** One convolution of a chain that brings branch `from` to branch `to`. */
interface FuseStep {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  /** Halves the side (3x3); otherwise 1x1 at the same side. */
  readonly halves: boolean;
  readonly last: boolean;
}

/** To a finer branch: one 1x1, then enlarging. To a coarser one: 3x3 with stride 2, only the last of which changes the width. */
function fuseSteps(stage: number, module: number, from: number, to: number, width: number): FuseStep[] {
  const key = `stage${stage}.${module}.fuse_layers.${to}.${from}`;
  const [a, b] = [width * 2 ** from, width * 2 ** to];
  if (from > to) return [{ key, from: a, to: b, halves: false, last: true }];
  return Array.from({ length: to - from }, (_, k) => {
    const last = k === to - from - 1;
    return { key: `${key}.${k}`, from: a, to: last ? b : a, halves: true, last };
  });
}

/** How a stage's branch begins: from the branch of the stage before it, or, the coarsest one, from the coarsest before. */
function transition(
  stage: number,
  branch: number,
  width: number,
): { key: string; from: number; to: number } | undefined {
  const isNew = branch === stage - 1;
  // The branches of the stage before already have their widths, but what stage 2 begins from is the stem.
  if (!isNew && stage > 2) return undefined;
  const from = stage === 2 ? 4 * STEM : width * 2 ** (branch - 1);
  return { key: `transition${stage - 1}.${branch}${isNew ? ".0" : ""}`, from, to: width * 2 ** branch };
}

function addStage(shapes: Map<string, readonly number[]>, stage: number, width: number): void {
  const all = Array.from({ length: stage }, (_, branch) => branch);
  for (const branch of all) {
    const begin = transition(stage, branch, width);
    if (begin) addConvBatchNorm(shapes, norms(begin.key), [begin.from, begin.to], 3);
  }
  for (let module = 0; module < MODULES[stage - 2]!; module++) {
    for (const branch of all) for (const unit of branchUnits(stage, module, branch, width)) addUnit(shapes, unit);
    for (const to of all) {
      for (const step of all.flatMap((from) => fuseSteps(stage, module, from, to, width))) {
        addConvBatchNorm(shapes, norms(step.key), [step.from, step.to], step.halves ? 3 : 1);
      }
    }
  }
}

function applyStage(
  parameters: Parameters,
  layer: Layer,
  mode: BatchNormMode,
  stage: number,
  width: number,
  before: readonly Tensor4D[],
): Tensor4D[] {
  const all = Array.from({ length: stage }, (_, branch) => branch);
  let branches = all.map((branch) => {
    const x = before[branch] ?? before.at(-1)!;
    const begin = transition(stage, branch, width);
    return begin ? layer(begin.key, x, { stride: branch === stage - 1 ? 2 : 1, activation: "relu" }) : x;
  });
  for (let module = 0; module < MODULES[stage - 2]!; module++) {
    const seen = branches.map((x, branch) =>
      branchUnits(stage, module, branch, width).reduce((y, unit) => applyUnit(parameters, unit, y, mode), x),
    );
    branches = all.map((to) => {
      const arrived = seen.map((x, from) => {
        const steps = fuseSteps(stage, module, from, to, width);
        const y = steps.reduce((sum, { key, halves, last }) => {
          return layer(key, sum, { stride: halves ? 2 : 1, activation: last ? "linear" : "relu" });
        }, x);
        return from > to ? enlarge(y, 2 ** (from - to)) : y;
      });
      return relu(tf.addN(arrived)) as Tensor4D;
    });
  }
  return branches;
}

/** Every pixel `times` times in both directions: [B,H,W,C] to [B,H times,W times,C]. */
function enlarge(x: Tensor4D, times: number): Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const copies = <T extends tf.Tensor>(y: T) => Array.from({ length: times }, () => y);
  const wide = tf.reshape(tf.stack(copies(x), 3), [batch, rows, columns * times, channels]);
  return tf.reshape(tf.stack(copies(wide), 2), [batch, rows * times, columns * times, channels]) as Tensor4D;
}
