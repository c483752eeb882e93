import { mkdirSync, readdirSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type CropRecord, createClipStore, openClipStore, removeUnfinished } from "../../../pipelines/clips/store.ts";
import { floatsToHalf } from "../../../src/io/half.ts";
import { temporaryFolder } from "../../support/files.ts";

const INFO = { video: "v.mp4", width: 20, height: 10, cropSize: 2, flowSize: 3 };
const record = (frame: number): CropRecord => ({ frame, time: frame / 10, cx: 5, cy: 6, side: 7 });
const crop = (value: number) => new Uint8Array(12).fill(value);
const flow = (value: number) => floatsToHalf(new Float32Array(18).fill(value));

test("crops and flows are read back at any place, in half precision; pairs that are not kept vanish", async () => {
  const folder = join(temporaryFolder(), "store");
  const writer = await createClipStore(folder, INFO, [7, 9]);
  for (let frame = 0; frame < 4; frame++) await writer.addCrop(1, record(frame), crop(10 * frame));
  await writer.addPair(1, [0, 1], flow(0.1), flow(-1));
  await writer.addPair(1, [1, 2], flow(1), flow(-2));
  await writer.addPair(1, [2, 3], flow(2.5), flow(-3));
  expect(await openClipStore(folder)).toBeUndefined();
  await writer.finish((first) => first.frame !== 1);

  const store = (await openClipStore(folder))!;
  expect(store.key).toBe("store");
  expect(store.index.clips.map(({ track, pairs }) => [track, pairs])).toEqual([
    [7, []],
    [9, [[0, 1], [2, 3]]], // biome-ignore format: a list of pairs
  ]);
  const pixels = new Uint8Array(24);
  await store.readCrop(1, 3, pixels, 12);
  expect([...pixels]).toEqual([...new Uint8Array(12), ...crop(30)]);
  const second = await store.readFlow(1, 1);
  expect([...second.forward]).toEqual(new Array(18).fill(2.5));
  expect([...second.backward]).toEqual(new Array(18).fill(-3));
  // 0.1 in half precision.
  expect((await store.readFlow(1, 0)).forward[0]).toBe(0.0999755859375);
});

test("a store that was cut short, is of another version, or was never finished counts as none", async () => {
  const parent = temporaryFolder();
  const folder = join(parent, "store");
  const writer = await createClipStore(folder, INFO, [1]);
  await writer.addCrop(0, record(0), crop(1));
  await writer.addCrop(0, record(1), crop(2));
  await writer.addPair(0, [0, 1], flow(1), flow(1));
  await writer.finish(() => true);
  truncateSync(join(folder, "0.flows"), 71);
  expect(await openClipStore(folder)).toBeUndefined();
  writeFileSync(join(folder, "index.json"), '{"version": 0}');
  expect(await openClipStore(folder)).toBeUndefined();

  const stopped = await createClipStore(join(parent, "stopped"), INFO, [1]);
  await stopped.addCrop(0, record(0), crop(1));
  await stopped.discard();
  // As killed processes leave them: one whose number no process has, and this process's own.
  for (const pid of [2 ** 22 + 1, process.pid]) mkdirSync(join(parent, `other.partial-${pid}`));
  mkdirSync(join(parent, "other.partial-1"));
  await removeUnfinished(parent);
  expect(readdirSync(parent)).toEqual(["other.partial-1", "store"]);
});

test("of two processes that finish the same store the first one's stays, since it may be in use", async () => {
  const parent = temporaryFolder();
  const folder = join(parent, "store");
  const writer = await createClipStore(folder, INFO, [1]);
  for (const frame of [0, 1]) await writer.addCrop(0, record(frame), crop(5));
  await writer.addPair(0, [0, 1], flow(1), flow(1));
  // As another process leaves it meanwhile: the same but for its colour.
  const other = await createClipStore(join(parent, "other"), INFO, [1]);
  for (const frame of [0, 1]) await other.addCrop(0, record(frame), crop(9));
  await other.addPair(0, [0, 1], flow(1), flow(1));
  await other.finish(() => true);
  renameSync(join(parent, "other"), folder);
  const store = await writer.finish(() => true);
  const pixels = new Uint8Array(12);
  await store.readCrop(0, 0, pixels, 0);
  expect(pixels[0]).toBe(9);
  expect(readdirSync(parent)).toEqual(["store"]);
});
