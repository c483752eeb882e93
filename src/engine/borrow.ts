/** @file Kernels that an engine lacks, taken from tfjs's cpu backend: data goes there and back through JavaScript arrays. */
import "@tensorflow/tfjs-backend-cpu";
import type { DataType, KernelBackend, KernelFunc, TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "./tf.ts";

type CpuBackend = KernelBackend & {
  makeTensorInfo(shape: number[], dtype: DataType, values?: unknown): TensorInfo;
  disposeIntermediateTensorInfo(info: TensorInfo): void;
};
type Input = TensorInfo | readonly TensorInfo[] | null | undefined;

/** Registers, for `engine`, every kernel of the cpu backend that it does not have. Returns their names. */
export async function borrowKernels(engine: string): Promise<string[]> {
  const names: string[] = [];
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    if (tf.getKernel(kernelName, engine)) continue;
    tf.registerKernel({ kernelName, backendName: engine, kernelFunc: borrowedKernel(kernelName, engine) });
    names.push(kernelName);
  }
  return names;
}

/** A kernel of the cpu backend for tensors of `engine`. Throws where the cpu backend has none of that name. */
export function borrowedKernel(kernelName: string, engine: string): KernelFunc {
  const config = tf.getKernel(kernelName, "cpu");
  if (!config) throw new Error(`tfjs's cpu backend has no kernel ${kernelName}`);
  return ({ inputs, attrs }) => {
    const cpu = tf.findBackend("cpu") as CpuBackend;
    const own = tf.findBackend(engine);
    const held = new Set<TensorInfo>();
    const there = (info: TensorInfo): TensorInfo => {
      const copy = toCpu(cpu, info, own.readSync(info.dataId));
      held.add(copy);
      return copy;
    };
    const moved = (input: Input): unknown =>
      Array.isArray(input) ? input.map(there) : input && there(input as TensorInfo);
    try {
      const copies = Array.isArray(inputs)
        ? inputs.map(moved)
        : Object.fromEntries(
            Object.entries(inputs as Record<string, Input>).map(([name, input]) => [name, moved(input)]),
          );
      const result = config.kernelFunc({ inputs: copies as never, attrs: attrs as never, backend: cpu });
      const results = Array.isArray(result) ? result : [result];
      for (const info of results) held.add(info);
      const out = results.map((info) => {
        const dataId = own.write(cpu.readSync(info.dataId), info.shape, info.dtype);
        return { dataId, shape: info.shape, dtype: info.dtype };
      });
      return Array.isArray(result) ? out : (out[0] as TensorInfo);
    } finally {
      for (const info of held) cpu.disposeIntermediateTensorInfo(info);
    }
  };
}

/** A tensor of the cpu backend with the given values (complex ones interleaved). Some of its kernels ask for the rank. */
function toCpu(cpu: CpuBackend, { shape, dtype }: TensorInfo, values: unknown): TensorInfo & { rank: number } {
  if (dtype !== "complex64") return { ...cpu.makeTensorInfo(shape, dtype, values), rank: shape.length };
  const part = (offset: number) =>
    cpu.makeTensorInfo(
      shape,
      "float32",
      (values as Float32Array).filter((_, i) => i % 2 === offset),
    );
  const [real, imag] = [part(0), part(1)];
  const complex = tf.getKernel("Complex", "cpu")!.kernelFunc({ inputs: { real, imag }, backend: cpu }) as TensorInfo;
  for (const info of [real, imag]) cpu.disposeIntermediateTensorInfo(info);
  return { ...complex, rank: shape.length };
}
