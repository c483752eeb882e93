/** @file The experiment on template estimators on a miniature scale: two videos to learn from, two to measure on, three steps. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeExperimentOptions } from "../../experiments/options.ts";
import { readResult } from "../../experiments/results.ts";
import { experimentTable } from "../../experiments/tables.ts";
import { TEMPLATE_FOOTAGE } from "../../experiments/template-footage.ts";
import { runTemplates } from "../../experiments/template-run.ts";
import type { TemplatesBody } from "../../experiments/template-table.ts";
import { createContext } from "../../pipelines/run/context.ts";

let work = "";
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "motioncue-templates-"));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** When every finished cell was finished, by folder. */
async function cellTimes(): Promise<Map<string, number>> {
  const names = (await readdir(work, { recursive: true })).filter((name) => name.endsWith("cell.json"));
  return new Map(await Promise.all(names.map(async (name) => [name, (await stat(join(work, name))).mtimeMs] as const)));
}

const footage = { ...TEMPLATE_FOOTAGE, size: 64, frames: { train: 10, test: 6 } };
const hpe = { system: "hpe", variant: "default", options: ["width=4"] } as const;
const oneStep = { system: "stt", variant: "default", options: ["width=4"] } as const;
const ppl = {
  system: "ppl",
  variant: "pixels",
  occlusion: true,
  options: ["width=4", "decoderWidth=2", "pixelWeight=1", "banks=2", "dim=4", "channels=4"],
} as const;

test("systems are trained with every seed, variants with the first, each once; orderings are said whichever way they fall", async () => {
  const options = { ...completeExperimentOptions({ seeds: "3,4", scale: 0.002, work }), motions: undefined };
  await runTemplates(options, createContext(), { variants: [hpe], footage });
  const before = await cellTimes();
  // The footage, and one training for each seed.
  expect(before.size).toBe(3);

  const { result, path } = await runTemplates(options, createContext(), { variants: [hpe, oneStep, ppl], footage });
  const after = await cellTimes();
  expect(after.size).toBe(6);
  for (const [name, time] of before) expect(after.get(name), name).toBe(time);
  expect(path).toBe(join(work, "results", "templates.json"));
  expect(result).toMatchObject({ done: 5, total: 5, failed: [], split: "test", seeds: [3, 4], scale: 0.002 });
  expect(result.command).toBe("npm run experiment -- templates --seeds 3,4 --scale 0.002");
  expect(result.data).toMatchObject({ camera: "still", recordings: 0 });

  const { rows, orderings } = readResult<TemplatesBody>("templates", join(work, "results"))!;
  expect(rows.map(({ system, variant, seeds }) => [system, variant, seeds.map(({ seed }) => seed)])).toEqual([
    ["hpe", "default", [3, 4]],
    ["stt", "default", [3, 4]],
    ["ppl", "pixels", [3]],
  ]);
  for (const { nL2, constantPose, change, pdj, seeds } of rows) {
    expect(seeds.every(({ steps, frames }) => steps === 3 && frames === 12)).toBe(true);
    // Shares of the window's side and of joints; both are told of the same frames.
    expect(nL2).toBeGreaterThan(1);
    expect(nL2).toBeLessThan(60);
    expect(constantPose).toBeGreaterThan(1);
    expect(change).toBeCloseTo(seeds.reduce((sum, one) => sum + 100 * (one.nL2! / one.constantPose.nL2 - 1), 0) / seeds.length, 6); // biome-ignore format: one thought
    expect(pdj).toBeLessThanOrEqual(100);
  }
  const [both, alone] = rows;
  expect(both!.nL2).toBeCloseTo((both!.seeds[0]!.nL2! + both!.seeds[1]!.nL2!) / 2, 9);
  expect(both!.seeds[0]!.nL2).not.toBe(both!.seeds[1]!.nL2);
  const coarse = orderings.find(({ claim }) => claim === "coarse to fine beats one step")!;
  expect(coarse).toMatchObject({ better: both!.nL2, worse: alone!.nL2, holds: both!.nL2! < alone!.nL2! });
  expect(orderings.filter(({ claim }) => claim.startsWith("looking again")).map(({ claim, better, worse, holds }) => [claim, holds === better! < worse!])).toEqual(
    [10, 20, 30, 40].map((share) => [`looking again helps with ${share} % hidden`, true]),
  ); // biome-ignore format: a call and what comes of it
  expect(orderings.find(({ claim }) => claim === "PPL beats STT")!.holds).toBeNull();
  const table = experimentTable("templates", join(work, "results"))!;
  expect(table.split("\n")[2]).toMatch(/^\| hpe \| default \| 3 \| 2 \| \d+\.\d\d \| \d+\.\d\d \| [+-]?\d+\.\d % \|/);
  expect(table).toContain(`- coarse to fine beats one step: ${coarse.holds ? "yes" : "no"} (nL2 `);

  // A training that has ended is measured again without training, where its figures are wanting.
  const cell = [...after.keys()].find((name) => name.includes("stt-"))!;
  const trained = join(work, cell, "..", "template.safetensors");
  const { mtimeMs } = await stat(trained);
  await rm(join(work, cell));
  const again = await runTemplates(options, createContext(), { variants: [oneStep], footage });
  expect(again.result.body.rows[0]!.nL2).toBe(alone!.nL2);
  expect((await stat(trained)).mtimeMs).toBe(mtimeMs);

  // A system that cannot be made is told, and the result of the others stays.
  const broken = { system: "hpe", variant: "odd", options: ["size=33"] } as const;
  const failed = await runTemplates(options, createContext(), { variants: [hpe, broken], footage });
  expect(failed.result).toMatchObject({ done: 2, total: 3 });
  expect(failed.result.failed).toEqual([
    expect.stringMatching(/^hpe odd, seed 3: .*size must be 4 times a power of two/),
  ]);
});
