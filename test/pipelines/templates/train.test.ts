import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Context } from "../../../pipelines/run/context.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { readSteps } from "../../../pipelines/run/step-records.ts";
import { loadTemplate } from "../../../pipelines/templates/model-file.ts";
import { trainTemplate } from "../../../pipelines/templates/train.ts";
import { readPng } from "../../../src/image/png.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { writeTinyVideo } from "../../support/tiny-run.ts";

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "motioncue-template-"));
  await writeTinyVideo(folder, "walk");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const small = () => ({
  videos: [join(folder, "walk.mp4")],
  tracks: folder,
  cache: join(folder, "cache"),
  size: 32,
  batch: 2,
  steps: 4,
  checkpointEvery: 100,
  picturesEvery: 2,
});

/** A context that is aborted when training has taken `last` steps. */
function stoppedAfter(last: number): Context {
  const abort = new AbortController();
  const context = createContext(undefined, abort.signal);
  const update = (name: string) => (done: number) => {
    if (name === "template train" && done === last) abort.abort(new Error("interrupted"));
  };
  return { ...context, progress: (name) => ({ ...context.progress(name), update: update(name) }) };
}

describe("template train", () => {
  it.each([
    ["stt", ["width=2", "perceptualWeight=1"]],
    [
      "ppl",
      [
        "width=2",
        "points=3",
        "keypointPrior=memory",
        "linkPrior=random",
        "banks=2",
        "codes=2",
        "dim=4",
        "channels=4",
        "perceptualWeight=0",
        "pixelWeight=1",
        "silhouetteWeight=0",
      ],
    ],
  ])("of %s ends after a break with the weights of a run that had none", async (system, systemOption) => {
    const job = { ...small(), system, systemOption };
    const [whole, broken] = ["whole", "broken"].map((name) => join(folder, `${system}-${name}`)) as [string, string];
    const result = await trainTemplate({ ...job, out: whole });
    await expect(trainTemplate({ ...job, out: broken }, stoppedAfter(3))).rejects.toThrow("interrupted");
    expect(existsSync(join(broken, "template.safetensors"))).toBe(false);
    await expect(trainTemplate({ videos: [], out: broken, resume: true, steps: 9 })).rejects.toThrow(
      /begun with steps 4, got 9/,
    );
    const resumed = await trainTemplate({ videos: [], out: broken, resume: true });

    const [a, b] = [await readSafetensors(result.template), await readSafetensors(resumed.template)];
    expect(a.tensors).toEqual(b.tensors);
    expect(JSON.parse(a.metadata["recipe"]!)).toMatchObject({ system, steps: 4, boxScale: 1.3, windowGrowth: 1.5 });
    const steps = await readSteps(join(broken, "metrics.jsonl"));
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    const losses = (await readSteps(join(whole, "metrics.jsonl"))).map(({ loss }) => loss);
    expect(steps.map(({ loss }) => loss)).toEqual(losses);
    expect(steps[0]!.cues["boundary"]!.value).toBeGreaterThanOrEqual(0);
    const loaded = await loadTemplate(result.template);
    expect(loaded.system).toBe(system);
    loaded.estimator.dispose();

    expect(result).toMatchObject({ system, steps: 4, videos: [{ references: "frame" }], skipped: [] });
    expect(result.features === undefined).toBe(system === "ppl");
    const picture = await readPng(join(whole, "pictures", "step-00000004.png"));
    // The prior above four pairs: picture, background, reference, shapes, what is made of them, keypoints.
    expect(picture.shape).toEqual([5 * 96 + 4 * 2, 6 * 96 + 5 * 2, 3]);
    const report = await readFile(result.report, "utf8");
    expect(report.match(/<img /g)).toHaveLength(2);
    expect(report).toContain("another frame of the same window");
  });

  it("names what is not finite, and leaves the last weights alone", async () => {
    const out = join(folder, "wild");
    const job = { ...small(), system: "stt", systemOption: ["width=2", "perceptualWeight=0", "pixelWeight=1"], out };
    await expect(trainTemplate({ ...job, learningRate: 1e38, schedule: "constant" })).rejects.toThrow(
      /template train: .* in step \d \(.*walk\.mp4 track 4 frame \d+ with frame \d+, or 1 other pairs/,
    );
  });

  it("says what to do where no background is known and nothing else is learnt from", async () => {
    await writeTinyVideo(folder, "short", 4);
    const job = { ...small(), videos: [join(folder, "short.mp4")], system: "stt", out: join(folder, "short") };
    await expect(trainTemplate(job)).rejects.toThrow(/still camera.*perceptualWeight=1/);
    expect(existsSync(join(folder, "short"))).toBe(false);
    const reconstructing = ["width=2", "perceptualWeight=0", "pixelWeight=1"];
    expect((await trainTemplate({ ...job, systemOption: reconstructing })).steps).toBe(4);
  });

  it("refuses what cannot be", async () => {
    const out = join(folder, "stt-whole");
    await expect(trainTemplate({ ...small(), out })).rejects.toThrow(/holds a run/);
    await expect(trainTemplate({ videos: [], out: join(folder, "none") })).rejects.toThrow(/expected videos/);
    await expect(trainTemplate({ videos: [], out: join(folder, "none"), resume: true })).rejects.toThrow(
      /no run to go on/,
    );
  });
});
