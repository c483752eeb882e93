import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { infer } from "../../../pipelines/infer/infer.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { writePng } from "../../../src/image/png.ts";
import { readBvh } from "../../../src/io/bvh.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { probeVideo } from "../../../src/video/video.ts";
import { failure } from "../../support/files.ts";
import { loadGlb } from "../../support/gltf.ts";
import { tinyFrame, writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

let folder: string;
let regressor: string;
beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), "motioncue-infer-"));
  await writeTinyNetworks(folder);
  regressor = join(folder, "tiny.safetensors");
});
afterAll(() => rm(folder, { recursive: true }));

test("a folder of a video, a picture and a broken file: all is done but the broken one", async () => {
  const inputs = join(folder, "in");
  const out = join(folder, "out");
  await writeTinyVideo(await mkdir(inputs), "block", 10);
  await writePng(join(inputs, "sub.png"), tinyFrame(3));
  await writeFile(join(inputs, "broken.mkv"), "nothing");
  const before = tf.memory().numTensors;
  const job = { inputs: [inputs], regressor, out, tracks: inputs, format: ["npz", "json"], overlay: true, batch: 4 };
  const { files, failed } = await infer(job, createContext());
  expect(tf.memory().numTensors).toBe(before);
  expect(failed.map(({ input }) => input)).toEqual([join(inputs, "broken.mkv")]);
  expect(files.map(({ people, predictions }) => [people, predictions])).toEqual([[1, 10], [1, 1]]); // biome-ignore format: pairs
  expect((await readdir(out)).sort()).toEqual(["block", "sub.json", "sub.npz", "sub.overlay.png"]);
  expect((await readdir(join(out, "block"))).sort()).toEqual(["overlay.mp4", "track-4.json", "track-4.npz"]);

  const arrays = await readNpz(join(out, "block", "track-4.npz"));
  const shape = (key: string) => arrays.get(key)!.shape;
  expect(shape("poses")).toEqual([10, 72]);
  expect(shape("betas")).toEqual([10]);
  expect(shape("trans")).toEqual([10, 3]);
  expect([...(arrays.get("frame_index")!.data as Int32Array)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(arrays.get("mocap_framerate")!.data[0]).toBe(25);
  // Frame 2: box [16, 14, 36, 46], scaled by 1.2 about (26, 30).
  expect([...(arrays.get("crop")!.data.slice(6, 9) as Float32Array)].map((v) => Math.round(v * 1000) / 1000)).toEqual([
    26, 30, 38.4,
  ]);

  const json = JSON.parse(await readFile(join(out, "block", "track-4.json"), "utf8")) as {
    frames: Record<string, number[]>[];
  };
  expect(json.frames).toHaveLength(10);
  const poses = arrays.get("poses")!.data as Float32Array;
  json.frames[7]!["poses"]!.forEach((value, i) => {
    expect(value).toBeCloseTo(poses[7 * 72 + i]!, 5);
  });
  const overlay = await probeVideo(join(out, "block", "overlay.mp4"));
  expect([overlay.width, overlay.height, overlay.fps]).toEqual([80, 60, 25]);
});

test("what is written is one body: joints through the camera are joints2d, and a pinhole at trans sees them there", async () => {
  const path = join(folder, "photo.png");
  await writePng(path, tinyFrame(0));
  await infer({ inputs: [path], regressor, out: join(folder, "photo") });
  const arrays = await readNpz(join(folder, "photo", "photo.npz"));
  const numbers = (key: string) => arrays.get(key)!.data as Float32Array;
  const [camera, crop, trans, joints, joints2d] = ["camera", "crop", "trans", "joints", "joints2d"].map(numbers);
  // The whole 80 x 60 picture: a square of 80 px about its middle.
  expect([...crop!]).toEqual([39.5, 29.5, 80]);
  const focal = 100;
  const pelvisDepth = joints![2]! + trans![2]!;
  for (let axis = 0; axis < 2; axis++) {
    const inCrop = camera![0]! * joints![axis]! + camera![1 + axis]!;
    expect(joints2d![axis]!).toBeCloseTo(crop![axis]! + (inCrop * 80) / 2, 3);
    // The pinhole is exact in the plane Z = 0 of the body.
    const flat = (focal * (joints![axis]! + trans![axis]!)) / (pelvisDepth - joints![2]!);
    expect(flat + [39.5, 29.5][axis]!).toBeCloseTo(joints2d![axis]!, 3);
  }
  expect(numbers("focal")[0]).toBe(focal);
  const upright = axisAngleToMatrixHost(numbers("poses"), 1);
  expect(upright).toHaveLength(9);
});

test("every format for every person of a video, and all people in one scene", async () => {
  const inputs = join(folder, "pair");
  const path = await writeTinyVideo(await mkdir(inputs), "pair", 5);
  const track = (id: number, indices: readonly number[]) => ({
    id,
    frames: indices.map((index) => ({ index, box: [10 + id, 5, 40 + id, 55] })),
  });
  const tracks = [track(1, [0, 1, 2, 3, 4]), track(2, [1, 4]), track(5, [])];
  await writeFile(join(inputs, "pair.tracks.json"), JSON.stringify({ tracks }));
  const format = ["npz", "json", "glb", "bvh", "obj"];
  const { files, failed } = await infer({
    inputs: [path],
    regressor,
    out: join(folder, "pair-out"),
    tracks: inputs,
    format,
  });
  expect(failed).toEqual([]);
  const at = join(folder, "pair-out", "pair");
  const names = [1, 2].flatMap((id) => [
    `track-${id}-obj`,
    ...["npz", "json", "glb", "bvh"].map((name) => `track-${id}.${name}`),
  ]);
  expect((await readdir(at)).sort()).toEqual([...names, "people.glb"].sort());
  expect(files[0]!.written.map((written) => written.slice(at.length + 1)).sort()).toEqual(
    [...names, "people.glb"].sort(),
  );
  expect((await readdir(join(at, "track-2-obj"))).sort()).toEqual(["000001.obj", "000004.obj"]);
  expect((await readBvh(join(at, "track-2.bvh"))).frameCount).toBe(4);
  expect((await loadGlb(await readFile(join(at, "people.glb")))).animations).toHaveLength(1);
});

test("what cannot be asked for is refused", async () => {
  const job = { inputs: [folder], regressor };
  expect(await failure(infer({ ...job, format: ["fbx"] }))).toMatch(/^OptionError: --format: unknown format "fbx"/);
  expect(await failure(infer({ ...job, inputs: [join(folder, "absent.png")] }))).toMatch(/^OptionError/);
  expect(await failure(infer({ ...job, tracks: "nowhere" }))).toMatch(/^OptionError: --tracks/);
  expect(await failure(infer({ ...job, format: [] }))).toContain("nothing to write");
});

async function mkdir(path: string): Promise<string> {
  await (await import("node:fs/promises")).mkdir(path, { recursive: true });
  return path;
}
