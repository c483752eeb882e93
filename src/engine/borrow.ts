/** @file Kernels that an engine lacks, taken from tfjs's cpu backend: data goes there and back through JavaScript arrays. */
import "@tensorflow/tfjs-backend-cpu";
import type { KernelBackend, KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "./tf.ts";

type CpuBackend = KernelBackend & {
  makeTensorInfo(shape: number[], dtype: string, values?: unknown): TensorInfo;
  disposeIntermediateTensorInfo(info: TensorInfo): void;
};

/** Registers, for `engine`, every kernel of the cpu backend that it does not have. Returns their names. */
export async function borrowKernels(engine: string): Promise<string[]> {
  const names: string[] = [];
  for (const config of tf.getKernelsForBackend("cpu")) {
    if (tf.getKernel(config.kernelName, engine)) continue;
    tf.registerKernel({ kernelName: config.kernelName, backendName: engine, kernelFunc: borrowed(config, engine) });
    names.push(config.kernelName);
  }
  return names;
}

function borrowed(config: KernelConfig, engine: string): KernelConfig["kernelFunc"] {
  return ({ inputs, attrs }) => {
    const cpu = tf.findBackend("cpu") as CpuBackend;
    const own = tf.findBackend(engine);
    const copies: TensorInfo[] = [];
    const there = (info: TensorInfo): TensorInfo => {
      const copy = cpu.makeTensorInfo(info.shape, info.dtype, own.readSync(info.dataId));
      copies.push(copy);
      return copy;
    };
    // Kernels of any number of inputs (AddN, Concat, Einsum) get them as an array.
    const moved = Array.isArray(inputs)
      ? inputs.map((info) => there(info as TensorInfo))
      : Object.fromEntries(Object.entries(inputs).map(([name, info]) => [name, info && there(info as TensorInfo)]));
    const result = config.kernelFunc({ inputs: moved as never, attrs: attrs as never, backend: cpu });
    const back = (info: TensorInfo): TensorInfo => {
      const dataId = own.write(cpu.readSync(info.dataId), info.shape, info.dtype);
      return { dataId, shape: info.shape, dtype: info.dtype };
    };
    const results = Array.isArray(result) ? result : [result];
    const out = results.map(back);
    for (const info of new Set([...results, ...copies])) cpu.disposeData(info.dataId);
    return Array.isArray(result) ? out : (out[0] as TensorInfo);
  };
}
