import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createContext } from "../../../pipelines/run/context.ts";
import { writeSynthStills } from "../../../pipelines/synth/still-files.ts";
import { renderStill } from "../../../pipelines/synth/stills.ts";
import { createWorld } from "../../../pipelines/synth/world.ts";
import { learningRateAt, trainRegressor } from "../../../pipelines/train/regressor.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { loadRegressor } from "../../../smpl/regressor.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { silentLog } from "../../../src/log.ts";

let out = "";
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "motioncue-train-"));
});
afterAll(() => rm(out, { recursive: true, force: true }));

const small = {
  stills: 6,
  heldOut: 3,
  width: 4,
  hidden: 16,
  cropSize: 32,
  batch: 4,
  steps: 4,
  warmUp: 1,
  evaluateEvery: 2,
  checkpointEvery: 100,
};

test("a run that was interrupted and goes on ends with the weights of one that was not", async () => {
  const whole = await trainRegressor({ ...small, out: join(out, "whole") });
  expect(whole.after.paMpjpe).toBeGreaterThan(0);

  const abort = new AbortController();
  const log = { ...silentLog, info: (line: string) => line.startsWith("step 2:") && abort.abort() };
  const folder = join(out, "stopped");
  await expect(trainRegressor({ ...small, out: folder }, createContext(log, abort.signal))).rejects.toThrow(/abort/i);
  await expect(trainRegressor({ out: folder, resume: true, steps: 9 })).rejects.toThrow("begun with steps 4, got 9");
  const resumed = await trainRegressor({ out: folder, resume: true });

  expect(resumed.after).toEqual(whole.after);
  const [a, b] = [await readSafetensors(whole.regressor), await readSafetensors(resumed.regressor)];
  for (const [key, { data }] of a.tensors) expect(b.tensors.get(key)!.data).toEqual(data);
  const steps = (await readFile(join(folder, "metrics.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  expect(steps[3].heldOut).toEqual(whole.after);

  // Nothing is left to do: the same result again.
  expect((await trainRegressor({ out: folder, resume: true })).after).toEqual(whole.after);

  const regressor = await loadRegressor(resumed.regressor);
  expect(regressor.spec).toMatchObject({ backbone: "resnet18", width: 4, cropSize: 32, camera: "sX+t" });
  regressor.dispose();
});

test("a folder that holds a run is not begun anew, and a data set needs its pictures", async () => {
  await expect(trainRegressor({ ...small, out: join(out, "whole") })).rejects.toThrow(/holds a run/);
  await expect(trainRegressor({ ...small, out: join(out, "other"), labelled: "x.npz" })).rejects.toThrow("--images");
});

test("it trains on the first people of a labelled set, and measures on people of another split of the rich world", async () => {
  const world = createWorld(proceduralBody());
  const { dataset, images } = await writeSynthStills(world, { out: join(out, "stills"), count: 5, size: 64, seed: 9 });
  const labels = { labelled: dataset, images, labelledCount: 2 };
  const rich = { style: "world", split: "train" } as const;
  const folder = join(out, "first");
  await trainRegressor({ ...small, ...labels, ...rich, steps: 1, out: folder });
  const cache = join(folder, "cache");
  const [heldOut, training] = (await readdir(cache)).sort();
  expect(heldOut).toMatch(/^held-out-1-3-32-.*-world-validation\.npz$/);
  expect(training).toMatch(/^training-1-2-32-/);
  const set = await readNpz(join(cache, training!));
  expect(set.get("images")!.shape).toEqual([2, 42, 42, 3]);
  expect((set.get("pose")!.data as Float32Array).slice(72)).toEqual(renderStill(world, 9, 1, 64).pose);
  const seed = 1 + 900_000_000;
  const { pose } = renderStill(world, seed, 2, 32, { style: "world", split: "validation" });
  expect(((await readNpz(join(cache, heldOut!))).get("pose")!.data as Float32Array).slice(144)).toEqual(pose);

  await trainRegressor({ ...small, ...rich, steps: 1, out: join(out, "drawn") });
  const drawn = (await readdir(join(out, "drawn", "cache"))).sort()[1]!;
  expect(drawn).toMatch(/-world-train\.npz$/);
  const { pose: own } = renderStill(world, 1, 0, 32, rich);
  expect(((await readNpz(join(out, "drawn", "cache", drawn))).get("pose")!.data as Float32Array).slice(0, 72)).toEqual(
    own,
  );

  const tooMany = trainRegressor({ ...small, ...labels, labelledCount: 6, out: join(out, "many") });
  await expect(tooMany).rejects.toThrow("--labelled-count: expected at most the 5 people");
  await expect(trainRegressor({ ...small, labelledCount: 6, out: join(out, "none") })).rejects.toThrow("--labelled");
});

test("the learning rate rises, then falls as half a cosine to a hundredth", () => {
  const options = { learningRate: 0.1, warmUp: 10, steps: 110 };
  expect(learningRateAt(options, 5)).toBeCloseTo(0.05, 10);
  expect(learningRateAt(options, 10)).toBeCloseTo(0.1, 10);
  expect(learningRateAt(options, 60)).toBeCloseTo(0.1 * (0.01 + 0.99 / 2), 10);
  expect(learningRateAt(options, 110)).toBeCloseTo(0.001, 10);
});
