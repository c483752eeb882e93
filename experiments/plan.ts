/** @file What an experiment is: trials, and what their outcomes are put together to. */
import type { Laboratory } from "./laboratory.ts";
import type { MeasuredSplit } from "./measure.ts";
import type { RefineRecipe } from "./recipes.ts";
import type { RefineChoice } from "./refine.ts";
import { type ResultBody, resultRows } from "./rows.ts";
import type { Group, Outcome, Trial } from "./trial.ts";

/** An experiment. */
export interface Plan {
  readonly name: string;
  /** One sentence: the question. */
  readonly doc: string;
  readonly split: MeasuredSplit;
  trials(lab: Laboratory): readonly Trial[];
  /** Rows of the result, from the trials that are done. */
  readonly summarise: (outcomes: readonly Outcome[]) => ResultBody;
}

/** The percentage of the labels where labels are few, at which all but one of the experiments are. */
export const FEW = 10;

/** A group of trials, one per seed. */
export interface Variant {
  readonly group: Group;
  readonly backbone?: "landmarks" | "resnet18";
  readonly fraction?: number;
  readonly refinement?: RefineChoice;
}

/** A plan whose rows are groups with their figures. */
export function planOf(
  name: string,
  doc: string,
  variants: (lab: Laboratory) => readonly Variant[],
  more: Partial<Plan> & { readonly scored?: boolean } = {},
): Plan {
  const { scored = false, split = "test", ...own } = more;
  const trials = (lab: Laboratory): Trial[] =>
    // All groups of a seed first: half a result then is one of fewer seeds, not of fewer groups.
    lab.options.seeds.flatMap((seed) =>
      variants(lab).map(({ group, backbone = "landmarks", fraction = FEW, refinement }) => ({
        group,
        base: { backbone, fraction, seed },
        ...(refinement ? { refinement } : {}),
        split,
        ...(scored ? { scored } : {}),
      })),
    );
  return { name, doc, split, trials, summarise: (outcomes) => ({ rows: resultRows(outcomes) }), ...own };
}

/** A refinement by a recipe; `more` wins over it. */
export function refinement(recipe: RefineRecipe, more: RefineRecipe = {}, videos?: number): RefineChoice {
  return { recipe: { ...recipe, ...more }, ...(videos === undefined ? {} : { videos }) };
}
