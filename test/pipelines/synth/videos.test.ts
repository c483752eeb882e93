import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTracks } from "../../../pipelines/clips/tracks.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { writeSynthVideos } from "../../../pipelines/synth/videos.ts";
import { createWorld } from "../../../pipelines/synth/world.ts";
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

test("impossible sizes are refused", async () => {
  await expect(writeSynthVideos(world, { ...options, out, size: 8 })).rejects.toThrow("expected size >= 32");
});
