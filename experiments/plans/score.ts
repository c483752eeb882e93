/** @file (h) Does the flow residual of a frame, which needs no truth, predict the frame's true error? */
import type { Laboratory } from "../laboratory.ts";
import { planOf, refinement } from "../plan.ts";
import { groupOutcomes, type ResultBody } from "../rows.ts";
import { ranks, type Statistic, spearman, statistic } from "../statistics.ts";
import type { Group, Outcome } from "../trial.ts";

/** Parts of the frames, ordered by their score. */
const TENTHS = 10;

/** A row of the result: networks of one kind. */
export interface ScoreRow {
  readonly group: Group;
  /** Spearman's rank correlation of a frame's flow residual with its PA-MPJPE and its MPJPE, over all frames, per seed. */
  readonly correlation: { readonly paMpjpe: Statistic; readonly mpjpe: Statistic };
  readonly frames: number;
  /** Means over a tenth of the frames each, by rising residual: px of the crop, mm. */
  readonly tenths: readonly { readonly residual: Statistic; readonly paMpjpe: Statistic }[];
}

export const score = planOf(
  "score",
  "Does the flow residual of a frame predict its error?",
  ({ recipes }: Laboratory) => [
    { group: { method: "base" } },
    { group: { method: "flow" }, refinement: refinement(recipes.flow) },
  ],
  { scored: true, summarise: (outcomes): ResultBody => ({ rows: groupOutcomes(outcomes).map(scoreRow) }) },
);

function scoreRow([group, outcomes]: readonly [Group, readonly Outcome[]]): ScoreRow {
  const all = outcomes.map(({ scores }) => scores!);
  const correlation = (key: "paMpjpe" | "mpjpe") => statistic(all.map((one) => spearman(one.residual, one[key])));
  const bins = all.map(({ residual, paMpjpe }) => {
    const places = ranks(residual).map((rank) =>
      Math.min(TENTHS - 1, Math.floor(((rank - 0.5) * TENTHS) / residual.length)),
    );
    const meanIn = (values: readonly number[], bin: number) =>
      statistic(values.filter((_, i) => places[i] === bin)).mean;
    return Array.from({ length: TENTHS }, (_, bin) => bin)
      .filter((bin) => places.includes(bin))
      .map((bin) => ({ residual: meanIn(residual, bin), paMpjpe: meanIn(paMpjpe, bin) }));
  });
  const count = Math.min(...bins.map(({ length }) => length));
  return {
    group,
    correlation: { paMpjpe: correlation("paMpjpe"), mpjpe: correlation("mpjpe") },
    frames: all[0]!.residual.length,
    tenths: Array.from({ length: count }, (_, bin) => ({
      residual: statistic(bins.map((one) => one[bin]!.residual)),
      paMpjpe: statistic(bins.map((one) => one[bin]!.paMpjpe)),
    })),
  };
}
