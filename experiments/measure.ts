/** @file Accuracy of networks on the videos of known truth. */
import { join } from "node:path";
import type { Accuracy } from "../pipelines/evaluate/evaluate.ts";
import { evaluateFiles } from "../pipelines/evaluate/files.ts";
import type { EngineInfo } from "../src/engine/engine.ts";
import type { Network } from "./base.ts";
import { cellOf, once } from "./cell.ts";
import type { Laboratory } from "./laboratory.ts";
import type { WorldFiles } from "./world.ts";

/** What to choose by, what to report, and the videos that networks were refined on. */
export type MeasuredSplit = "validation" | "test" | "train";

/** Units: mm, mm/frame^2 for `accelError`, px of the crop for `flowResidual`. */
export type Figures = Pick<Accuracy, (typeof FIGURE_KEYS)[number]>;
export const FIGURE_KEYS = ["paMpjpe", "mpjpe", "pve", "accelError", "flowResidual"] as const;

/** A network's figures and the engine that they were measured with. */
export interface Measured {
  readonly figures: Figures;
  readonly engine: EngineInfo;
}

/** The figures of a network on a split, measured unless known; undefined while another process measures. */
export async function measure(lab: Laboratory, network: Network, split: MeasuredSplit): Promise<Measured | undefined> {
  const { options: { work }, world, context } = lab; // biome-ignore format: one line
  const settings = {
    kind: "measure",
    world: world.key,
    network: network.key,
    split,
    flow: "truth",
  };
  const cell = cellOf(join(work, "measured"), `${split}-${network.key}`, settings, settings);
  return once(
    cell,
    async () => {
      const job = { regressor: network.regressor, flow: "truth" as const, cache: join(work, "cache") };
      const { evaluations, engine } = await evaluateFiles(folderOf(world, split), job, context);
      const found = evaluations[0]!;
      const figures = Object.fromEntries(FIGURE_KEYS.map((key) => [key, found[key]])) as unknown as Figures;
      return { figures, engine };
    },
    lab.onlyLook,
  );
}

/** Where the videos of a split lie. */
export function folderOf(world: WorldFiles, split: MeasuredSplit): string {
  return split === "train" ? world.train.folder : world[split];
}
