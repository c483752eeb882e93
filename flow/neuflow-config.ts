/** @file NeuFlow v2's sizes, and the names and shapes of the weights that follow from them. */
import type { ParameterShapes } from "../src/nn/parameters.ts";
import { layoutOf, type WeightLayout } from "./weight-layout.ts";

/**
 * NeuFlow v2 (Zhang et al., arXiv 2408.10161) as published: widths in channels, maps at a sixteenth and an eighth of the
 * images' size.
 */
export const NEUFLOW_V2 = {
  /** Features to be matched, and context, at both sizes. */
  features: 128,
  context: 64,
  /** The state that a refinement hands to the next one. */
  state: 64,
  /** Radius of the look-up window. */
  radius: 4,
  layers: 5,
  attentionLayers: 2,
  /** Widths within the refinements at a sixteenth and at an eighth. */
  inner16: 128,
  inner8: 96,
} as const;

/** A convolution block of the encoders: two convolutions with norm and leaky ReLU; the second is 3x3. */
export interface ConvolutionBlock {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

const { features, context, state, radius, layers, attentionLayers } = NEUFLOW_V2;

/** The encoders' blocks by what they make; the last two channels of `joined16` are left to the position. */
export const BLOCKS = {
  half: { key: "backbone.block_8_1", from: 3, to: 2 * features, kernel: 8, stride: 4, padding: 2 },
  quarter: { key: "backbone.block_8_2", from: 3, to: features, kernel: 6, stride: 2, padding: 2 },
  joined8: {
    key: "backbone.block_cat_8",
    from: 3 * features,
    to: features + context,
    kernel: 3,
    stride: 1,
    padding: 1,
  },
  eighth: { key: "backbone.block_16_1", from: 3, to: features, kernel: 6, stride: 2, padding: 2 },
  from8: { key: "backbone.block_8_16", from: features + context, to: features, kernel: 6, stride: 2, padding: 2 },
  joined16: {
    key: "backbone.block_cat_16",
    from: 2 * features,
    to: features + context - 2,
    kernel: 3,
    stride: 1,
    padding: 1,
  },
  whole: { key: "conv_s8", from: 3, to: features, kernel: 8, stride: 8, padding: 0 },
} as const satisfies Record<string, ConvolutionBlock>;

/** Channels that a refinement reads: correlations, context, state, flow, and one plane that holds the radius. */
export const REFINEMENT_INPUTS = [(2 * radius + 1) ** 2, context, state, 2, 1] as const;

/** Shapes of all weights in PyTorch layout, under the names of the official checkpoints. */
export function neuflowShapes(): ParameterShapes {
  const shapes = new Map<string, readonly number[]>();
  for (const block of Object.values(BLOCKS)) addBlock(shapes, block);
  for (let i = 0; i < attentionLayers; i++) addAttention(shapes, `cross_attn_s16.layers.${i}`, features + context);
  addNorm(shapes, "cross_attn_s16.norm", features + context);
  for (const [key, from, to] of [
    ["merge_s8", 2 * features, features],
    ["context_merge_s8", 2 * context, context],
  ] as const) {
    // biome-ignore format: a table
    shapes.set(`${key}.0.weight`, [to, from, 3, 3]);
    shapes.set(`${key}.2.weight`, [to, to, 3, 3]);
    addNorm(shapes, `${key}.3`, to);
  }
  addRefinement(shapes, "refine_s16", NEUFLOW_V2.inner16);
  addRefinement(shapes, "refine_s8", NEUFLOW_V2.inner8);
  addBiased(shapes, "upsample_s8.conv1", [256, 2 + features, 3, 3]);
  addBiased(shapes, "upsample_s8.conv2", [512, 256, 3, 3]);
  addBiased(shapes, "upsample_s8.conv3", [9 * 64, 512, 1, 1]);
  return shapes;
}

/** The layout of the official files (`neuflow_mixed.pth` and others), whose names are used here too. */
export function neuflowLayout(): WeightLayout {
  return layoutOf("official", "", neuflowShapes(), (name) => name);
}

type Shapes = Map<string, readonly number[]>;

function addBiased(shapes: Shapes, key: string, shape: readonly number[]): void {
  shapes.set(`${key}.weight`, shape);
  shapes.set(`${key}.bias`, [shape[0]!]);
}

function addNorm(shapes: Shapes, key: string, width: number): void {
  for (const name of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${key}.${name}`, [width]);
}

function addBlock(shapes: Shapes, { key, from, to, kernel }: ConvolutionBlock): void {
  shapes.set(`${key}.conv1.weight`, [to, from, kernel, kernel]);
  shapes.set(`${key}.conv2.weight`, [to, to, 3, 3]);
  addNorm(shapes, `${key}.norm1`, to);
  addNorm(shapes, `${key}.norm2`, to);
}

function addAttention(shapes: Shapes, key: string, width: number): void {
  for (const name of ["q_proj", "k_proj", "v_proj", "merge"]) addBiased(shapes, `${key}.${name}`, [width, width]);
  for (const name of ["norm1", "norm2"]) addBiased(shapes, `${key}.${name}`, [width]);
  shapes.set(`${key}.mlp.0.weight`, [2 * width, 2 * width]);
  shapes.set(`${key}.mlp.2.weight`, [width, 2 * width]);
}

function addRefinement(shapes: Shapes, key: string, inner: number): void {
  const inputs = REFINEMENT_INPUTS.reduce((sum, width) => sum + width, 0);
  shapes.set(`${key}.conv1.conv.weight`, [context + state, inputs, 3, 3]);
  shapes.set(`${key}.conv2.conv.weight`, [inner, context + state, 3, 3]);
  for (let i = 0; i < layers; i++) shapes.set(`${key}.conv_layers.${i}.conv.weight`, [inner, inner, 3, 3]);
  addBiased(shapes, `${key}.conv3`, [state + 2, inner, 3, 3]);
}
