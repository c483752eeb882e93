/** @file README's table of the template estimators. */

import type { TemplateOrdering, TemplateRow } from "./plans/templates.ts";
import type { ResultBody } from "./rows.ts";

/** The experiment's own part of `templates.json`. */
export interface TemplatesBody extends ResultBody<TemplateRow> {
  readonly rows: readonly TemplateRow[];
  readonly orderings: readonly TemplateOrdering[];
}

/** Rows of text, headings first: every system in its default preset and its variants, then what they say of published orderings. */
export function templateTable({ rows }: TemplatesBody): string[][] {
  return [
    [
      "system",
      "variant",
      "steps",
      "seeds",
      "nL2, %",
      "constant pose",
      "change",
      "PDJ@0.05, %",
      "BPLP-C",
      "after a linear map, %",
    ],
    ...rows.map(({ system, variant, nL2, constantPose, change, pdj, bplpC, regression, seeds }) => [
      system,
      variant,
      String(seeds[0]!.steps),
      String(seeds.length),
      number(nL2, 2),
      number(constantPose, 2),
      change === null ? "" : `${change < 0 ? "" : "+"}${change.toFixed(1)} %`,
      number(pdj, 1),
      number(bplpC, 1),
      number(regression, 2),
    ]),
  ];
}

/** The orderings as one line each. */
export function orderingLines({ orderings }: TemplatesBody): string[] {
  return orderings.flatMap(({ claim, measure, better, worse, holds }) =>
    holds === null
      ? []
      : [`- ${claim}: ${holds ? "yes" : "no"} (${measure} ${number(better, 2)} against ${number(worse, 2)})`],
  );
}

function number(value: number | null, digits: number): string {
  return value === null ? "" : value.toFixed(digits);
}
