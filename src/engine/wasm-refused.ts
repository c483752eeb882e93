/**
 * @file Calls that the kernels of tfjs-backend-wasm refuse or misread (strings and complex numbers, NCHW images, some biases,
 * integer matrix products): the cpu backend's kernels answer those.
 */
import type { DataType, KernelFunc, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";
import { borrowedKernel } from "./borrow.ts";
import { tf } from "./tf.ts";

const UNREAD: ReadonlySet<DataType> = new Set(["string", "complex64"]);

interface WasmData {
  dtype: DataType;
  shape: number[];
}
interface WasmBackend {
  readonly dataIdMap: { get(dataId: object): WasmData };
  readSync(dataId: object, start?: number, end?: number): unknown;
}

/** Covers what the kernels that are registered for wasm refuse. The backend must run. */
export function coverRefusedCalls(): void {
  readComplexNumbers(Object.getPrototypeOf(tf.findBackend("wasm")));
  for (const config of tf.getKernelsForBackend("wasm")) {
    const { kernelName } = config;
    if (!tf.getKernel(kernelName, "cpu")) continue;
    tf.unregisterKernel(kernelName, "wasm");
    const kernelFunc = kernelName === "Identity" ? shared : covered(kernelName, config.kernelFunc);
    tf.registerKernel({ ...config, kernelFunc });
  }
}

function covered(kernelName: string, own: KernelFunc): KernelFunc {
  const borrowed = borrowedKernel(kernelName, "wasm");
  return (call) => {
    if (hasUnread(call.inputs) || isMisread(kernelName, call.attrs)) return borrowed(call);
    try {
      return own(call);
    } catch (error) {
      if (!/support/.test((error as Error).message)) throw error;
      return borrowed(call);
    }
  };
}

function hasUnread(inputs: NamedTensorInfoMap | undefined): boolean {
  for (const name in inputs) if (UNREAD.has(inputs[name]?.dtype as DataType)) return true;
  return false;
}

/** Whether a kernel would give a wrong result without saying so: other layouts, dtypes, and casts to bool (bytes as they are). */
function isMisread(kernelName: string, attrs: unknown): boolean {
  const { dtype, value, dataFormat } = (attrs ?? {}) as { dtype?: DataType; value?: unknown; dataFormat?: string };
  if (dataFormat === "NCHW" || typeof value === "string") return true;
  return dtype !== undefined && (UNREAD.has(dtype) || (kernelName === "Cast" && dtype === "bool"));
}

/** The input itself, held once more, as on the other backends; wasm's own makes a copy, which tfjs takes for a leak. */
const shared: KernelFunc = ({ inputs, backend }) => {
  const { dataId, shape, dtype } = inputs["x"] as TensorInfo;
  (backend as unknown as { incRef(dataId: object): void }).incRef(dataId);
  return { dataId, shape, dtype };
};

/** wasm stores complex numbers, as pairs of floats, but does not read them back. */
function readComplexNumbers(prototype: WasmBackend): void {
  const { readSync } = prototype;
  prototype.readSync = function (this: WasmBackend, dataId, start, end) {
    const data = this.dataIdMap.get(dataId);
    if (data.dtype !== "complex64") return readSync.call(this, dataId, start, end);
    const { shape } = data;
    Object.assign(data, { dtype: "float32", shape: [...shape, 2] });
    try {
      return readSync.call(this, dataId, start && 2 * start, end && 2 * end);
    } finally {
      Object.assign(data, { dtype: "complex64", shape });
    }
  };
}
