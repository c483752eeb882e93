/** @file Runs an experiment: trial after trial, the result written after each, other processes welcome. */
import type { Context } from "../pipelines/run/context.ts";
import { type Laboratory, scaleRecipes } from "./laboratory.ts";
import type { ExperimentOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { RECIPES, type Recipes } from "./recipes.ts";
import { type GroupRecipe, type Result, resultHead, resultsFolder, writeResult } from "./results.ts";
import { type Outcome, runTrial, type Trial } from "./trial.ts";
import { type Progress, patiently, runTrials } from "./trials.ts";
import { makeWorld, WORLD, type WorldSize } from "./world.ts";

/** What an experiment is made with. */
export interface Design {
  readonly recipes: Recipes;
  readonly size: WorldSize;
}

/** What a run of an experiment came to. */
export interface ExperimentRun {
  readonly result: Result;
  readonly path: string;
}

/**
 * Runs all trials of a plan that are not done yet and returns the result, which is also written after every trial. Parts
 * that another process works on are left to it, and waited for in the end. A network that fails is told in the result, and
 * the others are not concerned. Throws OptionError for data made otherwise, and the signal's reason when it is aborted.
 */
export async function runExperiment(
  plan: Plan,
  options: ExperimentOptions,
  context: Context,
  { recipes, size }: Design = { recipes: RECIPES, size: WORLD },
): Promise<ExperimentRun> {
  const world = await patiently(() => makeWorld(options, context, size), context);
  const lab: Laboratory = { options, recipes: scaleRecipes(recipes, options.scale), world, context };
  const keep = async (progress: Progress<Outcome>): Promise<ExperimentRun> => {
    const result = resultOf(plan, lab, size, progress);
    return { result, path: await writeResult(resultsFolder(options), result) };
  };
  const run = (trial: Trial, onlyLook: boolean) => runTrial(onlyLook ? { ...lab, onlyLook } : lab, trial);
  const work = { name: plan.name, trials: plan.trials(lab), run, keep, describe, describeOutcome };
  return runTrials(work, context);
}

function resultOf(plan: Plan, lab: Laboratory, size: WorldSize, progress: Progress<Outcome>): Result {
  const { options, world, recipes } = lab;
  return {
    ...resultHead(plan, options, progress),
    data: {
      ...size,
      stills: world.stills.count,
      unlabelledVideos: world.train.videos.length,
      recordings: world.recordings,
    },
    recipes: { train: recipes.train, refine: recipes.refine, groups: groupRecipes(plan, lab) },
    body: plan.summarise(progress.done),
  };
}

/** What makes the networks of each group what they are, beside the recipes that all share. */
function groupRecipes(plan: Plan, lab: Laboratory): GroupRecipe[] {
  const [first] = lab.options.seeds;
  const own = plan.trials(lab).filter(({ base }) => base.seed === first);
  return own.map(({ group, base: { backbone, fraction }, refinement }) => ({
    group,
    fraction,
    train: { backbone, ...lab.recipes.backbones[backbone] },
    ...(refinement ? { refine: refinement.recipe } : {}),
  }));
}

function describe({ group, base: { seed } }: Trial): string {
  return [...Object.entries(group).map(([key, value]) => `${key} ${value}`), `seed ${seed}`].join(", ");
}

function describeOutcome({ figures: { paMpjpe, accelError, flowResidual } }: Outcome): string {
  const errors = `PA-MPJPE ${paMpjpe.toFixed(2)} mm, acceleration error ${accelError.toFixed(2)} mm/frame²`;
  return `${errors}, flow residual ${flowResidual.toFixed(2)} px`;
}
