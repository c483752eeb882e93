import { expect, test } from "vitest";
import { learningRateAt } from "../../../pipelines/refine/steps.ts";

test("the step size rises for a twentieth of the steps and falls as a cosine, or stays as published", () => {
  const cosine = { learningRate: 2, schedule: "cosine", steps: 99 } as const;
  // 5 steps of rise, then 0.5 (1 + cos(pi k / 95)): half at no step exactly, so k = 19 is worked out: cos(36 degrees) = 0.809017.
  expect(learningRateAt(cosine, 1)).toBeCloseTo(0.4, 9);
  expect(learningRateAt(cosine, 5)).toBe(2);
  expect(learningRateAt(cosine, 24)).toBeCloseTo(1 + 0.809016994, 6);
  expect(learningRateAt(cosine, 99)).toBeGreaterThan(0);
  expect(learningRateAt({ ...cosine, schedule: "constant" }, 77)).toBe(2);
});
