/** @file Results of made-up measurements as tables and figures, and README beside the kept ones. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ticks } from "../../experiments/draw/svg.ts";
import { drawFigures } from "../../experiments/figures.ts";
import type { Laboratory } from "../../experiments/laboratory.ts";
import { completeExperimentOptions } from "../../experiments/options.ts";
import type { Plan } from "../../experiments/plan.ts";
import type { LabelsBody } from "../../experiments/plans/labels.ts";
import { plans } from "../../experiments/plans.ts";
import { RECIPES } from "../../experiments/recipes.ts";
import { readResult, writeResult } from "../../experiments/results.ts";
import { experimentTable, markerOf, withTables } from "../../experiments/tables.ts";
import type { Outcome, Trial } from "../../experiments/trial.ts";
import { createContext } from "../../pipelines/run/context.ts";
import { failure, temporaryFolder } from "../support/files.ts";

const engine = { name: "torch" as const, device: "cpu", version: "1" };
const lab: Laboratory = {
  options: completeExperimentOptions({ seeds: "0,1" }),
  recipes: RECIPES,
  world: {
    key: "w",
    stills: { dataset: "", images: "", count: 4000 },
    train: { folder: "", videos: Array.from({ length: 160 }, (_, i) => `${i}`) },
    validation: "",
    test: "",
    recordings: 0,
  },
  context: createContext(),
};

/** Measurements that follow from the trial: 100 mm less a tenth of the labels, 5 less with flow, and the seed. */
function outcomeOf(trial: Trial, i: number): Outcome {
  const { base, refinement, group } = trial;
  const cues = group["method"] === "texture" ? 2 : refinement ? 5 : 0;
  const paMpjpe = 100 - base.fraction / 10 - cues + 2 * base.seed + (group["videos"] ? i / 10 : 0);
  const figures = { paMpjpe, mpjpe: 120, pve: 140, accelError: refinement ? 20 : 40, flowResidual: 2 };
  const list = Array.from({ length: 40 }, (_, frame) => frame);
  const scores = {
    residual: list.map((x) => x / 10),
    paMpjpe: list.map((x) => 60 + x),
    mpjpe: list.map((x) => 90 - x),
  };
  return { trial, figures, engine, ...(trial.scored ? { scores } : {}) };
}

async function writeMadeUp(plan: Plan, folder: string): Promise<void> {
  const outcomes = plan.trials(lab).map(outcomeOf);
  const { name, doc, split } = plan;
  const head = { name, doc, command: `npm run experiment -- ${name}`, split, seeds: [0, 1], scale: 1, engine };
  const recipes = { train: {}, refine: {}, groups: [] };
  const counts = { done: outcomes.length, total: outcomes.length, failed: [] };
  await writeResult(folder, { ...head, ...counts, data: { recordings: 3 }, recipes, body: plan.summarise(outcomes) });
}

test("labels.json has exactly the rows that were asked for, and the spread beside them", async () => {
  const folder = temporaryFolder();
  await writeMadeUp(plans.get("labels")!, folder);
  const result = readResult<LabelsBody>("labels", folder)!;
  // Seeds 0 and 1 are 2 mm apart: the mean is 1 more, the deviation the root of 2.
  expect(result.rows).toEqual([
    { fraction: 10, base: 100, texture: 98, flow: 95, both: 95 },
    { fraction: 20, base: 99, texture: 97, flow: 94, both: 94 },
    { fraction: 50, base: 96, texture: 94, flow: 91, both: 91 },
    { fraction: 100, base: 91, texture: 89, flow: 86, both: 86 },
  ]);
  expect(result.spread[0]!.flow).toBeCloseTo(Math.SQRT2, 12);
  expect(result.accel[3]!.flow).toEqual({ mean: 20, deviation: 0, n: 2 });
  expect(result.accelChange[3]!.flow!.mean).toBe(-50);
  expect(result.change[0]!.base).toBeNull();
  // 5 of 99 and of 101.
  expect(result.change[0]!.flow!.mean).toBeCloseTo(-50 * (5 / 99 + 5 / 101), 12);

  const lines = experimentTable("labels", folder)!.split("\n");
  expect(lines[0]).toBe(
    "| labels, % | base | + texture | + flow | + both | + steps without video | by flow | acceleration error, base | + flow | by flow |",
  );
  expect(lines[2]).toBe(
    "| 10 | 100.00 ± 1.41 | 98.00 ± 1.41 | 95.00 ± 1.41 | 95.00 ± 1.41 | 95.00 ± 1.41 | -5.0 ± 0.1 % | 40.00 ± 0.00 | 20.00 ± 0.00 | -50.0 ± 0.0 % |",
  );
  expect(lines.at(-1)).toBe(
    "Synthetic world, test split; mean ± standard deviation over 2 seeds: `npm run experiment -- labels`.",
  );
});

test("half a result has holes, not numbers", async () => {
  const plan = plans.get("labels")!;
  const outcomes = plan.trials(lab).map(outcomeOf).slice(0, 2);
  expect((plan.summarise(outcomes) as LabelsBody).rows.slice(0, 2)).toEqual([
    { fraction: 10, base: 99, texture: null, flow: 94, both: null },
    { fraction: 20, base: null, texture: null, flow: null, both: null },
  ]);
});

test("every experiment has a table and a figure that is well-formed and holds its numbers", async () => {
  const folder = temporaryFolder();
  for (const plan of plans.values()) await writeMadeUp(plan, folder);
  const written = await drawFigures(folder, join(folder, "docs"));
  expect(written.map((path) => path.slice(path.lastIndexOf("/") + 1, -4)).sort()).toEqual([...plans.keys()].sort());
  for (const [name] of plans) {
    const svg = await readFile(join(folder, "docs", `${name}.svg`), "utf8");
    expectWellFormed(svg);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg, name).toContain("PA-MPJPE, mm");
    expect(svg).toContain("2 seeds");
    const table = experimentTable(name, folder)!;
    expect(table).not.toMatch(/NaN|undefined/);
    expect(
      new Set(
        table
          .split("\n")
          .slice(0, -2)
          .map((line) => line.split("|").length),
      ).size,
    ).toBe(1);
  }
  const score = await readFile(join(folder, "docs", "score.svg"), "utf8");
  expect(score).toContain("base, rank correlation 1.00");
  expect(experimentTable("score", folder)).toContain("| base | 1.00 ± 0.00 | -1.00 ± 0.00 | 40 |");
  // The dots of the labels' figure lie where the numbers say: 100 mm above 95 mm.
  const labels = await readFile(join(folder, "docs", "labels.svg"), "utf8");
  expect(labels.match(/<circle/g)!.length).toBeGreaterThanOrEqual(4 * 4 * 2);

  const readme = `a\n<!-- ${markerOf("labels")} -->\nold\n<!-- /${markerOf("labels")} -->\nb\n`;
  const text = withTables(readme, folder);
  expect(text).toContain("| 10 | 100.00 ± 1.41 |");
  expect(text).not.toContain("old");
  expect(withTables(text, folder)).toBe(text);
});

test("axes have few round numbers", () => {
  expect(ticks(61.2, 83.9)).toEqual([65, 70, 75, 80]);
  expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(-0.03, 0.02)).toEqual([-0.03, -0.02, -0.01, 0, 0.01, 0.02]);
});

test("a file that holds no result is refused", async () => {
  const folder = temporaryFolder();
  await writeMadeUp(plans.get("presets")!, folder);
  const wrong = (async () => readResult("presets", join(folder, "none")))();
  expect(await wrong).toBeUndefined();
  await writeFile(join(folder, "labels.json"), '{"rows": 3}');
  expect(await failure((async () => readResult("labels", folder))())).toContain(
    "expected the result of the experiment",
  );
});

test("README shows the results that are kept", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  expect(withTables(readme)).toBe(readme);
  if (experimentTable("labels")) expect(readme).toContain(`<!-- ${markerOf("labels")} -->`);
});

/** Throws unless every element is closed in order and every attribute quoted. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replaceAll(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, end, name, _attributes, empty) => {
      if (end) expect(open.pop()).toBe(name);
      else if (!empty) open.push(name);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;|#39;)/);
}
