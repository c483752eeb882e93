/** @file Fused kernels that only some engines have; each caller keeps a fallback composed of tfjs operations. */
import { type Tensor, tf } from "./tf.ts";

/** Names, inputs and results of the fused kernels. */
export const FUSED = {
  /** {volume0, volume1, ...: [Q,h,w], coords: [Q,2]}, {radius} -> [Q, levels*(2r+1)^2] */
  correlationLookup: "MotionCueCorrelationLookup",
  /** {dy, coords}, {radius, sizes: [h0, w0, ...]} -> a list of [Q,h,w] */
  correlationLookupGradient: "MotionCueCorrelationLookupGradient",
  /** {x: [B,H,W,C]}, {epsilon} -> [y, 1 / deviation [B,C]] */
  instanceNorm: "MotionCueInstanceNorm",
  /** {dy, y, rstd} -> dx */
  instanceNormGradient: "MotionCueInstanceNormGradient",
  /** {x: [B,H,W,C], scale: [C], offset: [C]}, {epsilon} -> [y, mean [C], 1 / deviation [C]] over B, H and W */
  batchNorm: "MotionCueBatchNorm",
  /** {dy, x, scale, mean, rstd}, {epsilon} -> [dx, dscale, doffset] */
  batchNormGradient: "MotionCueBatchNormGradient",
  /** {dy, y} -> dy where y > 0, else 0 */
  reluGradient: "MotionCueReluGradient",
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
