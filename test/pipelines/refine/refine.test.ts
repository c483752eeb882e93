import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RefineOptions } from "../../../pipelines/refine/options.ts";
import { refine } from "../../../pipelines/refine/refine.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { runFolder } from "../../../pipelines/run/folder.ts";
import { readSteps } from "../../../pipelines/run/step-records.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { type Log, silentLog } from "../../../src/log.ts";
import { failure } from "../../support/files.ts";
import { writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

let folder: string;
let given: Partial<RefineOptions>;
const out = (name: string) => join(folder, "runs", name);

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), "motioncue-refine-"));
  given = { ...(await writeTinyNetworks(folder)), cache: join(folder, "cache") };
  await writeTinyVideo(folder, "block");
});
afterAll(() => rm(folder, { recursive: true }));

async function weightsOf(path: string): Promise<Map<string, Uint8Array>> {
  const { tensors } = await readSafetensors(path);
  return new Map([...tensors].map(([key, { data }]) => [key, new Uint8Array(data.buffer.slice(0))]));
}

describe("refine", () => {
  test("goes through a folder, reports a broken video by name, and leaves a whole run folder", async () => {
    const videos = await mkdtemp(join(folder, "videos-"));
    await writeTinyVideo(videos, "fine", 11);
    await writeFile(join(videos, "broken.mp4"), "no video at all");
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (line) => warnings.push(line) };
    const tensors = tf.memory().numTensors;
    const result = await refine({ ...given, videos: [videos], tracks: videos, out: out("whole") }, createContext(log));
    expect(tf.memory().numTensors).toBe(tensors);

    expect(result.skipped.map(({ video, failed }) => [video, failed])).toEqual([[join(videos, "broken.mp4"), true]]);
    expect(warnings.join()).toContain("broken.mp4");
    // 10 pairs: the last fifth is held out, and the pair that shares a frame with it is left out.
    expect(result.pairs).toEqual({ training: 7, heldOut: 2 });
    expect(result.before.count).toBe(4);
    expect(result.after.pixels).toBeGreaterThan(0);
    expect(result.after.pixels).not.toBe(result.before.pixels);

    const run = runFolder(out("whole"));
    const steps = await readSteps(run.metrics);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Object.keys(steps[0]!.cues)).toEqual(["flow", "teacher"]);
    // Two pairs, both ways; a random flow network leaves some of them to the consistency check.
    expect(steps[0]!.cues["flow"]!.numbers["kept"]).toBeGreaterThan(0);
    expect(steps[0]!.cues["flow"]!.numbers["kept"]).toBeLessThanOrEqual(4);
    expect(steps[5]!.cues["teacher"]!.value).toBeGreaterThan(0);
    expect((await readdir(run.checkpoints)).sort()).toEqual(["step-00000004.safetensors", "step-00000006.safetensors"]);
    const options = JSON.parse(await readFile(run.options, "utf8")) as Record<string, unknown>;
    expect(options).toMatchObject({ videos: [videos], steps: 6, boxScale: 1.2, seed: 0 });
    const saved = JSON.parse(await readFile(run.result, "utf8")) as { after: { pixels: number } };
    expect(saved.after.pixels).toBe(result.after.pixels);
    const report = await readFile(run.report, "utf8");
    expect(report).toContain("data:image/png;base64,");
    expect(report).not.toMatch(/(src|href)="(?!data:)/);
  });

  test("interrupted and resumed, it ends with the same bits as uninterrupted, and computes no flow twice", async () => {
    const job = { ...given, videos: [join(folder, "block.mp4")] };
    await refine({ ...job, out: out("straight") });
    const cached = await readdir(join(folder, "cache"));
    const indexTime = async () => (await stat(join(folder, "cache", cached[0]!, "index.json"))).mtimeMs;
    const before = await indexTime();

    // Stopped after step 3 by the signal (a checkpoint is made), then as if killed: the last checkpoint is step 2.
    const stop = new AbortController();
    const context = createContext(silentLog, stop.signal);
    const progress: typeof context.progress = () => ({ update: (done) => done === 3 && stop.abort(), finish() {} });
    const stopped = refine({ ...job, out: out("resumed") }, { ...context, progress });
    expect(await failure(stopped)).toContain("Abort");
    await rm(join(out("resumed"), "checkpoints", "step-00000003.safetensors"));
    expect(await readSteps(runFolder(out("resumed")).metrics)).toHaveLength(3);

    await refine({ videos: [], out: out("resumed"), cache: given.cache!, resume: true });
    expect((await readSteps(runFolder(out("resumed")).metrics)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    const straight = await weightsOf(join(out("straight"), "regressor.safetensors"));
    const resumed = await weightsOf(join(out("resumed"), "regressor.safetensors"));
    expect([...resumed.keys()]).toEqual([...straight.keys()]);
    for (const [key, bits] of straight) expect(Buffer.compare(bits, resumed.get(key)!), key).toBe(0);
    expect(await indexTime()).toBe(before);
    expect(await readdir(join(folder, "cache"))).toEqual(cached);
  });

  test("blend is how far from the first weights to the last the result lies, of a finished run too", async () => {
    const job = { ...given, videos: [join(folder, "block.mp4")], out: out("blended") };
    await refine({ ...job, blend: 1 });
    const file = join(out("blended"), "regressor.safetensors");
    const [first, last] = [await weightsOf(given.regressor!), await weightsOf(file)];
    const steps = await readFile(runFolder(out("blended")).metrics, "utf8");
    await refine({ videos: [], out: out("blended"), cache: given.cache!, resume: true, blend: 0.25 });
    expect(await readFile(runFolder(out("blended")).metrics, "utf8")).toBe(steps);
    const floats = (bytes: Uint8Array) => new Float32Array(bytes.buffer);
    let moved = 0;
    for (const [key, bytes] of await weightsOf(file)) {
      const [from, to] = [floats(first.get(key)!), floats(last.get(key)!)];
      floats(bytes).forEach((value, i) => {
        expect(Math.abs(value - (0.75 * from[i]! + 0.25 * to[i]!))).toBeLessThan(1e-6 * Math.max(1, Math.abs(value)));
        moved = Math.max(moved, Math.abs(to[i]! - from[i]!));
      });
    }
    expect(moved).toBeGreaterThan(1e-4);
  });

  test("with all cues, runs of frames, farther neighbours and a moving teacher, a resumed run has the same bits too", async () => {
    const keypoints = await mkdtemp(join(folder, "keypoints-"));
    const frames = Array.from({ length: 14 }, (_, t) => ({
      index: t,
      points: [[20 + 3 * t, 15 + t, 0.9], [20 + 3 * t, 42 + t, 0.5]], // biome-ignore format: one frame
    }));
    const file = { format: "motioncue-keypoints", joints: ["head", "leftAnkle"], tracks: [{ id: 4, frames }] };
    await writeFile(join(keypoints, "block.keypoints.json"), JSON.stringify(file));
    const job = {
      ...given,
      videos: [join(folder, "block.mp4")],
      cue: ["flow=0.1", "texture=1", "keypoints=3", "acceleration=2"],
      cueOption: ["flow.erode=2", "texture.robust=charbonnier"],
      keypoints,
      neighbours: 2,
      sequence: 4,
      batch: 6,
      teacherDecay: 0.9,
      context: 1,
    };
    await refine({ ...job, out: out("all") });
    const [first] = await readSteps(runFolder(out("all")).metrics);
    expect(Object.keys(first!.cues)).toEqual(["flow", "texture", "keypoints", "acceleration", "teacher"]);
    // Two runs of four frames: 8 frames with 2 points each, unless the runs share some; triples alike.
    const { keypoints: known, triples } = {
      ...first!.cues["keypoints"]!.numbers,
      ...first!.cues["acceleration"]!.numbers,
    };
    expect(known).toBeGreaterThanOrEqual(10);
    expect(known).toBeLessThanOrEqual(16);
    expect(triples).toBeGreaterThanOrEqual(3);
    expect(first!.cues["texture"]!.value).toBeGreaterThan(0);

    const stop = new AbortController();
    const context = createContext(silentLog, stop.signal);
    const progress: typeof context.progress = () => ({ update: (done) => done === 3 && stop.abort(), finish() {} });
    expect(await failure(refine({ ...job, out: out("all-resumed") }, { ...context, progress }))).toContain("Abort");
    await refine({ videos: [], out: out("all-resumed"), cache: given.cache!, resume: true });
    for (const name of ["checkpoints/step-00000006.safetensors", "regressor.safetensors"]) {
      const straight = await weightsOf(join(out("all"), name));
      const resumed = await weightsOf(join(out("all-resumed"), name));
      expect([...resumed.keys()]).toEqual([...straight.keys()]);
      for (const [key, bits] of straight) expect(Buffer.compare(bits, resumed.get(key)!), key).toBe(0);
      expect([...straight.keys()].some((key) => key.endsWith("film.gamma.weight"))).toBe(true);
      expect([...straight.keys()].some((key) => key.startsWith("teacher."))).toBe(name.startsWith("check"));
    }
  });

  test("refuses to resume with other options or files, and to overwrite a run", async () => {
    const videos = [join(folder, "block.mp4")];
    await refine({ ...given, videos, out: out("kept"), steps: 1 });
    const resume = (other: Partial<RefineOptions>) =>
      failure(refine({ videos: [], out: out("kept"), resume: true, ...other }));
    expect(await resume({ learningRate: 0.5 })).toMatch(/^OptionError: --resume: option learningRate is 0.5, .* 0.001/);
    expect(await resume({ steps: 2 })).toContain("option steps is 2");
    expect(await failure(refine({ ...given, videos, out: out("kept") }))).toMatch(/OptionError: --out: .*--resume/);
    await refine({ ...given, videos, out: out("kept"), overwrite: true, steps: 2, seed: 3 });
    expect(await readSteps(runFolder(out("kept")).metrics)).toHaveLength(2);
  });

  test("impossible options are refused before anything is written", async () => {
    const videos = [join(folder, "block.mp4")];
    const fail = (other: Partial<RefineOptions>) => failure(refine({ ...given, videos, out: out("never"), ...other }));
    expect(await fail({ anchor: "labelled" })).toContain("--labelled FILE");
    expect(await fail({ steps: 1.5 })).toContain("option steps must be an integer");
    expect(await fail({ cue: ["flow=-1"] })).toContain("weight >= 0");
    expect(await fail({ cue: ["flaw"] })).toContain('did you mean "flow"');
    expect(await fail({ tracks: join(folder, "absent") })).toMatch(/^OptionError: --tracks/);
    expect(await fail({ regressor: join(folder, "flow.safetensors") })).toMatch(/^FormatError/);
    expect(await fail({ flow: "raft-small", flowWeights: undefined as never })).toBeDefined();
    expect(await failure(refine({ ...given, videos: [join(folder, "absent.mp4")], out: out("never") }))).toMatch(
      /^OptionError/,
    );
    const broken = join(folder, "broken.mp4");
    await writeFile(broken, "no video at all");
    expect(await failure(refine({ ...given, videos: [broken], out: out("never") }))).toMatch(
      /^MotionCueError: refine: none/,
    );
    expect(await stat(out("never")).catch(() => "absent")).toBe("absent");
  });
});
