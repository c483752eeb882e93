/** @file Footage for the template estimators: synthetic people before a camera that stands still, in folders with their truth. */
import { join } from "node:path";
import type { Context } from "../pipelines/run/context.ts";
import type { Split } from "../pipelines/synth/splits.ts";
import { synthesize } from "../pipelines/synth/synthesize.ts";
import { once } from "./cell.ts";
import type { ExperimentOptions } from "./options.ts";

/** How much there is at scale 1, and what is to be seen. */
export const TEMPLATE_FOOTAGE = {
  videos: { train: 240, test: 32 },
  frames: { train: 16, test: 16 },
  /** Height, px. */
  size: 128,
  fps: 2,
  preset: "demo",
  motion: "steps",
  recorded: 0.5,
  obstacles: 0,
  seed: 5,
} as const;

/** How much footage there is, and what is to be seen; at scale 1. */
export type FootageSize = Omit<typeof TEMPLATE_FOOTAGE, "videos" | "frames" | "size"> & {
  readonly videos: Readonly<Record<"train" | "test", number>>;
  readonly frames: Readonly<Record<"train" | "test", number>>;
  readonly size: number;
};

/** Folders of videos; motions, bodies and looks of one are not in the other. */
export interface TemplateFootage {
  readonly train: string;
  readonly test: string;
}

/** Makes the footage in `<work>/templates`, or finds it there; undefined while another process makes it. */
export async function templateFootage(
  { work, scale, motions }: Pick<ExperimentOptions, "work" | "scale" | "motions">,
  context: Context,
  amount: FootageSize = TEMPLATE_FOOTAGE,
): Promise<TemplateFootage | undefined> {
  const folder = join(work, "templates", scale === 1 ? "footage" : `footage-${scale}`);
  const { videos, frames, ...look } = amount;
  const folders = { train: join(folder, "train"), test: join(folder, "test") };
  const settings = { ...amount, scale, recordings: motions !== undefined };
  return once({ folder, settings }, async () => {
    for (const split of ["train", "test"] as const satisfies Split[]) {
      const clips = { videos: Math.max(2, Math.round(scale * videos[split])), frames: frames[split] };
      const job = { ...look, ...clips, split, camera: "still" as const, out: folders[split] };
      await synthesize({ ...job, ...(motions ? { motions } : {}) }, context);
    }
    return folders;
  });
}
