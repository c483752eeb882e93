import { expect, test } from "vitest";
import { choosePairs } from "../../../pipelines/clips/choose-pairs.ts";
import type { Track } from "../../../pipelines/clips/tracks.ts";

const box = { x0: 0, y0: 0, x1: 1, y1: 1 };
const track = (...frames: number[]): Track => ({ id: 1, boxes: new Map(frames.map((frame) => [frame, box])) });
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

test("pairs are evenly spread when there are too many, and never bridge frames without the person", () => {
  expect(choosePairs(track(3, 4, 5, 9, 10), { most: 10 })).toEqual([
    [3, 4],
    [4, 5],
    [9, 10],
  ]);
  expect(choosePairs(track(...range(101)), { most: 4 }).map(([first]) => first)).toEqual([0, 25, 50, 75]);
});

test("a gap and farther neighbours: both ends have a box, and pairs come in the order of their second frames", () => {
  expect(choosePairs(track(0, 2, 3, 4, 6), { most: 9, gap: 2, neighbours: 2 })).toEqual([
    [0, 2],
    [0, 4],
    [2, 4],
    [2, 6],
    [4, 6],
  ]);
});

test("where not all fit, runs stay together, with the farther pairs inside them only", () => {
  // 6 of 19 pairs in runs of 4 frames: two runs, beginning at 0 and at 9 (the middle of 0..18).
  const pairs = choosePairs(track(...range(20)), { most: 6, neighbours: 2, sequence: 4 });
  const run = (a: number) => [[a, a + 1], [a, a + 2], [a + 1, a + 2], [a + 1, a + 3], [a + 2, a + 3]]; // biome-ignore format: one run
  expect(pairs).toEqual([...run(0), ...run(9)]);
});
