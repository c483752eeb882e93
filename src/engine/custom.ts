/** @file Fused kernels that only some engines have; each caller keeps a fallback composed of tfjs operations. */
import { type Tensor, tf } from "./tf.ts";

/** Names, inputs and results of the fused kernels. */
export const FUSED = {
  /** {volume0, volume1, ...: [Q,h,w], coords: [Q,2]}, {radius} -> [Q, levels*(2r+1)^2] */
  correlationLookup: "MotionCueCorrelationLookup",
  /** {dy, coords}, {radius, sizes: [h0, w0, ...]} -> a list of [Q,h,w] */
  correlationLookupGradient: "MotionCueCorrelationLookupGradient",
  /** {first: [B,h,w,C], map0, map1, ...: [B,h_l,w_l,C], coords: [Q,2]}, {radius} -> [Q, levels*(2r+1)^2] */
  correlationDirect: "MotionCueCorrelationDirect",
  /** {dy, and the same}, {radius} -> [dfirst, dmap0, dmap1, ...] */
  correlationDirectGradient: "MotionCueCorrelationDirectGradient",
  /**
   * {hidden [B,h,w,H], motion [B,h,w,M], gates [kh,kw,H+M,2H], candidate [kh,kw,H+M,H], contextGates, contextCandidate}
   * -> [the next hidden state, gates z and r side by side, candidate q]
   */
  recurrence: "MotionCueRecurrence",
  /** {dy, hidden, motion, gates, candidate, zr, q} -> the gradients of all six inputs */
  recurrenceGradient: "MotionCueRecurrenceGradient",
  /** {flow: [B,h,w,2], mask: [B,h,w,9*64]} -> [B,8h,8w,2] */
  convexUpsample: "MotionCueConvexUpsample",
  /** {dy, flow, mask} -> [dflow, dmask] */
  convexUpsampleGradient: "MotionCueConvexUpsampleGradient",
  /** {images: [B,H,W,C], points: [B,N,2]} -> [B,N,C] */
  sampleImages: "MotionCueSampleImages",
  /** {dy, images, points}, {wantsImages: 0 | 1} -> dimages or dpoints */
  sampleImagesGradient: "MotionCueSampleImagesGradient",
  /** {x: [B,H,W,C]}, {epsilon} -> [y, 1 / deviation [B,C]] */
  instanceNorm: "MotionCueInstanceNorm",
  /** {dy, y, rstd} -> dx */
  instanceNormGradient: "MotionCueInstanceNormGradient",
  /** {x: [B,H,W,C], scale: [C], offset: [C]}, {epsilon} -> [y, mean [C], 1 / deviation [C]] over B, H and W */
  batchNorm: "MotionCueBatchNorm",
  /** {dy, x, scale, mean, rstd}, {epsilon} -> [dx, dscale, doffset] */
  batchNormGradient: "MotionCueBatchNormGradient",
  /**
   * A layer is {weight HWIO, bias?, and either none or all of gamma, beta, mean, variance}, {stride, padding: [rows, columns],
   * epsilon}. {x, residual?, ...layer}, {relu: 0 | 1, ...} -> y = activation(norm(x * weight + bias) + residual)
   */
  layer: "MotionCueLayer",
  /**
   * {dy, x, y?, ...layer}, {wantsInput, wantsResidual: 0 | 1, ...}, y being the result where relu was applied -> [dweight], then
   * dbias where there is a bias, dgamma and dbeta where there is a norm, dresidual and dx where they are wanted
   */
  layerGradient: "MotionCueLayerGradient",
  /** {dy, y} -> dy where y > 0, else 0 */
  reluGradient: "MotionCueReluGradient",
  /** {rotations [B,J,3,3], betas [B,N], and what smpl/lbs-fused.ts packs of a body, transl?: [B,3]}, {parents, vertexCount} -> [vertices [B,V,3], joints [B,J,3]] */
  skin: "MotionCueSkin",
  /** the same without transl, and {dVertices, dJoints} -> [dRotations, dBetas, dTransl] */
  skinGradient: "MotionCueSkinGradient",
  /** {parameter, gradient, first, second}, {rate, floor, beta1, beta2} (src/nn/adam.ts) -> [parameter, first, second] */
  adam: "MotionCueAdam",
} as const;

/** Whether the running engine has the fused kernel. */
export function hasFused(name: keyof typeof FUSED): boolean {
  return tf.getKernel(FUSED[name], tf.getBackend()) !== undefined;
}

/** Runs a fused kernel. */
export function runFused(
  name: keyof typeof FUSED,
  inputs: Record<string, Tensor>,
  attrs: Record<string, number | number[]> = {},
): Tensor[] {
  const result = tf.engine().runKernel(FUSED[name], inputs, attrs) as unknown as Tensor | Tensor[];
  return Array.isArray(result) ? result : [result];
}

/** What the gradient of a fused kernel gets and gives. */
export interface FusedGradient {
  /** Inputs and outputs (a flag for each) that the gradient needs, handed to it in that order. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly boolean[];
  /** The gradients by input, each computed only where it is wanted. What it makes at once, outside them, they may share. */
  gradient(dy: Tensor[], saved: Tensor[], attrs: Record<string, number | number[]>): Record<string, () => Tensor>;
}

/** Gives a fused kernel its gradient, on all engines that have the kernel. */
export function registerFusedGradient(name: keyof typeof FUSED, { inputs, outputs, gradient }: FusedGradient): void {
  tf.registerGradient({
    kernelName: FUSED[name],
    inputsToSave: [...(inputs ?? [])],
    outputsToSave: [...(outputs ?? [])],
    gradFunc: (dy, saved, attrs) => gradient(Array.isArray(dy) ? dy : [dy], saved, attrs as never),
  });
}

/** Functions of an engine on host arrays, each with its equal in TypeScript at the call site (src/geometry). */
export interface HostFunctions {
  /** As src/geometry/rasterize.ts; fills `face` [H*W], `depth` [H*W] and `barycentric` [H*W*3] or null. */
  rasterize(
    vertices: Float32Array,
    faces: Uint32Array,
    width: number,
    height: number,
    perspective: boolean,
    face: Int32Array,
    depth: Float32Array,
    barycentric: Float32Array | null,
  ): void;
  /** As src/geometry/visible-vertices.ts; fills `seen` [M*V]. */
  visibleVertices(
    vertices: Float32Array,
    vertexCount: number,
    faces: Uint32Array,
    width: number,
    height: number,
    erode: number,
    seen: Uint8Array,
  ): void;
}

const hostFunctionsOf = new Map<string, HostFunctions>();

/** Makes `functions` those of `engine`. */
export function registerHostFunctions(engine: string, functions: HostFunctions): void {
  hostFunctionsOf.set(engine, functions);
}

/** The host functions of the running engine, where it has any. */
export function hostFunctions(): HostFunctions | undefined {
  return hostFunctionsOf.get(tf.getBackend());
}
