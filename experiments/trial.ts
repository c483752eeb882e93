/** @file A trial: one network of an experiment, trained, refined and measured. */
import { type BaseChoice, baseRegressor } from "./base.ts";
import type { Laboratory } from "./laboratory.ts";
import { type Measured, type MeasuredSplit, measure } from "./measure.ts";
import { type RefineChoice, refinedRegressor } from "./refine.ts";
import { type FrameScores, scoreFrames } from "./score.ts";

/** What is varied in an experiment, by name: trials of one group differ by their seed alone. */
export type Group = Readonly<Record<string, string | number>>;

export interface Trial {
  readonly group: Group;
  readonly base: BaseChoice;
  /** Without one the base itself is measured. */
  readonly refinement?: RefineChoice;
  readonly split: MeasuredSplit;
  /** Whether each frame's flow residual is set beside its error too. */
  readonly scored?: boolean;
}

/** A trial that is done. */
export interface Outcome extends Measured {
  readonly trial: Trial;
  readonly scores?: FrameScores;
}

/** What a trial comes to; undefined while another process works on a part of it. */
export async function runTrial(lab: Laboratory, trial: Trial): Promise<Outcome | undefined> {
  const { base, refinement, split } = trial;
  const network = refinement ? await refinedRegressor(lab, base, refinement) : await baseRegressor(lab, base);
  const measured = network && (await measure(lab, network, split));
  if (!measured || !trial.scored) return measured && { trial, ...measured };
  const scores = await scoreFrames(lab, network, split);
  return scores && { trial, ...measured, scores };
}
