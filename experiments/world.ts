/** @file The data of the experiments: labelled stills and unlabelled videos to train on, other videos to choose and report by. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { contentKey } from "../pipelines/run/content-key.ts";
import type { Context } from "../pipelines/run/context.ts";
import type { Split } from "../pipelines/synth/splits.ts";
import { type SynthOptions, synthesize } from "../pipelines/synth/synthesize.ts";
import { once } from "./cell.ts";
import type { ExperimentOptions } from "./options.ts";

/** How much there is of everything at scale 1. */
export interface WorldSize {
  /** What all of it shows: a kind of places, ways to move, and ways to film. Bodies, looks and motions differ between splits. */
  readonly scene: Required<Pick<SynthOptions, "preset" | "motion" | "facing" | "camera" | "obstacles">>;
  /** Labelled pictures, and their side in px. */
  readonly stills: number;
  readonly stillSize: number;
  /** By split: videos, and frames of each. */
  readonly videos: Readonly<Record<Split, number>>;
  readonly frames: Readonly<Record<Split, number>>;
  /** Of the videos, px. */
  readonly height: number;
  readonly fps: number;
  readonly seeds: Readonly<Record<Split | "stills", number>>;
}

export const WORLD: WorldSize = {
  // As narrow as a studio with a few cameras: in the whole synthetic world networks of some minutes learn too little of poses
  // for a cue to show (tries.md). From behind, so small and after so few steps, left is like right.
  scene: { preset: "demo", motion: "steps", facing: 30, camera: "still", obstacles: 0 },
  stills: 8000,
  stillSize: 96,
  // Many people for a moment to measure on: 24 of them for 20 frames each told of gains that 300 did not confirm.
  videos: { train: 160, validation: 100, test: 160 },
  frames: { train: 12, validation: 5, test: 5 },
  height: 240,
  fps: 12,
  /** Of the videos to train on it is another one than of the stills: the same would show the same people. */
  seeds: { stills: 7, train: 2, validation: 1, test: 3 },
};

/** Labelled pictures. */
interface Stills {
  readonly dataset: string;
  readonly images: string;
  readonly count: number;
}

/** Where the data are. */
export interface WorldFiles {
  /** Stands for all that decides what the data show. */
  readonly key: string;
  readonly stills: Stills;
  /** Videos to train on, in order, in one folder with their tracks and true flow. */
  readonly train: { readonly folder: string; readonly videos: readonly string[] };
  /** Folders of videos with their truth. */
  readonly validation: string;
  readonly test: string;
  /** How many recordings motions were drawn from, in all splits together; 0: all motion is generated. */
  readonly recordings: number;
}

/**
 * Makes the data in `<work>/world` (a smaller scale in a folder of its own), or finds them there. Undefined while another
 * process makes them. Throws OptionError where the folder holds data that were made otherwise.
 */
export async function makeWorld(
  { work, scale, motions }: Pick<ExperimentOptions, "work" | "scale" | "motions">,
  context: Context,
  size: WorldSize = WORLD,
): Promise<WorldFiles | undefined> {
  const folder = join(work, scale === 1 ? "world" : `world-${scale}`);
  const some = (count: number, least: number) => Math.max(least, Math.round(scale * count));
  const names = motions ? (await readdir(motions, { recursive: true })).filter((name) => name.endsWith(".bvh")) : [];
  const settings = { ...size, scale, recordings: names.length, names: contentKey(names.sort()) };
  const made = await once({ folder, settings }, async () => {
    const common = { ...size.scene, size: size.height, fps: size.fps, ...(motions ? { motions } : {}) };
    const videosOf = async (split: Split, more: Partial<SynthOptions> = {}) => {
      const own = { out: join(folder, split), split, seed: size.seeds[split] };
      const amount = { videos: some(size.videos[split], 2), frames: size.frames[split] };
      return (await synthesize({ ...common, ...own, ...amount, ...more }, context)).videos.map(({ video }) => video);
    };
    const stills = some(size.stills, 8);
    const still = { ...size.scene, videos: 0, stillSize: size.stillSize, split: "train" as const };
    const train = await videosOf("train", { truth: "flow" });
    await videosOf("validation", { truth: "flow" });
    await videosOf("test", { truth: "flow" });
    await synthesize({ ...still, seed: size.seeds.stills, stills, out: join(folder, "labelled") }, context);
    return { stills, train: train.map((path) => basename(path)) };
  });
  if (!made) return undefined;
  return {
    key: contentKey(settings).slice(0, 10),
    stills: { ...stillsIn(join(folder, "labelled")), count: made.stills },
    train: {
      folder: join(folder, "train"),
      videos: made.train.map((name) => join(folder, "train", name)),
    },
    validation: join(folder, "validation"),
    test: join(folder, "test"),
    recordings: names.length,
  };
}

function stillsIn(folder: string): Pick<Stills, "dataset" | "images"> {
  return { dataset: join(folder, "stills", "dataset.npz"), images: join(folder, "stills", "images") };
}
