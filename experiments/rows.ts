/** @file Outcomes of trials as the rows of a result: groups, with mean and spread over seeds. */
import { FIGURE_KEYS, type Figures } from "./measure.ts";
import { type Statistic, statistic } from "./statistics.ts";
import type { Group, Outcome } from "./trial.ts";

/** The part of a result file that is the experiment's own. */
export interface ResultBody<Row = unknown> {
  readonly rows: readonly Row[];
}

/** A group with its figures, and by how many percent they differ from the base of the same seed. */
export interface ResultRow {
  readonly group: Group;
  readonly figures: Readonly<Record<keyof Figures, Statistic>>;
  /** Negative is better. Absent for bases, and where the base was not measured. */
  readonly change?: Readonly<Record<keyof Figures, Statistic>>;
}

/** Outcomes by group, in the order in which groups come first. */
export function groupOutcomes(outcomes: readonly Outcome[]): (readonly [Group, readonly Outcome[]])[] {
  const groups = new Map<string, [Group, Outcome[]]>();
  for (const outcome of outcomes) {
    const { group } = outcome.trial;
    const key = JSON.stringify(group);
    const known = groups.get(key);
    if (known) known[1].push(outcome);
    else groups.set(key, [group, [outcome]]);
  }
  return [...groups.values()];
}

/** A row per group. */
export function resultRows(outcomes: readonly Outcome[]): ResultRow[] {
  return groupOutcomes(outcomes).map(([group, own]) => {
    const figures = byFigure(own.map((outcome) => outcome.figures));
    const changes = own.flatMap((outcome) => {
      const base = outcome.trial.refinement && baseOf(outcome, outcomes);
      return base ? [percentChange(outcome.figures, base.figures)] : [];
    });
    return { group, figures, ...(changes.length > 0 ? { change: byFigure(changes) } : {}) };
  });
}

/** The outcome of the base that a refined network began from. */
function baseOf({ trial: { base } }: Outcome, outcomes: readonly Outcome[]): Outcome | undefined {
  const { backbone, fraction, seed } = base;
  return outcomes.find(
    ({ trial }) =>
      !trial.refinement &&
      trial.base.backbone === backbone &&
      trial.base.fraction === fraction &&
      trial.base.seed === seed,
  );
}

function percentChange(after: Figures, before: Figures): Figures {
  const entries = FIGURE_KEYS.map((key) => [key, (100 * (after[key] - before[key])) / before[key]]);
  return Object.fromEntries(entries) as Figures;
}

function byFigure(all: readonly Figures[]): Record<keyof Figures, Statistic> {
  const entries = FIGURE_KEYS.map((key) => [key, statistic(all.map((one) => one[key]))]);
  return Object.fromEntries(entries) as Record<keyof Figures, Statistic>;
}
