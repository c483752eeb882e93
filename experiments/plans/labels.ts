/** @file (a) The paper's Figure 3: how much labels are worth, and what each cue adds to them. */
import type { Laboratory } from "../laboratory.ts";
import { planOf, refinement, type Variant } from "../plan.ts";
import { type ResultBody, type ResultRow, resultRows } from "../rows.ts";
import type { Statistic } from "../statistics.ts";
import type { Outcome } from "../trial.ts";

export const FRACTIONS = [10, 20, 50, 100] as const;
/** In the order of a row. */
export const METHODS = ["base", "texture", "flow", "both"] as const;
/** All that is measured: `labels` is refined for as many steps without video. */
export type Method = (typeof METHODS)[number] | "labels";
export const METHOD_NAMES: Readonly<Record<Method, string>> = {
  base: "base",
  labels: "+ steps without video",
  texture: "+ texture",
  flow: "+ flow",
  both: "+ both",
};

/** Values by method, for one percentage of the labels; null where nothing is known yet. */
export type MethodRow<T> = { readonly fraction: number } & Readonly<Record<(typeof METHODS)[number], T | null>>;

/** The experiment's own part of `labels.json`. */
export interface LabelsBody extends ResultBody<MethodRow<number>> {
  /** PA-MPJPE, mm, means over seeds. */
  readonly rows: readonly MethodRow<number>[];
  /** Its standard deviation over seeds. */
  readonly spread: readonly MethodRow<number>[];
  /** Acceleration error, mm/frame^2. */
  readonly accel: readonly MethodRow<Statistic>[];
  /** Change of PA-MPJPE against the base of the same seed, percent. */
  readonly change: readonly MethodRow<Statistic>[];
  readonly accelChange: readonly MethodRow<Statistic>[];
  /** All figures, with those of refinement without video. */
  readonly figures: readonly ResultRow[];
}

export const labels = planOf(
  "labels",
  "How much do labels, video and both give?",
  ({ recipes }: Laboratory) =>
    FRACTIONS.flatMap((fraction): Variant[] => [
      { group: { fraction, method: "base" }, fraction },
      ...(["flow", "texture", "both", "labels"] as const).map((method) => ({
        group: { fraction, method },
        fraction,
        refinement: refinement(recipes[method]),
      })),
    ]),
  { summarise: labelsBody },
);

function labelsBody(outcomes: readonly Outcome[]): LabelsBody {
  const found = resultRows(outcomes);
  const table = <T>(of: (row: ResultRow) => T | null | undefined): MethodRow<T>[] =>
    FRACTIONS.map((fraction) => {
      const cells = METHODS.map((method) => {
        const row = found.find(({ group }) => group["fraction"] === fraction && group["method"] === method);
        return [method, (row && of(row)) ?? null];
      });
      return { fraction, ...(Object.fromEntries(cells) as Record<(typeof METHODS)[number], T | null>) };
    });
  return {
    rows: table(({ figures }) => figures.paMpjpe.mean),
    spread: table(({ figures }) => figures.paMpjpe.deviation),
    accel: table(({ figures }) => figures.accelError),
    change: table(({ change }) => change?.paMpjpe),
    accelChange: table(({ change }) => change?.accelError),
    figures: found,
  };
}
