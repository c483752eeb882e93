import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liftFile } from "../../../pipelines/lifting/infer.ts";
import { measureLifter } from "../../../pipelines/lifting/measure.ts";
import { completeLiftOptions, type LiftTrainTable } from "../../../pipelines/lifting/options.ts";
import { LIFTED_JOINTS } from "../../../pipelines/lifting/poses.ts";
import { trainLifter } from "../../../pipelines/lifting/train.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { keypointName } from "../../../pipelines/templates/keypoint-names.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { bytesOf } from "../../../src/io/host-tensor.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { silentLog } from "../../../src/log.ts";
import { failure } from "../../support/files.ts";
import { motioncue } from "../../support/motioncue.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-lift-"));
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  await startEngine();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Few people and a tiny network. */
const SMALL: Partial<LiftTrainTable> = {
  people: 24,
  heldOut: 6,
  frames: 3,
  width: 16,
  blocks: 1,
  criticWidth: 8,
  batch: 16,
};
const weights = async (path: string) => {
  const { tensors } = await readSafetensors(path);
  return new Map([...tensors].map(([key, { data }]) => [key, Buffer.from(bytesOf(data)).toString("base64")]));
};
const records = (run: string) =>
  readFileSync(join(at(run), "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: one line

describe("training", () => {
  test("with labels lowers the error on poses held out, below the baselines", async () => {
    const result = await trainLifter({
      ...SMALL,
      people: 60,
      width: 32,
      steps: 120,
      learningRate: 0.01,
      out: at("toy"),
    });
    expect(result.after.mpjpe).toBeLessThan(0.6 * result.before.mpjpe);
    expect(result.after.mpjpe).toBeLessThan(result.constantPose.mpjpe);
    expect(result.poses).toEqual({ training: 180, heldOut: 18 });
    const steps = records("toy");
    expect(steps).toHaveLength(120);
    expect(steps.at(-1).heldOut).toEqual(result.after);
    expect(JSON.parse(readFileSync(join(at("toy"), "result.json"), "utf8")).after).toEqual(result.after);
    // The file measures as the run did: the same people, by the seed.
    const again = await measureLifter(result.lifter, { heldOut: 6, frames: 3 });
    expect(again.poses).toBe(18);
    expect(again.mpjpe).toBeCloseTo(result.after.mpjpe, 3);
    expect(again.flatPose.mpjpe).toBeCloseTo(result.flatPose.mpjpe, 6);
  });

  test("without labels lowers the cycle's losses, and looks at no skeleton", async () => {
    const job: Partial<LiftTrainTable> = { ...SMALL, labels: "none", steps: 30, learningRate: 2e-3, dropout: 0, criticWeight: 0, motionWeight: 0 }; // biome-ignore format: one line
    await trainLifter({ ...job, out: at("cycle") });
    const steps = records("cycle");
    const mean = (term: string, from: number, to: number) =>
      steps.slice(from, to).reduce((sum, { terms }) => sum + terms[term], 0) / (to - from);
    expect(Object.keys(steps[0].terms)).toEqual(["space", "plane", "pose", "poseCritic"]);
    expect(mean("plane", 25, 30)).toBeLessThan(0.7 * mean("plane", 0, 5));
    const { metadata } = await readSafetensors(join(at("cycle"), "lifter.safetensors"));
    expect(JSON.parse(metadata["spec"]!)).toMatchObject({ output: "depths", sides: "person" });
  });

  test.each([
    ["3d", "picture"],
    ["none", "picture"],
    ["none", "person"],
  ] as const)("stopped and resumed ends as if never stopped, labels %s, sides of the %s", async (labels, sides) => {
    const job = { ...SMALL, labels, sides, steps: 7, dropout: 0.2, noise: 0.1, checkpointEvery: 2, evaluateEvery: 3 };
    await trainLifter({ ...job, out: at(`straight-${labels}-${sides}`) });
    const stop = new AbortController();
    const context = createContext(silentLog, stop.signal);
    const progress: typeof context.progress = (name) => ({
      update: (done) => name === "lift train" && done === 3 && stop.abort(),
      finish() {},
    });
    const out = at(`resumed-${labels}-${sides}`);
    expect(await failure(trainLifter({ ...job, out }, { ...context, progress }))).toContain("Abort");
    // As if killed after the checkpoint of step 2.
    rmSync(join(out, "checkpoints", "step-00000003.safetensors"));
    expect(await failure(trainLifter({ out, resume: true, width: 9 }))).toContain("begun with width 16, got 9");
    const resumed = await trainLifter({ out, resume: true });
    expect(records(`resumed-${labels}-${sides}`).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const name = "checkpoints/step-00000007.safetensors";
    expect(await weights(join(out, name))).toEqual(await weights(join(at(`straight-${labels}-${sides}`), name)));
    expect(await weights(resumed.lifter)).toEqual(
      await weights(join(at(`straight-${labels}-${sides}`), "lifter.safetensors")),
    );
    const groups = new Set([...(await weights(join(out, name))).keys()].map((key) => key.split(".")[1]!.split("/")[0]));
    expect([...groups].sort()).toEqual(labels === "3d" ? ["lifter"] : ["lifter", "motion", "pose"]);
  });

  test("refuses what does not go together", async () => {
    const refused = (given: Partial<LiftTrainTable>) => failure(completeLiftOptions(given));
    expect(await refused({ labels: "none", output: "points" })).toContain("give --output depths");
    expect(await refused({ out: at("nothing"), resume: true })).toContain("holds no run");
    expect(await refused({ resume: true, overwrite: true, out: at("toy") })).toContain("give one of them");
    expect(await completeLiftOptions({ labels: "none" })).toMatchObject({
      output: "depths",
      dropout: 0,
      sides: "person",
    });
    expect(await completeLiftOptions({ dropout: 0.5 })).toMatchObject({ output: "points", dropout: 0.5 });
  });
});

describe("keypoint files", () => {
  /** A person who stands upright, 200 px high, the left arm (in the picture) stretched out. */
  const POINTS: Readonly<Record<string, readonly [number, number]>> = {
    ...{ pelvis: [100, 100], chest: [100, 50], neck: [100, 40] },
    ...{ "left-hip": [92, 102], "left-knee": [91, 150], "left-ankle": [90, 195] },
    ...{ "right-hip": [108, 102], "right-knee": [109, 150], "right-ankle": [110, 195] },
    ...{ "left-shoulder": [85, 52], "left-elbow": [55, 52], "left-wrist": [30, 53] },
    ...{ "right-shoulder": [115, 52], "right-elbow": [120, 80], "right-wrist": [121, 105] },
  };
  const names = Object.keys(POINTS).reverse();
  const file = (path: string, change: (points: (number[] | null)[]) => void = () => {}, joints = names) => {
    const points = () => names.map((name): number[] | null => [...POINTS[name]!, 0.8]);
    const second = points();
    change(second);
    const frames = [{ index: 3, points: points() }, { index: 4, points: second }]; // biome-ignore format: two
    const content = {
      format: "motioncue-keypoints",
      joints: joints.map((name) => keypointName(name, "camera")),
      tracks: [{ id: 7, frames }],
    };
    writeFileSync(path, JSON.stringify(content));
    return path;
  };

  test("are lifted frame by frame by the real command line: what it looks like, in metres, stays what it was", async () => {
    const model = join(at("toy"), "lifter.safetensors");
    expect(existsSync(model)).toBe(true);
    // The second frame lacks a wrist.
    const path = file(at("walk.keypoints.json"), (points) => {
      points[names.indexOf("left-wrist")] = null;
    });
    const run = await motioncue(["lift", "infer", path, model]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain("1 person, 1 frames lifted, 1 left out");
    expect(run.stderr).toContain("1 frames lack a sure keypoint");
    const { format, joints, tracks } = JSON.parse(readFileSync(at("walk.skeletons.json"), "utf8"));
    expect([format, joints, tracks.length, tracks[0].id]).toEqual(["motioncue-skeletons", [...LIFTED_JOINTS], 1, 7]);
    expect(tracks[0].frames.map(({ index }: { index: number }) => index)).toEqual([3]);
    const skeleton = tracks[0].frames[0].joints as number[][];
    expect(skeleton[0]).toEqual([0, 0, 0]);
    const place = (name: string) => skeleton[joints.indexOf(name)]!;
    // Upright: the chest is above, the ankles below, the stretched arm to the left.
    expect(place("chest")[1]).toBeLessThan(-0.1);
    expect(place("left-ankle")[1]).toBeGreaterThan(0.3);
    expect(place("left-wrist")[0]).toBeLessThan(-0.1);
  });

  test("that are something else are refused by what is wrong", async () => {
    const model = join(at("toy"), "lifter.safetensors");
    const refused = (path: string) => failure(liftFile(path, model, { out: at("x.json") }));
    writeFileSync(at("other.json"), '{"format": "other"}');
    expect(await refused(at("other.json"))).toContain('the format "motioncue-keypoints", got "other"');
    writeFileSync(at("text.json"), "text");
    expect(await refused(at("text.json"))).toContain('got "no JSON"');
    expect(await refused(at("absent.json"))).toContain("got nothing");
    const without = names.map((name) => (name === "left-knee" ? "tail" : name));
    expect(await refused(file(at("tail.json"), undefined, without))).toContain("no right-knee");
    const broken = file(at("broken.json"), (points) => {
      points[2] = [1, 2];
    });
    expect(await refused(broken)).toContain("tracks[0].frames[1].points[2] to be x, y, confidence");
  });
});
