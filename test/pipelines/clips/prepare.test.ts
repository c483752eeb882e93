import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { FlowEstimator } from "../../../flow/estimator.ts";
import { type PrepareSettings, prepareClips } from "../../../pipelines/clips/prepare.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { expandVideos } from "../../../pipelines/run/input-files.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { temporaryFolder } from "../../support/files.ts";
import { shared } from "../../support/shared.ts";
import { tinyFrame, writeTinyVideo } from "../../support/tiny-run.ts";

beforeAll(() => startEngine());

/** Flow whose first component is the mean of the first frame, the second that of the second frame, times 100. */
function meansEstimator(calls: { pairs: number }): FlowEstimator {
  return {
    name: "means",
    clipFlows(images, pairs) {
      calls.pairs += pairs.length;
      const means = tf.tidy(() => tf.mul(tf.mean(images, [1, 2, 3]), 100).dataSync());
      const [, h, w] = images.shape;
      const field = (order: (pair: readonly [number, number]) => readonly number[]): Tensor4D =>
        tf.tidy(() => {
          const values = pairs.map((pair) => order(pair).map((frame) => means[frame]!));
          return tf.mul(tf.ones([pairs.length, h, w, 2]), tf.reshape(tf.tensor2d(values), [-1, 1, 1, 2])) as Tensor4D;
        });
      return { forward: field(([a, b]) => [a, b]), backward: field(([a, b]) => [b, a]) };
    },
    dispose() {},
  };
}

const settings = (cache: string, tracks: string): PrepareSettings => ({
  cache,
  tracks,
  cropSize: 16,
  flowSize: 24,
  boxScale: 1,
  maxPairs: 100,
  flowUpdates: 1,
  flowIdentity: "means",
});

test("crops are those of each frame's own box, flow belongs to its pair, and a second run computes nothing", async () => {
  const folder = temporaryFolder();
  await writeTinyVideo(folder, "block", 12);
  const calls = { pairs: 0 };
  const options = settings(join(folder, "cache"), folder);
  const run = async () => prepareClips(await expandVideos([folder]), options, meansEstimator(calls), createContext());
  const { stores, skipped } = await run();
  expect(skipped).toEqual([]);
  const { clips } = stores[0]!.index;
  expect(clips).toHaveLength(1);
  expect(clips[0]).toMatchObject({ track: 4, pairs: Array.from({ length: 11 }, (_, i) => [i, i + 1]) });
  // Box of frame 5: [25, 17, 45, 49], so the square is 32 px about (35, 33).
  expect(clips[0]!.crops[5]).toMatchObject({
    frame: 5,
    time: 0.2,
    cx: expect.closeTo(35, 9),
    cy: expect.closeTo(33, 9),
    side: expect.closeTo(32, 9),
  });

  // The block stands still in its crop: its middle is the block's own colour there, up to video compression.
  const pixels = new Uint8Array(16 * 16 * 3);
  await stores[0]!.readCrop(0, 5, pixels, 0);
  const frame = tinyFrame(5);
  const at = (8 * 16 + 8) * 3;
  for (let c = 0; c < 3; c++) expect(Math.abs(pixels[at + c]! - frame.get(33, 35, c))).toBeLessThan(60);

  // The second frame of a pair is the first one of the next, across batches of flow too.
  const flows = await Promise.all(clips[0]!.pairs.map((_, pair) => stores[0]!.readFlow(0, pair)));
  for (let pair = 0; pair < 10; pair++) {
    expect(flows[pair]!.forward[1]).toBe(flows[pair + 1]!.forward[0]);
    expect(flows[pair]!.backward[0]).toBe(flows[pair]!.forward[1]);
  }
  expect(calls.pairs).toBe(11);
  expect((await run()).stores[0]!.index).toEqual(stores[0]!.index);
  expect(calls.pairs).toBe(11);
});

test("with a gap and farther neighbours every pair has its own flow, whatever batch it was computed in", async () => {
  const folder = temporaryFolder();
  await writeTinyVideo(folder, "block", 14);
  const options = { ...settings(join(folder, "cache"), folder), gap: 2, neighbours: 3 };
  const calls = { pairs: 0 };
  const prepare = async (of: PrepareSettings) =>
    (await prepareClips(await expandVideos([folder]), of, meansEstimator(calls), createContext())).stores[0]!;
  const store = await prepare(options);
  const { crops, pairs } = store.index.clips[0]!;
  const frames = pairs.map(([a, b]) => [crops[a]!.frame, crops[b]!.frame] as const);
  // 14 frames: 12 pairs two apart, 10 four apart, 8 six apart; all pairs that there are.
  expect(frames).toHaveLength(30);
  expect(frames.map(([a, b]) => b - a).sort()).toEqual([
    ...Array(12).fill(2),
    ...Array(10).fill(4),
    ...Array(8).fill(6),
  ]);
  const mean = new Map<number, number>();
  for (const [i, [a, b]] of frames.entries()) {
    const { forward, backward } = await store.readFlow(0, i);
    expect([forward[0], forward[1]]).toEqual([backward[1], backward[0]]);
    for (const [frame, value] of [
      [a, forward[0]!],
      [b, forward[1]!],
    ] as const) {
      expect(value).toBe(mean.get(frame) ?? value);
      mean.set(frame, value);
    }
  }
  expect(mean.size).toBe(14);
  expect(new Set(mean.values()).size).toBeGreaterThan(7);
  // What comes to the usual pairs is found under the usual key.
  const usual = await prepare(settings(options.cache, folder));
  expect((await prepare({ ...settings(options.cache, folder), sequence: 5 })).key).toBe(usual.key);
  expect(store.key).not.toBe(usual.key);
  expect(calls.pairs).toBe(30 + 13);
});

test("real footage with a hole: the frames beside the hole are no pair", async () => {
  const original = shared("data/video/odd/vfr_gaps.mp4");
  if (!original) return;
  const folder = temporaryFolder();
  mkdirSync(join(folder, "in"));
  cpSync(original, join(folder, "in", "gaps.mp4"));
  const options = settings(join(folder, "cache"), "full");
  const inputs = await expandVideos([join(folder, "in")]);
  const { stores } = await prepareClips(inputs, options, meansEstimator({ pairs: 0 }), createContext());
  const [clip] = stores[0]!.index.clips;
  const steps = clip!.pairs.map(([a, b]) => clip!.crops[b]!.time - clip!.crops[a]!.time);
  const all = clip!.crops.slice(1).map((crop, i) => crop.time - clip!.crops[i]!.time);
  expect(Math.max(...all)).toBeGreaterThan(0.3);
  expect(Math.max(...steps)).toBeLessThan(0.07);
  expect(steps.length).toBeGreaterThan(20);
});
