/** @file Registers the torch engine with tfjs: the backend, its own kernels, and the cpu backend's for all others. */
import type { NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";
import { borrowKernels } from "../borrow.ts";
import { tf } from "../tf.ts";
import { TorchBackend } from "./backend.ts";
import { convolutionKernels } from "./kernels/convolution.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { indexingKernels } from "./kernels/indexing.ts";
import { converted, type Kernel, type KernelTable } from "./kernels/kernel.ts";
import { layoutKernels } from "./kernels/layout.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { networkKernels } from "./kernels/networks.ts";
import { reductionKernels } from "./kernels/reduction.ts";
import { loadAddon, withRelease } from "./native.ts";

/** Every kernel that runs natively, by tfjs name. */
export const torchKernels: KernelTable = {
  ...elementwiseKernels,
  ...reductionKernels,
  ...matmulKernels,
  ...layoutKernels,
  ...indexingKernels,
  ...convolutionKernels,
  ...networkKernels,
};

/** Loads the addon and makes "torch" a tfjs backend. Throws where the addon cannot be loaded. */
export async function registerTorch(): Promise<{ version: string; threads: number }> {
  const facts = loadAddon();
  const backend = new TorchBackend();
  tf.registerBackend("torch", () => backend, 3);
  for (const [kernelName, kernel] of Object.entries(torchKernels)) {
    tf.registerKernel({
      kernelName,
      backendName: "torch",
      kernelFunc: ({ inputs, attrs }) =>
        run(kernelName, kernel, inputs as NamedTensorInfoMap, (attrs ?? {}) as never, backend),
    });
  }
  await borrowKernels("torch");
  return facts;
}

function run(
  name: string,
  kernel: Kernel,
  inputs: NamedTensorInfoMap,
  attrs: never,
  backend: TorchBackend,
): TensorInfo | TensorInfo[] {
  const input = (key: string): TensorInfo => {
    const info = inputs[key];
    if (!info) throw new Error(`${name}: the input ${key} is missing`);
    return info;
  };
  try {
    return withRelease((keep) =>
      kernel({
        inputs,
        attrs,
        backend,
        input,
        handle: (key) => backend.handle(input(key)),
        attr: (key) => attrs[key],
        give: (handle, dtype) => backend.wrap(keep(converted(handle, dtype)), dtype),
      }),
    );
  } catch (error) {
    const shapes = Object.entries(inputs).map(([key, info]) =>
      info ? `${key} ${info.dtype} [${info.shape.join(", ")}]` : key,
    );
    throw new Error(`${name}(${shapes.join(", ")}): ${(error as Error).message}`);
  }
}
