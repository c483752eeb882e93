/** @file The choice of numeric engine: made once per process, before the first tensor. */
import { MotionCueError, OptionError } from "../errors.ts";
import { tf } from "./tf.ts";

export const ENGINE_CHOICES = ["auto", "torch", "tensorflow", "wasm"] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];
export type EngineName = Exclude<EngineChoice, "auto">;

/** What the networks' convolutions compute in; weights, losses and geometry are float32 always. */
export const PRECISIONS = ["fp32", "bf16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What runs: engine, device and why (for `doctor` and run records). */
export interface EngineInfo {
  readonly name: EngineName;
  readonly device: string;
  readonly version: string;
}

let running: Promise<EngineInfo> | undefined;
let chosen: EngineChoice | undefined;
let computing: Precision = "fp32";

/** What convolutions compute in at present. */
export function runningPrecision(): Precision {
  return computing;
}

/**
 * Starts `choice` (with "auto": torch, then tensorflow, then wasm), or returns the engine that runs already. `precision`
 * holds from then on; bf16 is the torch engine's alone. Throws MotionCueError where that cannot be.
 */
export async function startEngine(choice: EngineChoice = "auto", precision?: Precision): Promise<EngineInfo> {
  const info = await startOnce(choice);
  if (precision && info.name === "torch") {
    const { setHalf } = await import("./torch/native.ts");
    setHalf(precision === "bf16");
    computing = precision;
  } else if (precision === "bf16") {
    throw new MotionCueError("--precision", `bf16 needs the torch engine, and ${info.name} runs; use --precision fp32`);
  }
  return info;
}

function startOnce(choice: EngineChoice): Promise<EngineInfo> {
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
