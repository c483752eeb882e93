/** @file Base regressors: begun with a network that saw another, plainer world, and trained on the first part of the labelled stills. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { runFolder } from "../pipelines/run/folder.ts";
import { trainRegressor } from "../pipelines/train/regressor.ts";
import { completeTrainOptions } from "../pipelines/train/regressor-options.ts";
import { cellOf, once } from "./cell.ts";
import type { Laboratory } from "./laboratory.ts";
import type { TrainRecipe } from "./recipes.ts";
import type { WorldFiles } from "./world.ts";

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

/** The network that bases of a backbone begin with, trained unless it is there; undefined while another process trains it. */
function firstRegressor(lab: Laboratory, backbone: BaseChoice["backbone"]): Promise<Network | undefined> {
  const { recipes, world } = lab;
  const recipe = { ...recipes.pretrain, ...recipes.backbones[backbone], backbone, seed: 0 };
  return trained(lab, { folder: "first", label: backbone }, recipe, world.pretraining);
}

/** The base regressor, trained unless it is there; undefined while another process trains it, or what it begins with. */
export async function baseRegressor(lab: Laboratory, choice: BaseChoice): Promise<Network | undefined> {
  const { recipes, world } = lab;
  const { backbone, fraction, seed } = choice;
  const first = await firstRegressor(lab, backbone);
  if (!first) return undefined;
  const recipe = {
    ...recipes.train,
    seed,
    style: "world" as const,
    split: "train" as const,
    labelledCount: labelledCount(lab, fraction),
  };
  return trained(lab, { folder: "base", label: `${backbone}-${fraction}-s${seed}` }, recipe, world.stills, first);
}

async function trained(
  { options: { work }, world, context, onlyLook }: Laboratory,
  place: { readonly folder: "first" | "base"; readonly label: string },
  recipe: TrainRecipe,
  { dataset, images }: WorldFiles["stills"],
  first?: Network,
): Promise<Network | undefined> {
  const data = { labelled: dataset, images, ...(first ? { initial: first.regressor } : {}) };
  const complete = await completeTrainOptions({ ...recipe, ...data });
  const { out: _out, labelled: _labelled, images: _images, initial: _initial, ...decisive } = complete;
  const own = { kind: place.folder, world: world.key, ...(first ? { first: first.key } : {}) };
  const cell = cellOf(join(work, place.folder), place.label, { ...own, ...recipe }, { ...own, ...decisive });
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
