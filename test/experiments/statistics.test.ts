import { expect, test } from "vitest";
import { ranks, spearman, statistic } from "../../experiments/statistics.ts";

test("mean and sample standard deviation, which one value does not have", () => {
  // 2, 4, 9: mean 5, squares 9 + 1 + 16 = 26 over 2.
  expect(statistic([2, 4, 9])).toEqual({ mean: 5, deviation: Math.sqrt(13), n: 3 });
  expect(statistic([7])).toEqual({ mean: 7, deviation: null, n: 1 });
  expect(() => statistic([])).toThrow("at least one value");
});

test("ranks count from 1, and equal values share the mean of theirs", () => {
  expect(ranks([30, 10, 20, 10])).toEqual([4, 1.5, 3, 1.5]);
});

test("Spearman's correlation is that of ranks, by hand", () => {
  // Ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6 (1 + 1 + 1 + 1) / (5 * 24) = 0.8, whatever the values are.
  expect(spearman([0.1, 0.2, 5, 6, 1e9], [20, 10, 40, 30, 41])).toBeCloseTo(0.8, 12);
  expect(spearman([1, 2, 3], [9, 8, -7])).toBeCloseTo(-1, 12);
  // Ties: ranks 1.5 1.5 3 and 1 2 3: covariance 1.5, variances 1.5 and 2.
  expect(spearman([4, 4, 8], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12);
  expect(spearman([4, 4, 4], [1, 2, 3])).toBeNaN();
  expect(() => spearman([1, 2], [1])).toThrow("got 2 and 1");
});
