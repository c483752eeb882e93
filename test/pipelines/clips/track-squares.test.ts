import { expect, test } from "vitest";
import { trackSquares } from "../../../pipelines/clips/track-squares.ts";
import type { Track } from "../../../pipelines/clips/tracks.ts";

/** A track of boxes 20 x 40 about the given centres, by frame. */
function track(centres: readonly (readonly [frame: number, cx: number, cy: number, height?: number])[]): Track {
  const boxes = centres.map(([frame, cx, cy, height = 40]) => {
    return [frame, { x0: cx - 10, y0: cy - height / 2, x1: cx + 10, y1: cy + height / 2 }] as const;
  });
  return { id: 1, boxes: new Map(boxes) };
}
const walk = (shake: (t: number) => number) =>
  track(Array.from({ length: 30 }, (_, t) => [t, 50 + 2 * t + shake(t), 60 - t] as const));

test("without smoothing squares are the boxes'", () => {
  const squares = trackSquares(track([[3, 50, 60], [9, 70, 61, 80]]), 1.5, 25, 0); // biome-ignore format: a list
  expect([...squares]).toEqual([
    [3, { cx: 50, cy: 60, side: 60 }],
    [9, { cx: 70, cy: 61, side: 120 }],
  ]);
});

test("a steady walk is followed to both ends, whatever the smoothing", () => {
  for (const [frame, { cx, cy, side }] of trackSquares(
    walk(() => 0),
    1,
    30,
  )) {
    expect(cx).toBeCloseTo(50 + 2 * frame, 9);
    expect(cy).toBeCloseTo(60 - frame, 9);
    expect(side).toBeCloseTo(40, 9);
  }
});

test("shaking is averaged out and one wrong box does not pull its neighbours", () => {
  const shaking = trackSquares(walk((t) => (t % 2 === 0 ? 3 : -3)), 1, 30); // biome-ignore format: one thought
  for (let t = 8; t < 22; t++) expect(Math.abs(shaking.get(t)!.cx - 50 - 2 * t)).toBeLessThan(0.8);
  const wrong = trackSquares(walk((t) => (t === 15 ? 500 : 0)), 1, 30); // biome-ignore format: one thought
  for (let t = 8; t < 22; t++) expect(Math.abs(wrong.get(t)!.cx - 50 - 2 * t)).toBeLessThan(1.5);
});

test("nothing is averaged over a time in which the person was not seen", () => {
  const still = (from: number, cx: number) => Array.from({ length: 6 }, (_, i) => [from + i, cx, 60] as const);
  const squares = trackSquares(track([...still(0, 50), ...still(26, 300)]), 1, 30);
  expect(squares.size).toBe(12);
  expect(squares.get(5)!.cx).toBeCloseTo(50, 9);
  expect(squares.get(26)!.cx).toBeCloseTo(300, 9);
});
