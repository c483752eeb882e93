/** @file Refined regressors: a base, a recipe, and a part of the unlabelled videos. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cueSpec, parseCueOptions, parseCueWeights } from "../pipelines/cues.ts";
import { moveWeights } from "../pipelines/refine/move-weights.ts";
import { completeRefineOptions, type RefineOptions } from "../pipelines/refine/options.ts";
import { refine } from "../pipelines/refine/refine.ts";
import { runFolder } from "../pipelines/run/folder.ts";
import { loadRegressor, saveRegressor } from "../smpl/regressor.ts";
import { startEngine } from "../src/engine/engine.ts";
import { completeOptions } from "../src/options.ts";
import { type BaseChoice, baseRegressor, labelledCount, type Network } from "./base.ts";
import { cellOf, once, type Settings } from "./cell.ts";
import { flowDigest } from "./flow-identity.ts";
import type { Laboratory } from "./laboratory.ts";
import type { RefineRecipe } from "./recipes.ts";

/** Which refinement of a base. */
export interface RefineChoice {
  readonly recipe: RefineRecipe;
  /** Of the videos to train on, the first so many; all unless given. */
  readonly videos?: number;
}

/** The refined regressor, made unless it is there; undefined while another process makes it, or its base. */
export async function refinedRegressor(
  lab: Laboratory,
  choice: BaseChoice,
  { recipe: own, videos: count }: RefineChoice,
): Promise<Network | undefined> {
  const base = await baseRegressor(lab, choice);
  if (!base) return undefined;
  const { recipes, world, options: { work }, context } = lab; // biome-ignore format: one line
  const { blend = 1, ...merged } = { ...recipes.refine, ...own, seed: choice.seed };
  const isLabelled = merged.anchor === "labelled";
  const recipe = { ...merged, ...(isLabelled ? { labelledCount: labelledCount(lab, choice.fraction) } : {}) };
  const files = isLabelled ? { labelled: world.stills.dataset, images: world.stills.images } : {};
  const videos = world.train.videos.slice(0, count);
  const complete = completeRefineOptions({ ...recipe, ...files });
  const {
    out: _out,
    labelled: _labelled,
    images: _images,
    regressor: _regressor,
    blend: _blend,
    ...decisive
  } = complete;
  const common = {
    kind: "refine",
    world: world.key,
    base: base.key,
    videos: videos.length,
    flowWeights: await flowDigest(complete.flow, complete.flowWeights),
  };
  const cues = complete.cue.length === 0 ? "labels" : complete.cue.join("+").replaceAll("=", "");
  const label = `${choice.backbone}-${choice.fraction}-${cues}-s${choice.seed}`;
  const settings = { ...decisive, ...cueSettings(complete), ...common };
  const cell = cellOf(join(work, "refined"), label, { ...recipe, ...common }, settings);
  const { folder } = cell;
  const done = await once(
    cell,
    async () => {
      const inputs = { regressor: base.regressor, tracks: world.train.folder, videos };
      const places = { out: folder, cache: join(work, "cache"), resume: true };
      const result = await refine({ ...recipe, ...files, ...inputs, ...places, blend: 1 }, context);
      // Optimiser states are large, and nothing goes on from here.
      await rm(join(folder, "checkpoints"), { recursive: true, force: true });
      const { before, after, pairs, steps } = result;
      return { before, after, pairs, steps };
    },
    lab.onlyLook,
  );
  const refined = { key: cell.key, regressor: runFolder(folder).regressor };
  return done && blend < 1 ? blended(lab, base, refined, blend) : done && refined;
}

/** The network that `refine --blend` gives, from the base and the one without: a step of its own, so that it need not be refined again. */
async function blended(
  { options: { work }, onlyLook }: Laboratory,
  base: Network,
  refined: Network,
  blend: number,
): Promise<Network | undefined> {
  const settings = { kind: "blend", base: base.key, refined: refined.key, blend };
  const cell = cellOf(join(work, "blended"), `${refined.key}-${blend}`, settings, settings);
  const regressor = join(cell.folder, "regressor.safetensors");
  const make = async () => {
    await startEngine("auto", "fp32");
    const [first, last] = [await loadRegressor(base.regressor), await loadRegressor(refined.regressor)];
    moveWeights(last.parameters, first.parameters, blend);
    await saveRegressor(regressor, last);
    first.dispose();
    last.dispose();
    return { regressor };
  };
  const done = await once(cell, make, onlyLook);
  return done && { key: cell.key, regressor };
}

/** The options of the cues that are used, each by `cue.option`: their defaults decide what a refinement does, too. */
function cueSettings({ cue, cueOption, preset }: RefineOptions): Settings {
  const given = parseCueOptions(cueOption);
  const entries = [...parseCueWeights(cue).keys()].flatMap((name) => {
    const { options, presets } = cueSpec(name);
    const all = completeOptions(name, options, { ...presets[preset], ...given.get(name) });
    return Object.entries(all).map(([option, value]) => [`${name}.${option}`, value] as const);
  });
  return Object.fromEntries(entries);
}
