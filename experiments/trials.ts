/** @file The loop of every experiment: trial after trial, what is known kept after each, other processes welcome. */
import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "../pipelines/run/context.ts";
import { MotionCueError } from "../src/errors.ts";

/** How long to wait for what other processes work on. */
const WAIT_MS = 5000;

/** What is known so far. */
export interface Progress<Outcome> {
  /** In the order of the trials, whatever was finished first. */
  readonly done: readonly Outcome[];
  readonly total: number;
  /** Trials that came to nothing, and why. */
  readonly failed: readonly string[];
}

/** What is done with trials, and how they are told of. */
export interface TrialWork<Trial, Outcome, Kept> {
  /** The experiment's name. */
  readonly name: string;
  readonly trials: readonly Trial[];
  /** A trial's outcome; undefined while another process works on it, and with `onlyLook` where it is not known. */
  run(trial: Trial, onlyLook: boolean): Promise<Outcome | undefined>;
  /** Called after every trial, with all that is known. */
  keep(progress: Progress<Outcome>): Promise<Kept>;
  describe(trial: Trial): string;
  describeOutcome(outcome: Outcome): string;
}

/**
 * Runs all trials that are not done yet and returns what `keep` made in the end. Trials that another process works on are
 * left to it, and waited for in the end. One that fails is a problem of its own. Throws the signal's reason.
 */
export async function runTrials<Trial, Outcome, Kept>(
  { name, trials, run, keep, describe, describeOutcome }: TrialWork<Trial, Outcome, Kept>,
  context: Context,
): Promise<Kept> {
  const outcomes = new Map<Trial, Outcome>();
  const failures = new Map<Trial, string>();
  const keepAll = async (): Promise<Kept> => {
    // What other processes finished, or earlier runs, belongs to the result too.
    for (const trial of trials) {
      const found = outcomes.has(trial) ? undefined : await run(trial, true);
      if (found) outcomes.set(trial, found);
    }
    const done = trials.flatMap((trial) => outcomes.get(trial) ?? []);
    const failed = [...failures].map(([trial, problem]) => `${describe(trial)}: ${problem}`);
    return keep({ done, total: trials.length, failed });
  };
  let last: { readonly kept: Kept } | undefined;
  while (outcomes.size + failures.size < trials.length) {
    let moved = false;
    for (const trial of trials) {
      if (outcomes.has(trial) || failures.has(trial)) continue;
      context.signal.throwIfAborted();
      const outcome = await orProblem(() => run(trial, false), context.signal);
      if (!outcome) continue;
      moved = true;
      if (typeof outcome === "string") failures.set(trial, outcome);
      else outcomes.set(trial, outcome);
      last = { kept: await keepAll() };
      const text = typeof outcome === "string" ? `failed: ${outcome}` : describeOutcome(outcome);
      context.log.info(`${name} ${outcomes.size}/${trials.length}: ${describe(trial)}: ${text}`);
    }
    if (!moved) await pause(WAIT_MS, undefined, { signal: context.signal });
  }
  return last ? last.kept : keepAll();
}

/** What `work` gives, or the text of an error that concerns one network only, such as a loss that became infinite. */
async function orProblem<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | string> {
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
