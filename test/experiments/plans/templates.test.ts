import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { TEMPLATE_VARIANTS, templateOrderings, templateRows } from "../../../experiments/plans/templates.ts";
import { experimentTable } from "../../../experiments/tables.ts";
import type { TemplateOutcome, TemplateVariant } from "../../../experiments/template-trial.ts";
import { TRAIN_TEMPLATE_OPTIONS, templateRecipe } from "../../../pipelines/templates/train-options.ts";
import { completeOptions } from "../../../src/options.ts";
import { temporaryFolder } from "../../support/files.ts";

const outcome = (seed: number, more: Partial<TemplateOutcome>) => ({
  seed,
  engine: { engine: "torch", threads: 1 } as unknown as TemplateOutcome["engine"],
  steps: 10,
  seconds: 4,
  frames: 5,
  constantPose: { kind: "mean", nL2: 10, pdj: 3 },
  ...more,
});
const known = (system: string, variant: string): TemplateVariant =>
  TEMPLATE_VARIANTS.find((one) => one.system === system && one.variant === variant)!;

it("every variant is a complete set of options", () => {
  for (const { system, options } of TEMPLATE_VARIANTS)
    expect(() =>
      templateRecipe(completeOptions("test", TRAIN_TEMPLATE_OPTIONS, { system, systemOption: [...options] })),
    ).not.toThrow();
});

const outcomes = new Map([
  [known("stt", "default"), [outcome(0, { nL2: 8, pdj: 20 }), outcome(1, { nL2: 6, pdj: 30 })]],
  [known("hpe", "default"), [outcome(0, { nL2: 7.2, bplpC: 40 })]],
  [known("hpe", "arms-down"), [outcome(0, { nL2: 7.5, bplpC: 30 })]],
  [known("hpe", "constrained"), [outcome(0, { nL2: 9, bplpC: 50 })]],
  [known("ppl", "default"), []],
  [known("ppl", "memory prior"), [outcome(0, { regression: 5 })]],
  [
    known("ppl", "pixels"),
    [
      outcome(0, {
        nL2: 9,
        occlusion: [
          { hidden: 0, error: 9 },
          { hidden: 0.1, error: 10, iterations: [10, 9.5] },
          { hidden: 0.2, error: 11, iterations: [11, 12] },
        ],
      }),
    ],
  ],
]);

it("rows are means over seeds, and have no figure that a seed lacks", () => {
  const rows = templateRows(outcomes);
  expect(rows.map(({ system, variant }) => `${system} ${variant}`)).not.toContain("ppl default");
  expect(rows[0]).toMatchObject({ nL2: 7, change: -30, constantPose: 10, pdj: 25, bplpC: null });
  expect(rows.find(({ variant }) => variant === "memory prior")).toMatchObject({ nL2: null, change: null, regression: 5 }); // biome-ignore format: one thought
});

it("orderings say which of two is better, higher or lower as the measure asks, and nothing of what is missing", () => {
  const found = templateOrderings(templateRows(outcomes)).map(({ claim, holds }) => [claim, holds]);
  expect(Object.fromEntries(found)).toEqual({
    "with pixels compared, arms down beat arms out": null,
    "coarse to fine beats one step": false,
    "people's proportions beat arms-down (ours)": true,
    "PPL beats STT": null,
    "a trainable human prior is at least as good as the memory's": null,
    "constrained matrices keep proportions": true,
    "looking again helps with 10 % hidden": true,
    "looking again helps with 20 % hidden": false,
  });
});

it("the table has the rows, and the orderings below", () => {
  const folder = temporaryFolder();
  const rows = templateRows(outcomes);
  const head = { name: "templates", split: "test", seeds: [0, 1], command: "run it", done: 8, total: 8, data: {} };
  writeFileSync(join(folder, "templates.json"), JSON.stringify({ ...head, rows, orderings: templateOrderings(rows) }));
  const table = experimentTable("templates", folder)!;
  expect(table).toContain("| stt | default | 10 | 2 | 7.00 | 10.00 | -30.0 % | 25.0 |  |  |");
  expect(table).toContain("- coarse to fine beats one step: no (nL2 7.20 against 7.00)");
  expect(table).not.toContain("PPL beats");
  expect(table).toContain("`run it`");
});
