/** @file The portable engine: tfjs-backend-wasm, with the kernels that it lacks (most gradients) from the cpu backend. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { borrowKernels } from "./borrow.ts";
import { tf } from "./tf.ts";
import { conv2dFilterGradient, conv2dInputGradient } from "./wasm-convolution.ts";
import { batchMatMulThrough } from "./wasm-matmul.ts";
import { coverRefusedCalls } from "./wasm-refused.ts";

// Kernels of tfjs-backend-wasm 4.22 whose results differ from every other backend's (test/src/engine/kernels.test.ts):
// its max-pooling gradient loses windows at the padded border, and its histogram of several dimensions is one per row.
const REPLACED = ["MaxPoolGrad", "Bincount"] as const;

// Kernels that the backend lacks or has as a plain loop, several hundred times slower than the products they consist of.
const COMPOSED = { Conv2DBackpropFilter: conv2dFilterGradient, Conv2DBackpropInput: conv2dInputGradient } as const;

/** Starts the wasm backend and fills its gaps. */
export async function startWasm(): Promise<{ device: string; version: string }> {
  // Its threads are Web Workers made from blobs, which Node does not have.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const require = createRequire(import.meta.url);
  setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  await tf.setBackend("wasm");
  for (const kernel of REPLACED) tf.unregisterKernel(kernel, "wasm");
  for (const [kernelName, kernelFunc] of Object.entries(COMPOSED)) {
    if (tf.getKernel(kernelName, "wasm")) tf.unregisterKernel(kernelName, "wasm");
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
  }
  const product = tf.getKernel("BatchMatMul", "wasm");
  tf.unregisterKernel("BatchMatMul", "wasm");
  tf.registerKernel({ ...product, kernelFunc: batchMatMulThrough(product.kernelFunc) });
  coverRefusedCalls();
  const borrowed = await borrowKernels("wasm");
  return {
    device: `cpu, WebAssembly (${borrowed.length} kernels from the cpu backend)`,
    version: `tfjs ${tf.version_core}`,
  };
}
