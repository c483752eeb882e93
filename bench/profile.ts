/** @file Time by kernel of the running engine, and the floor that peak rates put under it. */
import { FUSED } from "../src/engine/custom.ts";
import type { KernelConfig, TensorInfo } from "../src/engine/tf.ts";
import { tf } from "../src/engine/tf.ts";
import { threeDigits } from "./statistics.ts";

/** One kernel's share of some work. */
export interface KernelTime {
  readonly name: string;
  readonly calls: number;
  /** Milliseconds in the kernel itself, kernels that it calls left out. */
  readonly ms: number;
  /** Multiplications and additions of matrix products and convolutions; 0 for all else. */
  readonly operations: number;
  /** Bytes of inputs and outputs, each once. */
  readonly bytes: number;
}

/** Peak rates: operations and bytes per millisecond. */
export interface Peaks {
  readonly operations: number;
  readonly bytes: number;
}

/** Runs `work` with all kernels of the engine timed. Kernels come in falling order of time. */
export async function profileKernels(
  work: () => Promise<void>,
): Promise<{ readonly ms: number; readonly kernels: readonly KernelTime[] }> {
  const engine = tf.getBackend();
  const times = new Map<string, { -readonly [K in keyof KernelTime]: KernelTime[K] }>();
  // What kernels that are called inside another one took, by depth.
  const inner: number[] = [];
  const timed = ({ kernelName, kernelFunc }: KernelConfig): KernelConfig["kernelFunc"] => {
    const time = { name: kernelName, calls: 0, ms: 0, operations: 0, bytes: 0 };
    times.set(kernelName, time);
    return (call) => {
      inner.push(0);
      const began = performance.now();
      const result = kernelFunc(call);
      const spent = performance.now() - began;
      const outputs = Array.isArray(result) ? result : [result];
      const inputs = Object.values(call.inputs).filter((info) => info !== undefined && info !== null);
      time.calls++;
      time.ms += spent - inner.pop()!;
      time.operations += operationsOf(kernelName, named(call.inputs), outputs);
      time.bytes += [...inputs, ...outputs].reduce((sum, info) => sum + 4 * tf.util.sizeFromShape(info.shape), 0);
      if (inner.length > 0) inner[inner.length - 1]! += spent;
      return result;
    };
  };
  const originals = tf.getKernelsForBackend(engine);
  const replace = (config: KernelConfig, kernelFunc: KernelConfig["kernelFunc"]) => {
    tf.unregisterKernel(config.kernelName, engine);
    tf.registerKernel({ ...config, kernelFunc });
  };
  for (const config of originals) replace(config, timed(config));
  const began = performance.now();
  try {
    await work();
  } finally {
    for (const config of originals) replace(config, config.kernelFunc);
  }
  const ms = performance.now() - began;
  const kernels = [...times.values()].filter(({ calls }) => calls > 0).sort((a, b) => b.ms - a.ms);
  return { ms, kernels };
}

/** Kernels of any number of inputs (AddN, Concat) get them as an array. */
function named(inputs: object): Readonly<Record<string, TensorInfo>> {
  return Array.isArray(inputs) ? {} : (inputs as Readonly<Record<string, TensorInfo>>);
}

/**
 * Multiplications and additions of one call: of a convolution two per filter entry and output position, in either direction;
 * of a matrix product [..,m,k] x [..,k,n] two per m, n and k; else 0. A layer counts as plain sums would, also where Winograd's
 * algorithm does a quarter of them.
 */
export function operationsOf(
  name: string,
  inputs: Readonly<Record<string, TensorInfo | undefined>>,
  outputs: readonly TensorInfo[],
): number {
  const { filter, a, dy } = inputs;
  const output = outputs[0];
  if (!output) return 0;
  const size = (info: TensorInfo) => tf.util.sizeFromShape(info.shape);
  const positions = (info: TensorInfo) => size(info) / (info.shape.at(-1) || 1);
  const { weight, x } = inputs;
  if (weight && x && name === FUSED.layer) return 2 * size(weight) * positions(output);
  if (weight && x && dy && name === FUSED.layerGradient) {
    // The gradient of the weights, and that of the input where it is wanted: it comes last then.
    const wantsInput = tf.util.arraysEqual(outputs.at(-1)!.shape, x.shape);
    return 2 * size(weight) * positions(dy) * (wantsInput ? 2 : 1);
  }
  if (filter) return 2 * size(filter) * positions(dy ?? output);
  if (name.endsWith("BackpropFilter") && dy) return 2 * size(output) * positions(dy);
  if (!name.endsWith("MatMul") || !a) return 0;
  const rows = tf.util.sizeFromShape(a.shape.slice(0, -2)) * (output.shape.at(-2) || 1);
  return (2 * size(output) * size(a)) / rows;
}

/**
 * The least time that a kernel's work can take: its operations or its bytes at the peak rates, whichever is more; never more
 * than it took, since a kernel that only gives a view of its input moves no bytes.
 */
export function floorMs({ ms, operations, bytes }: Omit<KernelTime, "name" | "calls">, peaks: Peaks): number {
  return Math.min(ms, Math.max(operations / peaks.operations, bytes / peaks.bytes));
}

/** Rows of a profile's table: kernel, calls, ms, share, GFLOP/s, GB/s, floor; then what is spent outside all kernels. */
export function profileRows(ms: number, kernels: readonly KernelTime[], peaks: Peaks): string[][] {
  const percent = (part: number) => `${((100 * part) / ms).toFixed(1)} %`;
  const rows = kernels.map((time) => [
    time.name,
    threeDigits(time.calls),
    threeDigits(time.ms),
    percent(time.ms),
    time.operations > 0 ? threeDigits(time.operations / time.ms / 1e6) : "",
    threeDigits(time.bytes / time.ms / 1e6),
    threeDigits(floorMs(time, peaks)),
  ]);
  const inside = kernels.reduce((sum, time) => sum + time.ms, 0);
  const floor = kernels.reduce((sum, time) => sum + floorMs(time, peaks), 0);
  rows.push(["outside kernels", "", threeDigits(ms - inside), percent(ms - inside), "", "", ""]);
  rows.push(["all", "", threeDigits(ms), percent(ms), "", "", threeDigits(floor)]);
  return rows;
}

export const PROFILE_HEAD = ["kernel", "calls", "ms", "share", "GFLOP/s", "GB/s", "floor, ms"] as const;
