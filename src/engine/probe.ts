/** @file What each engine would need to run here; asks without choosing one. */
import { existsSync } from "node:fs";
import type { EngineName } from "./engine.ts";
import { addonPath, loadAddon } from "./torch/native.ts";

export interface EngineProbe {
  readonly name: EngineName;
  readonly available: boolean;
  /** What was found: versions, device, threads; or the reason why it cannot run. */
  readonly detail: string;
  /** What a user can do about it where it is not available. */
  readonly advice?: string;
}

/** Each engine's state, in the order in which "auto" tries them. */
export async function probeEngines(): Promise<EngineProbe[]> {
  return [
    probeTorch(),
    await probeTensorflow(),
    { name: "wasm", available: true, detail: "tfjs WebAssembly, one thread: runs everywhere, slow for training" },
  ];
}

function probeTorch(): EngineProbe {
  if (!existsSync(addonPath)) {
    return {
      name: "torch",
      available: false,
      detail: "the native addon is not built",
      advice:
        "install libtorch and a compiler (Debian: apt-get install libtorch-dev libopenblas0 g++), then: npm run setup",
    };
  }
  try {
    const { version, device } = loadAddon();
    return { name: "torch", available: true, detail: `libtorch ${version}, ${device}` };
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0] as string;
    return {
      name: "torch",
      available: false,
      detail: `the addon does not load: ${reason}`,
      advice: "build it again: rm -r build/torch-engine; npm run setup",
    };
  }
}

async function probeTensorflow(): Promise<EngineProbe> {
  try {
    const { importTensorflow } = await import("./tensorflow.ts");
    return { name: "tensorflow", available: true, detail: `${await importTensorflow()} loads` };
  } catch (error) {
    return {
      name: "tensorflow",
      available: false,
      detail: (error as Error).message,
      advice:
        "optional: npm install @tensorflow/tfjs-node-gpu (its installer downloads TensorFlow 2.9, which needs CUDA 11.2 for a GPU)",
    };
  }
}
