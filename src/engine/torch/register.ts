/** @file Registers the torch engine with tfjs: the backend, its own kernels, and the cpu backend's for all others. */
import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";
import { borrowedKernel, borrowKernels } from "../borrow.ts";
import { FUSED, registerHostFunctions } from "../custom.ts";
import { tf } from "../tf.ts";
import { floatOf, TorchBackend } from "./backend.ts";
import { torchHostFunctions } from "./host.ts";
import { torchKernels } from "./kernel-tables.ts";
import { converted, type Kernel } from "./kernels/kernel.ts";
import { hasStrings, STRING_KERNELS } from "./kernels/strings.ts";
import { type AddonFacts, DTYPE, isOnDevice, lastOutput, loadAddon, withRelease } from "./native.ts";

/** Fused kernels whose loops walk the CPU's memory; on a device their callers compose them of tfjs operations. */
const CPU_ONLY: ReadonlySet<string> = new Set([
  FUSED.correlationLookup,
  FUSED.correlationLookupGradient,
  FUSED.instanceNorm,
  FUSED.instanceNormGradient,
  FUSED.skin,
  FUSED.skinGradient,
  FUSED.adam,
  FUSED.correlationDirect,
  FUSED.correlationDirectGradient,
  FUSED.recurrence,
  FUSED.recurrenceGradient,
  FUSED.convexUpsample,
  FUSED.convexUpsampleGradient,
  FUSED.sampleImages,
  FUSED.sampleImagesGradient,
]);

/** Loads the addon and makes "torch" a tfjs backend. Throws where the addon cannot be loaded. */
export async function registerTorch(): Promise<AddonFacts> {
  const facts = loadAddon();
  const backend = new TorchBackend();
  tf.registerBackend("torch", () => backend, 3);
  for (const [kernelName, kernel] of Object.entries(torchKernels)) {
    if (isOnDevice() && CPU_ONLY.has(kernelName)) continue;
    const native = (inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => run(kernelName, kernel, inputs, attrs, backend);
    const onStrings = STRING_KERNELS.has(kernelName) ? borrowedKernel(kernelName, "torch") : undefined;
    tf.registerKernel({
      kernelName,
      backendName: "torch",
      kernelFunc: (call) => {
        const inputs = call.inputs as NamedTensorInfoMap;
        const attrs = (call.attrs ?? {}) as NamedAttrMap;
        return onStrings && hasStrings(inputs, attrs) ? onStrings(call) : native(inputs, attrs);
      },
    });
  }
  registerHostFunctions("torch", torchHostFunctions);
  await borrowKernels("torch");
  return facts;
}

function run(
  name: string,
  kernel: Kernel,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
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
        handle: (key) => {
          const info = input(key);
          return backend.isHalf(info) ? floatOf(backend.handle(info)) : backend.handle(info);
        },
        raw: (key) => backend.handle(input(key)),
        isHalf: (key) => backend.isHalf(input(key)),
        giveHalf: (handle) => {
          const half = lastOutput().dtype === DTYPE.bfloat16;
          return backend.wrap(keep(half ? handle : converted(handle, "float32")), "float32", lastOutput().shape, half);
        },
        attr: (key) => attrs[key] as never,
        give: (handle, dtype) => backend.wrap(keep(converted(handle, dtype)), dtype),
      }),
    );
  } catch (error) {
    const shapes = Object.entries(inputs).map(([key, info]) =>
      info ? `${key} ${info.dtype} [${info.shape.join(", ")}]` : key,
    );
    throw new Error(`${name}: ${(error as Error).message} (inputs: ${shapes.join(", ")})`);
  }
}
