import { mkdtempSync, rmSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseOwnKeypoints } from "../../../pipelines/refine/keypoint-formats.ts";
import { writeSynthVideos } from "../../../pipelines/synth/videos.ts";
import { createWorld } from "../../../pipelines/synth/world.ts";
import { evaluateTemplates } from "../../../pipelines/templates/evaluate.ts";
import { inferTemplate } from "../../../pipelines/templates/infer.ts";
import { saveTemplate } from "../../../pipelines/templates/model-file.ts";
import { trackWindows } from "../../../pipelines/templates/windows.ts";
import { jointSets } from "../../../smpl/joint-sets.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { cropMap } from "../../../src/image/crop.ts";
import { templateEstimatorKind } from "../../../templates/estimators.ts";
import { loadTemplate as loadPartTemplate, templateJoints } from "../../../templates/part-template.ts";
import { failure } from "../../support/files.ts";
import { writeTinyVideo } from "../../support/tiny-run.ts";

let folder = "";
const at = (name: string) => join(folder, name);

/** Writes an estimator that sees nothing: every part stays where the template has it. */
async function writeStill(): Promise<void> {
  // As published, where the network's numbers are added to the identity.
  const options = { ...templateEstimatorKind("stt").presets.paper, size: 32, width: 2, template: "arms-out" };
  const estimator = templateEstimatorKind("stt").create(options);
  for (const key of ["pose.numbers.weight", "pose.numbers.bias"]) {
    const variable = estimator.parameters.get(key)!;
    tf.tidy(() => variable.assign(tf.zerosLike(variable)));
  }
  await saveTemplate(
    at("still.safetensors"),
    estimator,
    { system: "stt", options },
    { recipe: '{"boxScale": 1.5, "windowGrowth": 1.3}' },
  );
  estimator.dispose();
}

async function writePoints(): Promise<void> {
  const options = { size: 32, width: 2, points: 2, banks: 2, codes: 2, dim: 4, channels: 4, keypointPrior: "random" };
  const named = { ...options, linkPrior: "random" };
  const estimator = templateEstimatorKind("ppl").create(named, { seed: 4 });
  await saveTemplate(at("points.safetensors"), estimator, { system: "ppl", options: named });
  estimator.dispose();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "motioncue-template-"));
  await startEngine();
  await writeTinyVideo(folder, "walk");
  await writeStill();
  await writePoints();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("infer writes keypoints in pixels of the frame, with the person's sides, and an overlay", async () => {
  const job = { videos: [at("walk.mp4")], tracks: folder, template: at("still.safetensors"), out: at("found") };
  const { files, failed } = await inferTemplate({ ...job, overlay: true, batch: 5 });
  expect(failed).toEqual([]);
  expect(files).toMatchObject([{ people: 1, frames: 14, keypoints: at("found/walk.keypoints.json") }]);
  expect((await stat(files[0]!.overlay!)).size).toBeGreaterThan(1000);

  const content = JSON.parse(await readFile(files[0]!.keypoints, "utf8")) as Record<string, unknown>;
  const people = parseOwnKeypoints("found", content);
  expect([...people.keys()]).toEqual(Array.from({ length: 14 }, (_, t) => t));
  const boxes = new Map(
    Array.from({ length: 14 }, (_, t) => [t, { x0: 10 + 3 * t, y0: 12 + t, x1: 30 + 3 * t, y1: 44 + t }] as const),
  );
  // The windows are those that the file was trained with.
  const windows = trackWindows({ id: 4, boxes }, { boxScale: 1.5, windowGrowth: 1.3 });
  const { joints } = loadPartTemplate("arms-out");
  const places = templateJoints(loadPartTemplate("arms-out"), 32);
  const { a, bx, by } = cropMap(windows.get(9)!, 32);
  const [person] = people.get(9)!;
  expect(person!.track).toBe(4);
  const pointOf = (name: string) => jointSets["smpl-54"].names.indexOf(name);
  for (const [own, theirs] of [
    ["left-knee", "rightKnee"],
    ["right-wrist", "leftWrist"],
    ["chest", "neck"],
  ] as const) {
    const [x, y] = places[joints.findIndex(({ name }) => name === own)]!;
    const [px, py, confidence] = person!.points.slice(3 * pointOf(theirs), 3 * pointOf(theirs) + 3);
    // Mirrored, the template lies one pixel of 32 beside itself, so the mean of both half a pixel.
    expect(px).toBeCloseTo((x - 0.5 - bx) / a, 1);
    expect(py).toBeCloseTo((y - by) / a, 1);
    expect(confidence).toBeGreaterThan(0.4);
  }
  expect(await failure(inferTemplate({ videos: [at("walk.mp4")] }))).toMatch(/^OptionError: .*--template/);
});

describe("evaluate", () => {
  beforeAll(async () => {
    const world = createWorld(proceduralBody());
    for (const [name, seed] of [
      ["train", 3],
      ["test", 4],
    ] as const)
      await writeSynthVideos(world, { out: at(name), videos: 2, frames: 4, size: 48, seed, fps: 5, camera: "still" });
  });

  it("sets an estimator that sees nothing beside its prior and the best constant pose", async () => {
    const options = { template: [at("still.safetensors")], training: at("train"), cache: at("cache"), occlusion: true };
    const plain = { ...options, flipTest: "no" as const };
    const result = await evaluateTemplates(at("test"), { ...plain, out: at("figures.json") });
    const [row] = result.rows;
    expect(row).toMatchObject({ system: "stt", size: 32, frames: 8 });
    expect(row!.measures!.nL2).toBeCloseTo(row!.prior!.nL2, 4);
    expect(row!.measures!.nL2).toBeLessThanOrEqual(row!.measures!.nL2Plain);
    expect(row!.measures!.nL2).toBeGreaterThan(2);
    // Parts that never move have constant proportions, and do not determine a map.
    expect(row!.prior!.bplpC).toBeUndefined();
    expect(row!.regression).toBeUndefined();
    expect(row!.regressionProblem).toMatch(/expected frames that determine a map/);
    expect(row!.constants.map(({ kind, from }) => `${kind} ${from}`)).toEqual([
      "mean training",
      "sided mean training",
      "sided median training",
    ]);
    expect(row!.constantPose.nL2).toBe(Math.min(...row!.constants.map(({ nL2 }) => nL2)));
    expect(row!.constantPose.nL2).toBeLessThan(row!.measures!.nL2);
    expect(row!.occlusion!.map(({ hidden }) => hidden)).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
    for (const { error } of row!.occlusion!) expect(error).toBeCloseTo(row!.measures!.nL2, 4);
    expect(JSON.parse(await readFile(at("figures.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(result)));
    // The mirror image shifts this estimator's mean by half a pixel of 32.
    const { rows } = await evaluateTemplates(at("test"), { ...options, occlusion: false });
    const change = Math.abs(rows[0]!.measures!.nL2 - row!.measures!.nL2);
    expect(change).toBeGreaterThan(0.01);
    expect(change).toBeLessThan(100 * (0.5 / 32));
  });

  it("knows points without names by regression alone, and looks again where it can", async () => {
    const options = { template: [at("points.safetensors")], cache: at("cache"), iterations: 2 };
    const [plain] = (await evaluateTemplates(at("test"), options)).rows;
    expect(plain!.measures).toBeUndefined();
    expect(plain!.regression).toBeUndefined();
    expect(plain!.constantPose.from).toBe("evaluated");
    const more = { ...options, training: at("train"), occlusion: true };
    const [row] = (await evaluateTemplates(at("test"), more)).rows;
    expect(row!.regression).toBeGreaterThan(0);
    expect(row!.occlusion![0]!.error).toBe(row!.regression);
    expect(row!.occlusion!.every(({ iterations }) => iterations?.length === 2)).toBe(true);
  });
});
