/** @file The sizes that tell one RAFT from another, and the names and shapes of the weights that follow from them. */
import { OptionError } from "../src/errors.ts";
import type { ParameterShapes } from "../src/nn/parameters.ts";

/** Everything that distinguishes one RAFT (Teed & Deng 2020) from another. Widths are channel counts. */
export interface RaftConfig {
  /** Residual blocks of two 3x3 convolutions, or 1x1, 3x3, 1x1 bottlenecks. */
  readonly block: "residual" | "bottleneck";
  /** Widths of the encoders' stem and first stage (both the first), second and third stage. */
  readonly widths: readonly [number, number, number];
  /** Width of the features that are correlated. */
  readonly features: number;
  /** Norm of the context encoder; the feature encoder always has instance norm. */
  readonly contextNorm: "batch" | "none";
  readonly hidden: number;
  readonly context: number;
  /** Levels of the correlation pyramid, and radius of its look-up window. */
  readonly levels: number;
  readonly radius: number;
  /** Widths of the motion encoder: convolutions on correlation (1x1, then 3x3), on flow (7x7, 3x3), and its output with the flow. */
  readonly motionCorrelation: readonly number[];
  readonly motionFlow: readonly [number, number];
  readonly motion: number;
  /** Recurrence with 3x3 kernels, or with 1x5 and then 5x1 kernels. */
  readonly recurrence: "square" | "separable";
  readonly flowHead: number;
  /** Width of the mask head of convex up-sampling; 0: bilinear up-sampling, no mask head. */
  readonly maskHead: number;
}

/** RAFT-small, 990,162 parameters. */
export const RAFT_SMALL: RaftConfig = {
  block: "bottleneck",
  widths: [32, 64, 96],
  features: 128,
  contextNorm: "none",
  hidden: 96,
  context: 64,
  levels: 4,
  radius: 3,
  motionCorrelation: [96],
  motionFlow: [64, 32],
  motion: 82,
  recurrence: "square",
  flowHead: 128,
  maskHead: 0,
};

/** RAFT, "large" or "basic", 5,257,536 trained parameters. */
export const RAFT_LARGE: RaftConfig = {
  block: "residual",
  widths: [64, 96, 128],
  features: 256,
  contextNorm: "batch",
  hidden: 128,
  context: 128,
  levels: 4,
  radius: 4,
  motionCorrelation: [256, 192],
  motionFlow: [128, 64],
  motion: 128,
  recurrence: "separable",
  flowHead: 256,
  maskHead: 256,
};

/** MotionCue's own default: laid out as RAFT-small, narrower, with convex up-sampling for sharper limbs. */
export const MOTIONCUE_FLOW: RaftConfig = {
  block: "bottleneck",
  widths: [32, 32, 64],
  features: 96,
  contextNorm: "none",
  hidden: 64,
  context: 48,
  levels: 3,
  radius: 3,
  motionCorrelation: [64],
  motionFlow: [32, 16],
  motion: 64,
  recurrence: "square",
  flowHead: 64,
  maskHead: 64,
};

/** Convolutions of an encoder block: name of the convolution, of its norm, kernel, stride, input and output width. */
export interface BlockLayer {
  readonly name: string;
  readonly norm: string;
  readonly kernel: number;
  readonly stride: number;
  readonly from: number;
  readonly to: number;
}

/** The layers of one encoder block, in order; the shortcut's projection, where there is one, is `downsample.0`. */
export function blockLayers(config: RaftConfig, from: number, to: number, stride: number): BlockLayer[] {
  const layer = (n: number, kernel: number, step: number, a: number, b: number) => ({
    name: `conv${n}`,
    norm: `norm${n}`,
    kernel,
    stride: step,
    from: a,
    to: b,
  });
  if (config.block === "residual") return [layer(1, 3, stride, from, to), layer(2, 3, 1, to, to)];
  const inner = to / 4;
  return [layer(1, 1, 1, from, inner), layer(2, 3, stride, inner, inner), layer(3, 1, 1, inner, to)];
}

/** Stages of an encoder: key, input and output width, stride of the first block. */
export function encoderStages(config: RaftConfig) {
  const [a, b, c] = config.widths;
  return [
    { key: "layer1", from: a, to: a, stride: 1 },
    { key: "layer2", from: a, to: b, stride: 2 },
    { key: "layer3", from: b, to: c, stride: 2 },
  ] as const;
}

/** Shapes of all weights in PyTorch layout, under the names of the official checkpoints without `module.`. */
export function raftShapes(config: RaftConfig): ParameterShapes {
  if (config.block === "bottleneck" && config.widths.some((width) => width % 4 !== 0)) {
    throw new OptionError("raft", `bottleneck widths must be multiples of 4, got ${config.widths.join(", ")}`);
  }
  const shapes = new Map<string, readonly number[]>();
  addEncoder(shapes, config, "fnet", config.features, false);
  addEncoder(shapes, config, "cnet", config.hidden + config.context, config.contextNorm === "batch");
  addUpdateBlock(shapes, config);
  return shapes;
}

type Shapes = Map<string, readonly number[]>;

function addConv(shapes: Shapes, key: string, from: number, to: number, rows: number, columns = rows): void {
  shapes.set(`${key}.weight`, [to, from, rows, columns]);
  shapes.set(`${key}.bias`, [to]);
}

function addNorm(shapes: Shapes, key: string, width: number): void {
  for (const name of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${key}.${name}`, [width]);
}

function addEncoder(shapes: Shapes, config: RaftConfig, prefix: string, output: number, norms: boolean): void {
  addConv(shapes, `${prefix}.conv1`, 3, config.widths[0], 7);
  if (norms) addNorm(shapes, `${prefix}.norm1`, config.widths[0]);
  for (const stage of encoderStages(config)) {
    for (const index of [0, 1]) {
      const key = `${prefix}.${stage.key}.${index}`;
      const from = index === 0 ? stage.from : stage.to;
      const stride = index === 0 ? stage.stride : 1;
      for (const layer of blockLayers(config, from, stage.to, stride)) {
        addConv(shapes, `${key}.${layer.name}`, layer.from, layer.to, layer.kernel);
        if (norms) addNorm(shapes, `${key}.${layer.norm}`, layer.to);
      }
      if (stride === 1) continue;
      addConv(shapes, `${key}.downsample.0`, from, stage.to, 1);
      if (norms) addNorm(shapes, `${key}.downsample.1`, stage.to);
    }
  }
  addConv(shapes, `${prefix}.conv2`, config.widths[2], output, 1);
}

function addUpdateBlock(shapes: Shapes, config: RaftConfig): void {
  const { motionFlow, hidden } = config;
  const prefix = "update_block";
  let width = config.levels * (2 * config.radius + 1) ** 2;
  config.motionCorrelation.forEach((to, i) => {
    addConv(shapes, `${prefix}.encoder.convc${i + 1}`, width, to, i === 0 ? 1 : 3);
    width = to;
  });
  addConv(shapes, `${prefix}.encoder.convf1`, 2, motionFlow[0], 7);
  addConv(shapes, `${prefix}.encoder.convf2`, motionFlow[0], motionFlow[1], 3);
  addConv(shapes, `${prefix}.encoder.conv`, width + motionFlow[1], config.motion - 2, 3);
  for (const { suffix, kernel } of recurrentPasses(config)) {
    for (const gate of ["z", "r", "q"]) {
      addConv(shapes, `${prefix}.gru.conv${gate}${suffix}`, hidden + config.context + config.motion, hidden, ...kernel);
    }
  }
  addConv(shapes, `${prefix}.flow_head.conv1`, hidden, config.flowHead, 3);
  addConv(shapes, `${prefix}.flow_head.conv2`, config.flowHead, 2, 3);
  if (config.maskHead === 0) return;
  addConv(shapes, `${prefix}.mask.0`, hidden, config.maskHead, 3);
  addConv(shapes, `${prefix}.mask.2`, config.maskHead, 9 * 64, 1);
}

/** The passes of the recurrence: suffix of their weights' names and kernel (rows, columns). */
export function recurrentPasses(config: RaftConfig): { suffix: string; kernel: [number, number] }[] {
  if (config.recurrence === "square") return [{ suffix: "", kernel: [3, 3] }];
  return [
    { suffix: "1", kernel: [1, 5] },
    { suffix: "2", kernel: [5, 1] },
  ];
}
