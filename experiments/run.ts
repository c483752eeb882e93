/** @file Runs an experiment: trial after trial, the result written after each, other processes welcome. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "../pipelines/run/context.ts";
import { MotionCueError } from "../src/errors.ts";
import { type Laboratory, scaleRecipes } from "./laboratory.ts";
import type { ExperimentOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { RECIPES, type Recipes } from "./recipes.ts";
import { type GroupRecipe, RESULTS, type Result, writeResult } from "./results.ts";
import { type Outcome, runTrial, type Trial } from "./trial.ts";
import { makeWorld, WORLD, type WorldSize } from "./world.ts";

/** How long to wait for what other processes work on. */
const WAIT_MS = 5000;

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
  const folder = options.scale === 1 ? RESULTS : join(options.work, "results");
  const trials = plan.trials(lab);
  const outcomes = new Map<Trial, Outcome>();
  const failures = new Map<Trial, string>();
  const keep = async (): Promise<ExperimentRun> => {
    // What other processes finished, or earlier runs, belongs to the result too.
    for (const trial of trials) {
      const found = outcomes.has(trial) ? undefined : await runTrial({ ...lab, onlyLook: true }, trial);
      if (found) outcomes.set(trial, found);
    }
    const result = resultOf(plan, lab, size, trials, outcomes, failures);
    return { result, path: await writeResult(folder, result) };
  };
  let last: ExperimentRun | undefined;
  while (outcomes.size + failures.size < trials.length) {
    let moved = false;
    for (const trial of trials) {
      if (outcomes.has(trial) || failures.has(trial)) continue;
      context.signal.throwIfAborted();
      const outcome = await orProblem(() => runTrial(lab, trial), context.signal);
      if (!outcome) continue;
      moved = true;
      if (typeof outcome === "string") failures.set(trial, outcome);
      else outcomes.set(trial, outcome);
      last = await keep();
      const text = typeof outcome === "string" ? `failed: ${outcome}` : describeFigures(outcome);
      context.log.info(`${plan.name} ${outcomes.size}/${trials.length}: ${describe(trial)}: ${text}`);
    }
    if (!moved) await pause(WAIT_MS, undefined, { signal: context.signal });
  }
  return last ?? keep();
}

/** What `work` gives, or the text of an error that concerns one network only, such as a loss that became infinite. */
export async function orProblem<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MotionCueError && !signal.aborted) return error.message;
    throw error;
  }
}

/** What `work` gives, as soon as it is not what another process works on. Throws the signal's reason. */
export async function patiently<T>(work: () => Promise<T | undefined>, { signal, log }: Context): Promise<T> {
  for (let told = false; ; told = true) {
    const found = await work();
    if (found !== undefined) return found;
    if (!told) log.info("another process works on it; waiting");
    await pause(WAIT_MS, undefined, { signal });
  }
}

function resultOf(
  plan: Plan,
  lab: Laboratory,
  size: WorldSize,
  trials: readonly Trial[],
  outcomes: ReadonlyMap<Trial, Outcome>,
  failures: ReadonlyMap<Trial, string>,
): Result {
  const { options: { seeds, scale }, world, recipes } = lab; // biome-ignore format: one line
  const { name, doc, split } = plan;
  const others = scale === 1 ? "" : ` --scale ${scale}`;
  // In the order of the plan, whatever was finished first.
  const done = trials.flatMap((trial) => outcomes.get(trial) ?? []);
  return {
    name,
    doc,
    command: `npm run experiment -- ${name} --seeds ${seeds.join(",")}${others}`,
    split,
    seeds,
    scale,
    done: done.length,
    total: trials.length,
    failed: [...failures].map(([trial, problem]) => `${describe(trial)}: ${problem}`),
    engine: done[0]?.engine ?? null,
    data: {
      ...size,
      stills: world.stills.count,
      pretraining: world.pretraining.count,
      unlabelledVideos: world.train.videos.length,
      recordings: world.recordings,
    },
    recipes: {
      pretrain: recipes.pretrain,
      train: recipes.train,
      refine: recipes.refine,
      groups: groupRecipes(plan, lab),
    },
    body: plan.summarise(done),
  };
}

/** What makes the networks of each group what they are, beside the recipes that all share. */
function groupRecipes(plan: Plan, lab: Laboratory): GroupRecipe[] {
  const [first] = lab.options.seeds;
  const own = plan.trials(lab).filter(({ base }) => base.seed === first);
  return own.map(({ group, base: { backbone, fraction }, refinement }) => ({
    group,
    fraction,
    pretrain: { backbone, ...lab.recipes.backbones[backbone] },
    ...(refinement ? { refine: refinement.recipe } : {}),
  }));
}

function describe({ group, base: { seed } }: Trial): string {
  return [...Object.entries(group).map(([key, value]) => `${key} ${value}`), `seed ${seed}`].join(", ");
}

function describeFigures({ figures: { paMpjpe, accelError, flowResidual } }: Outcome): string {
  const errors = `PA-MPJPE ${paMpjpe.toFixed(2)} mm, acceleration error ${accelError.toFixed(2)} mm/frame²`;
  return `${errors}, flow residual ${flowResidual.toFixed(2)} px`;
}
