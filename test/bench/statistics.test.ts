/** @file Medians, ratios and the order of turns, by hand. */
import { expect, it } from "vitest";
import { median, ratioSummary, summarise, takeTurns, threeDigits } from "../../bench/statistics.ts";

it("takes the middle value, or the mean of the two in the middle, and leaves its input as it is", () => {
  const values = [9, 1, 4];
  expect(median(values)).toBe(4);
  expect(values).toEqual([9, 1, 4]);
  expect(median([10, 1, 2, 30])).toBe(6);
  expect(() => median([])).toThrow("expected at least one timing");
});

it("summarises by median, least and greatest", () => {
  expect(summarise([5, 3, 8, 4, 4])).toEqual({ median: 4, min: 3, max: 8 });
});

it("gives the peer's time over ours round by round, so that a slow round weighs on both", () => {
  // In the second round the machine was four times slower: the medians alone would say 30 / 10.
  expect(ratioSummary([10, 40, 10], [20, 80, 30])).toEqual({ median: 2, min: 2, max: 3 });
  expect(() => ratioSummary([1], [1, 2])).toThrow("as many rounds");
});

it("shows three digits, and all before the point", () => {
  expect([0.012345, 4.5678, 12.345, 123.45, 12345.6].map(threeDigits)).toEqual([
    "0.0123",
    "4.57",
    "12.3",
    "123",
    "12346",
  ]);
});

it("lets the sides take turns and keeps each round's median", async () => {
  const order: string[] = [];
  const side = (name: string, rounds: number[][]) => ({
    name,
    round: async () => {
      order.push(name);
      return rounds.shift()!;
    },
  });
  const ours = side("ours", [[3, 1, 2], [7]]);
  const medians = await takeTurns([ours, side("peer", [[10], [20, 30]])], 2);
  expect(order).toEqual(["ours", "peer", "ours", "peer"]);
  expect([...medians]).toEqual([
    ["ours", [2, 7]],
    ["peer", [10, 25]],
  ]);
});
