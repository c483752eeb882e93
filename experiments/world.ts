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
  /** Labelled, and their side in px. */
  readonly stills: number;
  readonly stillSize: number;
  /** Labelled pictures of the plain demo world, with generated motion, for the networks that all bases begin with. */
  readonly pretraining: number;
  /** By split: videos, and frames of each. */
  readonly videos: Readonly<Record<Split, number>>;
  readonly frames: Readonly<Record<Split, number>>;
  /** Of the videos, px. */
  readonly height: number;
  readonly fps: number;
  /** Degrees that people may turn from the camera: from behind, so small and after so few steps, left is like right. */
  readonly facing: number;
  readonly seeds: Readonly<Record<Split | "stills" | "pretraining", number>>;
}

export const WORLD: WorldSize = {
  stills: 2000,
  stillSize: 96,
  pretraining: 16000,
  videos: { train: 160, validation: 24, test: 32 },
  frames: { train: 12, validation: 20, test: 20 },
  height: 240,
  fps: 12,
  facing: 60,
  /** Of the videos to train on it is another one than of the stills: the same would show the same people. */
  seeds: { pretraining: 7, stills: 1, train: 2, validation: 1, test: 1 },
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
  readonly pretraining: Stills;
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
    const common = {
      preset: "world" as const,
      size: size.height,
      fps: size.fps,
      facing: size.facing,
      ...(motions ? { motions } : {}),
    };
    const videosOf = async (split: Split, more: Partial<SynthOptions> = {}) => {
      const own = { out: join(folder, split), split, seed: size.seeds[split] };
      const amount = { videos: some(size.videos[split], 2), frames: size.frames[split] };
      return (await synthesize({ ...common, ...own, ...amount, ...more }, context)).videos.map(({ video }) => video);
    };
    const stills = some(size.stills, 8);
    const still = { videos: 0, stillSize: size.stillSize, split: "train" as const };
    const train = await videosOf("train", { truth: "flow" });
    await videosOf("validation");
    await videosOf("test");
    await synthesize({ ...common, ...still, stills, seed: size.seeds.stills, out: join(folder, "labelled") }, context);
    const pretraining = some(size.pretraining, 8);
    const plain = { preset: "demo", facing: size.facing, stills: pretraining, seed: size.seeds.pretraining } as const;
    await synthesize({ ...still, ...plain, out: join(folder, "pretraining") }, context);
    return { stills, pretraining, train: train.map((path) => basename(path)) };
  });
  if (!made) return undefined;
  return {
    key: contentKey(settings).slice(0, 10),
    stills: stillsIn(join(folder, "labelled"), made.stills),
    pretraining: stillsIn(join(folder, "pretraining"), made.pretraining),
    train: {
      folder: join(folder, "train"),
      videos: made.train.map((name) => join(folder, "train", name)),
    },
    validation: join(folder, "validation"),
    test: join(folder, "test"),
    recordings: names.length,
  };
}

function stillsIn(folder: string, count: number): Stills {
  return { dataset: join(folder, "stills", "dataset.npz"), images: join(folder, "stills", "images"), count };
}
