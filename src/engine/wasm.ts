/** @file The portable engine: tfjs-backend-wasm, with the kernels that it lacks (most gradients) from the cpu backend. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { borrowKernels } from "./borrow.ts";
import { tf } from "./tf.ts";

// Kernels of tfjs-backend-wasm 4.22 whose results differ from every other backend's (test/src/engine/kernels.test.ts):
// its max-pooling gradient loses windows at the padded border.
const REPLACED = ["MaxPoolGrad"] as const;

/** Starts the wasm backend and fills its gaps. */
export async function startWasm(): Promise<{ device: string; version: string }> {
  // Its threads are Web Workers made from blobs, which Node does not have.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const require = createRequire(import.meta.url);
  setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  await tf.setBackend("wasm");
  for (const kernel of REPLACED) tf.unregisterKernel(kernel, "wasm");
  const borrowed = await borrowKernels("wasm");
  return {
    device: `cpu, WebAssembly (${borrowed.length} kernels from the cpu backend)`,
    version: `tfjs ${tf.version_core}`,
  };
}
