import { expect, test } from "vitest";
import type { ClipRecord, ClipStore } from "../../../pipelines/clips/store.ts";
import {
  drawItems,
  drawUnits,
  evenlySpread,
  loadPairs,
  nearestPairs,
  pairName,
  readAhead,
  splitPairs,
} from "../../../pipelines/refine/sampler.ts";
import { createRandom } from "../../../src/random.ts";

/** A store of clips given as lists of frame numbers; neighbours are pairs. Crop and flow hold the frame's number. */
function toyStore(...clips: readonly (readonly number[])[]): ClipStore {
  const records = clips.map((frames, i): ClipRecord => {
    const pairs = frames.slice(1).flatMap((frame, k) => (frame - frames[k]! === 1 ? [[k, k + 1] as const] : []));
    const crops = frames.map((frame) => ({ frame, time: frame / 25, cx: 0, cy: 0, side: 1 }));
    return { track: 10 + i, crops, pairs };
  });
  return {
    key: "toy",
    index: { video: "toy.mp4", width: 4, height: 2, cropSize: 1, flowSize: 1, clips: records },
    async readCrop(clip, crop, into, offset) {
      into.fill(records[clip]!.crops[crop]!.frame, offset, offset + 3);
    },
    async readFlow(clip, pair) {
      const frame = records[clip]!.crops[records[clip]!.pairs[pair]![0]]!.frame;
      return { forward: Float32Array.of(frame, clip), backward: Float32Array.of(-frame, clip) };
    },
  };
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const firsts = (pairs: ReturnType<typeof splitPairs>["training"]) => pairs.map((place) => pairName(place).frames[0]);

test("the last fifth in time is held out, over all people, and no frame of it is in a training pair", () => {
  // 20 pairs of frames 0..20 and 5 of frames 15..20: 25 pairs; the fifth last of their beginnings 17, 18, 18, 19, 19 is 17.
  const { training, heldOut } = splitPairs(toyStore(range(0, 21), range(15, 21)));
  expect(firsts(heldOut)).toEqual([17, 18, 19, 17, 18, 19]);
  expect(firsts(training)).toEqual([...range(0, 16), 15]);
  const seen = new Set(training.flatMap((place) => pairName(place).frames));
  for (const place of heldOut) for (const frame of pairName(place).frames) expect(seen.has(frame)).toBe(false);
});

test("clips that are too short for both train with all they have", () => {
  expect(splitPairs(toyStore([3, 4]))).toMatchObject({ training: [{}], heldOut: [] });
  expect(splitPairs(toyStore([3, 4, 5]))).toMatchObject({ training: [{}, {}], heldOut: [] });
  expect(splitPairs(toyStore([3, 4, 8, 9]))).toMatchObject({ training: [{}], heldOut: [{}] });
});

test("draws depend on the seed and the step alone, and repeat no pair while there are enough", () => {
  const { training } = splitPairs(toyStore(range(0, 41)));
  const draw = (...keys: (string | number)[]) => firsts(drawItems(training, 8, createRandom(1, ...keys)));
  expect(draw("pairs", 5)).toEqual(draw("pairs", 5));
  expect(draw("pairs", 5)).not.toEqual(draw("pairs", 6));
  expect(new Set(draw("pairs", 5)).size).toBe(8);
  expect(drawItems(training.slice(0, 3), 5, createRandom(1))).toHaveLength(5);
});

test("a batch holds first frames, then second frames, and both flows", async () => {
  const store = toyStore([4, 5, 6], [8, 9]);
  const batch = await loadPairs([
    { store, clip: 0, pair: 1 },
    { store, clip: 1, pair: 0 },
  ]);
  expect([...batch.crops]).toEqual([5, 5, 5, 8, 8, 8, 6, 6, 6, 9, 9, 9]);
  // A 4 x 2 frame about a crop of one pixel at (0, 0), which is the frame's first pixel.
  expect([...batch.picture.subarray(12)]).toEqual([-0.5, -0.5, 3.5, 1.5]);
  expect([...batch.forward]).toEqual([5, 0, 8, 1]);
  expect([...batch.backward]).toEqual([-5, 0, -8, 1]);
  expect(batch.names).toEqual([
    { video: "toy.mp4", track: "10", frames: [5, 6] },
    { video: "toy.mp4", track: "11", frames: [8, 9] },
  ]);
});

/** A toy store whose pairs are 1 and 2 frames apart. */
function denseStore(...clips: readonly (readonly number[])[]): ClipStore {
  const store = toyStore(...clips);
  const records = store.index.clips.map((clip) => ({
    ...clip,
    pairs: clip.crops.flatMap(({ frame }, a) =>
      clip.crops.flatMap((later, b) => ([1, 2].includes(later.frame - frame) ? [[a, b] as const] : [])),
    ),
  }));
  return {
    ...store,
    index: { ...store.index, clips: records },
    async readFlow(clip, pair) {
      const { crops, pairs } = records[clip]!;
      const [first, second] = pairs[pair]!.map((place) => crops[place]!.frame) as [number, number];
      return { forward: Float32Array.of(first, second), backward: Float32Array.of(second, first) };
    },
  };
}
const names = (pairs: ReturnType<typeof splitPairs>["training"]) =>
  pairs.map((place) => pairName(place).frames.join("-"));

test("units: pairs by themselves, or the pairs inside each run of frames; short clips whole, single pairs not at all", () => {
  const { training } = splitPairs(denseStore([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2], [5, 6]));
  expect(drawUnits(training, 2, 1).every((unit) => unit.length === 1)).toBe(true);
  const units = drawUnits(training, 4, 1);
  // The last fifth begins at frame 6 or later, so frames 0..5 of the long clip train.
  expect(units.map((unit) => names(unit).sort().join(" "))).toEqual([
    "0-1 0-2 1-2 1-3 2-3",
    "1-2 1-3 2-3 2-4 3-4",
    "2-3 2-4 3-4 3-5 4-5",
    "0-1 0-2 1-2",
  ]);
  // Two apart: 0 2 4, 1 3 5.
  expect(drawUnits(training, 3, 2).map((unit) => names(unit).join(" "))).toEqual(["0-2 2-4", "1-3 3-5"]);
  const single = splitPairs(toyStore([3, 4])).training;
  expect(() => drawUnits(single, 3, 1)).toThrow("--sequence: expected at least 3 training frames");
});

test("nearest pairs are those of the least distance", () => {
  const { training } = splitPairs(denseStore(range(0, 12)));
  expect(new Set(nearestPairs(training).map((place) => pairName(place).frames[1] - pairName(place).frames[0]))).toEqual(
    new Set([1]),
  );
  expect(nearestPairs([])).toEqual([]);
});

test("a frame that several pairs share is in the batch once, and rows of three are found", async () => {
  const store = denseStore([4, 5, 6, 7]);
  const places = store.index.clips[0]!.pairs.map((_, pair) => ({ store, clip: 0, pair }));
  const batch = await loadPairs(places);
  // Pairs 4-5 4-6 5-6 5-7 6-7: first frames 4, 5, 6, then 7.
  expect(batch.frames.map(({ frame }) => frame)).toEqual([4, 5, 6, 7]);
  expect([...batch.crops].filter((_, i) => i % 3 === 0)).toEqual([4, 5, 6, 7]);
  expect(batch.pairs).toEqual([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]); // biome-ignore format: pairs
  expect(batch.triples).toEqual([[0, 1, 2], [1, 2, 3]]); // biome-ignore format: triples
  expect(batch.picture).toHaveLength(16);
  expect([...batch.forward]).toEqual([4, 5, 4, 6, 5, 6, 5, 7, 6, 7]);
});

test("reading ahead begins the next one before the current one is used, and fails where it is used", async () => {
  const begun: number[] = [];
  const load = async (i: number) => {
    begun.push(i);
    if (i === 4) throw new Error("four");
    return i;
  };
  const used: number[] = [];
  const loop = async () => {
    for await (const value of readAhead(2, 6, load)) {
      expect(begun).toContain(value + 1);
      used.push(value);
    }
  };
  await expect(loop()).rejects.toThrow("four");
  expect(used).toEqual([2, 3]);
});

test("evenly spread picks the middles", () => {
  expect(evenlySpread(range(0, 10), 2)).toEqual([2, 7]);
  expect(evenlySpread([1, 2], 5)).toEqual([1, 2]);
});
