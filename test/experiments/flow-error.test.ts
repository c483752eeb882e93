import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runFlowError } from "../../experiments/flow-error.ts";
import { completeExperimentOptions } from "../../experiments/options.ts";
import { experimentTable } from "../../experiments/tables.ts";
import { writeFlo } from "../../flow/flo-file.ts";
import { createFlowField } from "../../flow/flow-field.ts";
import { createContext } from "../../pipelines/run/context.ts";
import { imageFrom } from "../../src/image/image.ts";
import { writePng } from "../../src/image/png.ts";
import { createRandom } from "../../src/random.ts";
import { temporaryFolder } from "../support/files.ts";

test("networks are measured on pairs of each kind, those at hand; what is not at hand is left out", async () => {
  const work = temporaryFolder();
  // Two times the same picture, and a truth that says (3, 4) px but for one pixel, which it does not know.
  const folder = join(work, "middlebury", "Grove2");
  await mkdir(folder, { recursive: true });
  const random = createRandom(1, "picture");
  const image = imageFrom(
    Uint8Array.from({ length: 64 * 72 * 3 }, () => random.integer(256)),
    64,
    72,
  );
  for (const name of ["frame10.png", "frame11.png"]) await writePng(join(folder, name), image);
  const truth = createFlowField(64, 72);
  truth.data.forEach((_, i) => {
    truth.data[i] = i < 2 ? 1e10 : 3 + (i % 2);
  });
  await writeFlo(join(folder, "flow10.flo"), truth);

  const options = completeExperimentOptions({ work, scale: 0.5, weights: join(work, "none") });
  const design = { pairs: 4, size: 64, seed: 3, updates: { motioncue: 4, "raft-small": 4 }, middlebury: join(work, "middlebury") }; // biome-ignore format: one thought
  const { result, path } = await runFlowError(options, createContext(), design);
  expect(path).toBe(join(work, "results", "flow-error.json"));
  expect(result).toMatchObject({ done: 1, total: 2, command: "npm run experiment -- flow-error" });
  const { rows } = result.body;
  expect(rows.map(({ pairs, count, raftSmall, ratio }) => [pairs, count, raftSmall, ratio])).toEqual([
    ["synthetic people", 2, null, null],
    ["synthetic shapes", 2, null, null],
    ["Grove2", 1, null, null],
  ]);
  const [people, shapes, same] = rows;
  expect(Number.isFinite(people!.motioncue)).toBe(true);
  expect(people!.zero).toBeGreaterThan(0);
  expect(shapes!.motioncue).toBeLessThan(shapes!.zero);
  expect(same!.zero).toBeCloseTo(5, 6);
  // Pictures that are alike do not move, so the network errs as much as no flow does.
  expect(same!.motioncue).toBeGreaterThan(4.5);
  expect(same!.motioncue).toBeLessThan(5.5);
  const table = experimentTable("flow-error", join(work, "results"))!.split("\n");
  expect(table[4]).toMatch(/^\| Grove2 \| 1 \| 5\.00 \| [45]\.\d\d \| {2}\| {2}\|$/);
  expect(table.at(-1)).toBe("Endpoint error, px: `npm run experiment -- flow-error`.");
});
