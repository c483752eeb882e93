/** @file Base regressors, trained on the first part of the labelled stills. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { runFolder } from "../pipelines/run/folder.ts";
import { trainRegressor } from "../pipelines/train/regressor.ts";
import { completeTrainOptions } from "../pipelines/train/regressor-options.ts";
import { cellOf, once } from "./cell.ts";
import type { Laboratory } from "./laboratory.ts";

/** Which base. */
export interface BaseChoice {
  readonly backbone: "landmarks" | "resnet18";
  /** Percent of the labels. */
  readonly fraction: number;
  readonly seed: number;
}

/** A trained network and what stands for it in the names of what is made from it. */
export interface Network {
  readonly key: string;
  readonly regressor: string;
}

/** People of the labelled stills that a percentage of them is; one at least. */
export function labelledCount({ world }: Pick<Laboratory, "world">, fraction: number): number {
  return Math.max(1, Math.round((world.stills.count * fraction) / 100));
}

/** The base regressor, trained unless it is there; undefined while another process trains it. */
export async function baseRegressor(lab: Laboratory, choice: BaseChoice): Promise<Network | undefined> {
  const { recipes, world, options, context, onlyLook } = lab;
  const { backbone, fraction, seed } = choice;
  const recipe = {
    ...recipes.train,
    ...recipes.backbones[backbone],
    backbone,
    seed,
    split: "train" as const,
    labelledCount: labelledCount(lab, fraction),
  };
  const data = { labelled: world.stills.dataset, images: world.stills.images };
  const complete = await completeTrainOptions({ ...recipe, ...data });
  const { out: _out, labelled: _labelled, images: _images, ...decisive } = complete;
  const own = { kind: "base", world: world.key };
  const place = [join(options.work, "base"), `${backbone}-${fraction}-s${seed}`] as const;
  const cell = cellOf(...place, { ...own, ...recipe }, { ...own, ...decisive });
  const { folder } = cell;
  const done = await once(
    cell,
    async () => {
      const resume = await exists(runFolder(folder).options);
      const { before, after, steps } = await trainRegressor({ ...recipe, ...data, out: folder, resume }, context);
      // Pictures and optimiser states are large, and nothing goes on from here.
      for (const name of ["cache", "checkpoints"]) await rm(join(folder, name), { recursive: true, force: true });
      return { before, after, steps };
    },
    onlyLook,
  );
  return done && { key: cell.key, regressor: runFolder(folder).regressor };
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
