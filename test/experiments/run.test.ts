/** @file The whole harness on a miniature scale: two videos of each kind, eight stills, three steps. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeExperimentOptions } from "../../experiments/options.ts";
import { planOf, refinement } from "../../experiments/plan.ts";
import { score } from "../../experiments/plans/score.ts";
import { RECIPES, type Recipes } from "../../experiments/recipes.ts";
import { readResult } from "../../experiments/results.ts";
import type { ResultBody, ResultRow } from "../../experiments/rows.ts";
import { runExperiment } from "../../experiments/run.ts";
import { WORLD } from "../../experiments/world.ts";
import { createContext } from "../../pipelines/run/context.ts";
import { MotionCueError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";

let work = "";
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "motioncue-experiments-"));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const recipes: Recipes = {
  ...RECIPES,
  train: { hidden: 16, cropSize: 32, batch: 4, steps: 5000, heldOut: 2, warmUp: 1 },
  backbones: { ...RECIPES.backbones, landmarks: { width: 4 } },
  refine: { ...RECIPES.refine, steps: 2000, batch: 2, labelledBatch: 2 },
};

const size = {
  ...WORLD,
  stillSize: 48,
  height: 64,
  frames: { train: 6, validation: 3, test: 6 },
};
const design = { recipes, size };

/** When every finished cell was finished, by folder. */
async function cellTimes(): Promise<Map<string, number>> {
  const names = (await readdir(work, { recursive: true })).filter((name) => name.endsWith("cell.json"));
  return new Map(await Promise.all(names.map(async (name) => [name, (await stat(join(work, name))).mtimeMs] as const)));
}

test("an experiment makes its data and networks once, goes on after an interruption, and shares them with others", async () => {
  const options = { ...completeExperimentOptions({ seeds: "0", scale: 0.0005, work }), motions: undefined };
  const plan = planOf("few", "Is it whole?", (lab) => [
    { group: { method: "base" }, fraction: 50 },
    { group: { method: "flow" }, fraction: 50, refinement: refinement(lab.recipes.flow) },
    { group: { method: "true flow" }, fraction: 50, refinement: refinement(lab.recipes.flow, { flow: "truth" }) },
    { group: { method: "one video" }, fraction: 50, refinement: refinement(lab.recipes.flow, {}, 1) },
  ]);
  // Interrupted when two networks of four are done.
  const stop = new AbortController();
  const lines: string[] = [];
  const info = (line: string) => {
    lines.push(line);
    // As the program does when it is interrupted.
    if (line.startsWith("few 2/4")) stop.abort(new MotionCueError("experiment", "interrupted"));
  };
  await expect(runExperiment(plan, options, createContext({ ...silentLog, info }, stop.signal), design)).rejects.toThrow("experiment: interrupted"); // biome-ignore format: a call and what comes of it
  expect(readResult("few", join(work, "results"))).toMatchObject({ done: 2, total: 4, split: "test", seeds: [0] });
  const before = await cellTimes();
  expect([...before.keys()].map((name) => name.split("/")[0]).sort()).toEqual([
    ...["base", "blended", "measured", "measured", "refined", "world-0.0005"],
  ]);

  const { result, path } = await runExperiment(plan, options, createContext(), design);
  const after = await cellTimes();
  expect(after.size).toBe(before.size + 6);
  for (const [name, time] of before) expect(after.get(name), name).toBe(time);
  expect(path).toBe(join(work, "results", "few.json"));
  expect(result).toMatchObject({ done: 4, total: 4, command: "npm run experiment -- few --seeds 0 --scale 0.0005" });
  expect(result.data).toMatchObject({ stills: 8, unlabelledVideos: 2, recordings: 0 });
  const { rows } = readResult<ResultBody<ResultRow>>("few", join(work, "results"))!;
  expect(rows.map(({ group }) => group["method"])).toEqual(["base", "flow", "true flow", "one video"]);
  const [base, ...refined] = rows;
  expect(base!.figures.paMpjpe).toMatchObject({ deviation: null, n: 1 });
  expect(base!.figures.paMpjpe.mean).toBeGreaterThan(50);
  expect(base!.change).toBeUndefined();
  for (const { figures, change } of refined) {
    const { mean } = figures.paMpjpe;
    expect(mean).not.toBe(base!.figures.paMpjpe.mean);
    expect(change!.paMpjpe.mean).toBeCloseTo((100 * (mean - base!.figures.paMpjpe.mean)) / base!.figures.paMpjpe.mean);
  }
  expect(new Set(refined.map(({ figures }) => figures.paMpjpe.mean)).size).toBe(3);
  const cells = [...after.keys()].filter((name) => name.startsWith("base/"));
  const { settings } = JSON.parse(await readFile(join(work, cells[0]!), "utf8"));
  expect(settings).toMatchObject({ labelledCount: 4, steps: 3, style: "demo", split: "train", seed: 0 });

  // A network that cannot be made is told, and the result of the others stays.
  const broken = planOf("few", "", (lab) => [
    { group: { method: "base" }, fraction: 50 },
    { group: { method: "no pair" }, fraction: 50, refinement: refinement(lab.recipes.flow, { frameGap: 60 }) },
  ]);
  const failed = await runExperiment(broken, options, createContext(), design);
  expect(failed.result).toMatchObject({ done: 1, total: 2 });
  expect(failed.result.failed).toEqual([expect.stringMatching(/^method no pair, seed 0: refine: none of the videos/)]);
  expect([...(await cellTimes()).keys()].sort()).toEqual([...after.keys()].sort());

  // Another experiment with the same base at the same labels trains none.
  const own = planOf("scored", "", () => [{ group: { method: "base" }, fraction: 50 }], {
    scored: true,
    summarise: score.summarise,
  });
  const scored = await runExperiment(own, options, createContext(), design);
  const last = await cellTimes();
  expect([...last.keys()].filter((name) => !after.has(name)).map((name) => name.split("/")[0])).toEqual(["scored"]);
  const [row] = scored.result.body.rows as { frames: number; correlation: { paMpjpe: { mean: number } } }[];
  // Two test videos of six frames, all of them in a pair.
  expect(row!.frames).toBe(12);
  expect(Math.abs(row!.correlation.paMpjpe.mean)).toBeLessThanOrEqual(1);
});
