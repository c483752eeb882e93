import { expect, test } from "vitest";
import { gaussianMean, median, runsOf } from "../../../pipelines/motion/averages.ts";

test("runs part at gaps that are longer than allowed, and a gap as long is none", () => {
  const at = ({ t }: { t: number }) => t;
  const samples = [0, 1, 3, 5.5, 6].map((t) => ({ t }));
  expect(runsOf(samples, at, 2).map((run) => run.map(at))).toEqual([
    [0, 1, 3],
    [5.5, 6],
  ]);
  expect(runsOf([], at, 2)).toEqual([]);
});

test("the median is the middle number, by value and not by its digits", () => {
  expect(median([10, 9, 100])).toBe(10);
  expect(median([-3, 8, 1, 100])).toBe(4.5);
});

test("a Gaussian mean weighs by distance in standard deviations", () => {
  const samples = [
    { at: 1, value: 10 },
    { at: 3, value: 30 },
  ];
  const near = Math.exp(-0.125);
  const far = Math.exp(-1.125);
  const mean = gaussianMean(
    samples,
    ({ at }) => at,
    ({ value }) => value,
    1.5,
    1,
  );
  expect(mean).toBeCloseTo((near * 10 + far * 30) / (near + far), 12);
});
