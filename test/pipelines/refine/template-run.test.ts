/** @file The keypoint cue from a template by the real command line: an untrained one is found out, and changes nothing. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { optionFlag } from "../../../pipelines/cli.ts";
import type { RefineOptions } from "../../../pipelines/refine/options.ts";
import { refine } from "../../../pipelines/refine/refine.ts";
import { readSteps } from "../../../pipelines/run/step-records.ts";
import { saveTemplate } from "../../../pipelines/templates/model-file.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { bytesOf } from "../../../src/io/host-tensor.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { createTemplateEstimator } from "../../../templates/estimators.ts";
import { expectRefusal, motioncue } from "../../support/motioncue.ts";
import { writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-template-run-"));
const at = (name: string) => join(folder, name);
let given: Partial<RefineOptions> = {};
let flags: string[] = [];

beforeAll(async () => {
  await startEngine();
  given = { ...(await writeTinyNetworks(folder)), cache: at("cache") };
  flags = Object.entries(given).flatMap(([name, value]) => [optionFlag(name), `${value}`]);
  await writeTinyVideo(folder, "walk", 11);
  const options = { size: 32, width: 2, template: "arms-down" };
  const estimator = createTemplateEstimator("stt", "default", options, { seed: 3 });
  await saveTemplate(at("template.safetensors"), estimator, { system: "stt", options });
  estimator.dispose();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const weights = async (run: string) => {
  const { tensors } = await readSafetensors(join(at(run), "regressor.safetensors"));
  return new Map([...tensors].map(([key, tensor]) => [key, Buffer.from(bytesOf(tensor.data)).toString("base64")]));
};

test("an untrained template is left out, said in the log, and the network ends as without the cue", async () => {
  const keypoints = ["flow=0.1", "keypoints=300"].flatMap((cue) => ["--cue", cue]);
  const keypointsFrom = `template:${at("template.safetensors")}`;
  const from = [...keypoints, "--keypoints-from", keypointsFrom];
  const run = await motioncue(["refine", at("walk.mp4"), ...flags, "--out", at("with"), ...from]);
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toMatch(/walk\.mp4 track 4: 11 frames left out: \w/);
  expect(run.stderr).toContain("template keypoints: 0 of 11 frames used; left out: 11 with their clips, 0 alone");
  const steps = await readSteps(join(at("with"), "metrics.jsonl"));
  expect(steps).toHaveLength(6);
  for (const { cues } of steps) expect(cues["keypoints"]).toMatchObject({ value: 0, numbers: { keypoints: 0 } });

  await refine({ ...given, videos: [at("walk.mp4")], out: at("without") });
  expect(await weights("with")).toEqual(await weights("without"));

  // A second run finds the estimates in the cache.
  const kept = () => readdirSync(at("cache")).filter((name) => name.endsWith(".keypoints.npz"));
  expect(kept()).toHaveLength(1);
  const cue = ["flow=0.1", "keypoints=300"];
  await refine({ ...given, videos: [at("walk.mp4")], out: at("again"), cue, keypointsFrom, steps: 1 });
  expect(kept()).toHaveLength(1);
});

test("a file that is no template is refused before any work is done", async () => {
  const start = ["refine", at("walk.mp4"), ...flags, "--out", at("never"), "--cue", "keypoints"];
  await expectRefusal([...start, "--keypoints-from", `template:${at("tiny.safetensors")}`], 1, /motioncue-template/);
  expect(existsSync(at("never"))).toBe(false);
});
