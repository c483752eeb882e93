/** @file The choice of numeric engine: made once per process, before the first tensor. */
import { MotionCueError, OptionError } from "../errors.ts";
import { tf } from "./tf.ts";

export const ENGINE_CHOICES = ["auto", "torch", "tensorflow", "wasm"] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];
export type EngineName = Exclude<EngineChoice, "auto">;

/** What runs: engine, device and why (for `doctor` and run records). */
export interface EngineInfo {
  readonly name: EngineName;
  readonly device: string;
  readonly version: string;
}

let running: Promise<EngineInfo> | undefined;
let chosen: EngineChoice | undefined;

/** Starts `choice` (with "auto": torch, then tensorflow, then wasm), or returns the engine that runs already. */
export function startEngine(choice: EngineChoice = "auto"): Promise<EngineInfo> {
  if (!ENGINE_CHOICES.includes(choice))
    throw new OptionError("engine", `expected one of ${ENGINE_CHOICES.join(", ")}, got "${choice}"`);
  if (running && chosen !== choice && choice !== "auto") {
    throw new MotionCueError("engine", `a process runs one engine; ${chosen} was started already, asked for ${choice}`);
  }
  chosen ??= choice;
  running ??= start(choice);
  return running;
}

async function start(choice: EngineChoice): Promise<EngineInfo> {
  const order: readonly EngineName[] = choice === "auto" ? ["torch", "tensorflow", "wasm"] : [choice];
  const reasons: string[] = [];
  for (const name of order) {
    try {
      return await starters[name]();
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  throw new MotionCueError(
    "engine",
    `none of the engines asked for could be started (${reasons.join("; ")}); run: motioncue doctor`,
  );
}

const starters: Readonly<Record<EngineName, () => Promise<EngineInfo>>> = {
  torch: async () => {
    const { registerTorch } = await import("./torch/register.ts");
    const { version, device } = await registerTorch();
    await tf.setBackend("torch");
    return { name: "torch", device, version: `libtorch ${version}` };
  },
  tensorflow: async () => {
    const { startTensorflow } = await import("./tensorflow.ts");
    return { name: "tensorflow", ...(await startTensorflow()) };
  },
  wasm: async () => {
    const { startWasm } = await import("./wasm.ts");
    return { name: "wasm", ...(await startWasm()) };
  },
};
