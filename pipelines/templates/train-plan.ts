/** @file What a training is to do: asked for now, or, for a run that goes on, as it was begun. */
import { join } from "node:path";
import { OptionError } from "../../src/errors.ts";
import { completeOptions } from "../../src/options.ts";
import { type RunFolder, readRunOptions, runFolder } from "../run/folder.ts";
import { TRAIN_TEMPLATE_OPTIONS, type TrainTemplateOptions } from "./train-options.ts";

/** Videos, options and where the run is. */
export interface TrainPlan {
  readonly videos: readonly string[];
  readonly options: TrainTemplateOptions;
  /** `regressor`, what a run makes, is the template's file here. */
  readonly folder: RunFolder;
}

/** Options that may differ when a run goes on: they do not change what a step does. */
const FREE_ON_RESUME: readonly string[] = [
  ...["out", "resume", "overwrite", "cache", "checkpointEvery", "picturesEvery", "engine"],
];

/** The folder of a training. */
export function templateRunFolder(path: string): RunFolder {
  return { ...runFolder(path), regressor: join(path, "template.safetensors") };
}

/** The plan of a job. Throws OptionError where a run cannot go on with what is given. */
export async function trainPlan(videos: readonly string[], given: Partial<TrainTemplateOptions>): Promise<TrainPlan> {
  const asked = completeOptions("template train", TRAIN_TEMPLATE_OPTIONS, given);
  const folder = templateRunFolder(asked.out);
  if (!asked.resume) return { videos, options: asked, folder };
  const saved = await readRunOptions(folder);
  if (!saved)
    throw new OptionError("--resume", `${asked.out} holds no run to go on with; leave --resume out to begin one`);
  const all = Object.entries({ ...given, ...(videos.length > 0 ? { videos } : {}) });
  for (const [name, value] of all) {
    const before = JSON.stringify(saved[name]);
    if (value === undefined || FREE_ON_RESUME.includes(name) || JSON.stringify(value) === before) continue;
    throw new OptionError(
      "--resume",
      `the run was begun with ${name} ${before ?? "unset"}, got ${JSON.stringify(value)}; leave it out, or begin another run`,
    );
  }
  const { videos: begun, ...options } = saved as { videos: string[] } & Partial<TrainTemplateOptions>;
  const free = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => FREE_ON_RESUME.includes(name) && value !== undefined),
  );
  const complete = { ...options, ...free, out: asked.out, resume: true, overwrite: false };
  return { videos: begun, options: completeOptions("template train", TRAIN_TEMPLATE_OPTIONS, complete), folder };
}
