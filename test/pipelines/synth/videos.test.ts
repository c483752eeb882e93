import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTracks } from "../../../pipelines/clips/tracks.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { drawWideView, writeSynthVideos } from "../../../pipelines/synth/videos.ts";
import { boxIn, createScene, createWorld, poseScene } from "../../../pipelines/synth/world.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { toFloat32 } from "../../../src/io/host-tensor.ts";
import { numbersOf, readNpz } from "../../../src/io/npz.ts";
import { silentLog } from "../../../src/log.ts";
import { decodeVideo } from "../../../src/video/video.ts";

let out = "";
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "motioncue-synth-"));
});
afterAll(() => rm(out, { recursive: true, force: true }));

const world = createWorld(proceduralBody());
const options = { videos: 2, frames: 5, size: 64, seed: 3 };

test("videos with truth and tracks; a second call keeps what is whole", async () => {
  const written = await writeSynthVideos(world, { ...options, out });
  expect(written.map(({ video }) => video)).toEqual([join(out, "synth-000.mp4"), join(out, "synth-001.mp4")]);
  const sizes: number[][] = [];
  for await (const frame of decodeVideo(written[1]!.video)) sizes.push([...frame.image.shape]);
  expect(sizes).toEqual(Array.from({ length: 5 }, () => [64, 86, 3]));

  const truth = await readNpz(written[1]!.truth);
  const shapes = {
    poses: [5, 72],
    betas: [10],
    trans: [5, 3],
    joints: [5, 24, 3],
    joints2d: [5, 24, 2],
    boxes: [5, 4],
  };
  for (const [key, shape] of Object.entries(shapes)) expect(truth.get(key)?.shape).toEqual(shape);
  const numbers = (key: string) => toFloat32(numbersOf(truth, key, "truth"));
  const [focal, cx, cy] = numbers("intrinsics") as unknown as [number, number, number];
  const [joints, pixels] = [numbers("joints"), numbers("joints2d")];
  for (let j = 0; j < 5 * 24; j++) {
    expect((focal * joints[3 * j]!) / joints[3 * j + 2]! + cx).toBeCloseTo(pixels[2 * j]!, 2);
    expect((focal * joints[3 * j + 1]!) / joints[3 * j + 2]! + cy).toBeCloseTo(pixels[2 * j + 1]!, 2);
  }
  const [track] = await readTracks(written[1]!.tracks);
  expect(track!.boxes.size).toBe(5);
  expect(track!.boxes.get(2)!.x0).toBeCloseTo(numbers("boxes")[8]!, 1);

  const before = (await stat(written[0]!.video)).mtimeMs;
  await rm(written[1]!.truth);
  const bytes = await readFile(written[1]!.video);
  await writeSynthVideos(world, { ...options, out });
  expect((await stat(written[0]!.video)).mtimeMs).toBe(before);
  expect((await readNpz(written[1]!.truth)).get("poses")).toEqual(truth.get("poses"));
  expect((await readFile(written[1]!.video)).equals(bytes)).toBe(true);
});

test("an interrupted job leaves no half video behind", async () => {
  const abort = new AbortController();
  abort.abort();
  const folder = join(out, "aborted");
  await expect(
    writeSynthVideos(world, { ...options, out: folder }, createContext(silentLog, abort.signal)),
  ).rejects.toThrow(/abort/i);
  await expect(stat(join(folder, "synth-000.mp4"))).rejects.toThrow();
});

test("a job that was stopped in the middle goes on: the same files as one that was not", async () => {
  const rich = { ...options, videos: 3, style: "world" as const, split: "test" as const, flow: true };
  const [whole, broken] = [join(out, "whole"), join(out, "broken")];
  const files = await writeSynthVideos(world, { ...rich, out: whole });
  const abort = new AbortController();
  const base = createContext(silentLog, abort.signal);
  const stopping = {
    ...base,
    progress: () => ({ update: (done: number) => done > 7 && abort.abort(), finish: () => {} }),
  };
  await expect(writeSynthVideos(world, { ...rich, out: broken }, stopping)).rejects.toThrow(/abort/i);
  // One video is whole, nothing of the second one is left.
  expect((await readdir(broken)).filter((name) => name.startsWith("synth-")).sort()).toEqual([
    "synth-000.flow.npz",
    "synth-000.mp4",
    "synth-000.npz",
    "synth-000.tracks.json",
  ]);
  const first = (await stat(join(broken, "synth-000.mp4"))).mtimeMs;
  // What a process leaves that was killed outright.
  for (const end of ["", ".flow", ".valid"])
    await writeFile(join(broken, `.synth-001.flow.npz.123-0badcafe.part${end}`), "half");
  await writeSynthVideos(world, { ...rich, out: broken });
  expect((await readdir(broken)).filter((name) => name.startsWith("."))).toEqual([]);
  expect((await stat(join(broken, "synth-000.mp4"))).mtimeMs).toBe(first);
  for (const { video, truth, flow } of files) {
    for (const path of [video, truth, flow!])
      expect((await readFile(path)).equals(await readFile(path.replace("whole", "broken"))), path).toBe(true);
  }
});

test("a folder that holds something made with other options is refused, naming them", async () => {
  const folder = join(out, "claimed");
  await writeSynthVideos(world, { ...options, videos: 1, frames: 2, out: folder });
  const before = (await readdir(folder)).sort();
  const other = { ...options, videos: 1, frames: 2, seed: 4, style: "world" as const, out: folder };
  await expect(writeSynthVideos(world, other)).rejects.toThrow(
    /claimed holds synth made with other options \(preset "demo" there, "world" now; seed 3 there, 4 now\); choose another/,
  );
  expect((await readdir(folder)).sort()).toEqual(before);
  // More videos of the same set, and another set beside it, are welcome.
  await writeSynthVideos(world, { ...options, videos: 2, frames: 2, out: folder });
  await writeSynthVideos(world, { ...other, name: "other" });
  expect((await readdir(folder)).filter((name) => name.endsWith(".mp4")).sort()).toEqual([
    "other-000.mp4",
    "synth-000.mp4",
    "synth-001.mp4",
  ]);
});

test("whoever walks before a camera of the rich world stays in the picture, and is seen at a fair size", async () => {
  for (let index = 0; index < 6; index++) {
    const clip = walkingClip();
    const choice = { style: "world" as const, seconds: 2, recording: { name: "w", clip } };
    const scene = createScene(world, 1, index, choice);
    const view = drawWideView(scene, 0, 2, 0.7, 160, 120);
    for (let t = 0; t <= 2; t += 0.25) {
      const { x0, y0, x1, y1 } = boxIn(poseScene(scene, t).extent, view);
      expect(Math.min(x0, y0, 159 - x1, 119 - y1)).toBeGreaterThan(-4);
      expect(y1 - y0).toBeGreaterThan(25);
    }
  }
});

/** Someone upright who goes 4 m in 2 s. */
function walkingClip() {
  const frames = 21;
  const rotations = Float32Array.from({ length: frames * 96 }, (_, i) => (i % 4 === 3 ? 1 : 0));
  const places = Float32Array.from({ length: frames * 3 }, (_, i) => (i % 3 === 2 ? (4 * (i - 2)) / 3 / 20 : 0));
  return { frames, frameTime: 0.125, rotations, places };
}

test("impossible sizes are refused", async () => {
  await expect(writeSynthVideos(world, { ...options, out, size: 8 })).rejects.toThrow("expected size >= 32");
});
