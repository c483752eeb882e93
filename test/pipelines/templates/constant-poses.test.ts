import { expect, it } from "vitest";
import { constantPoses, repeated } from "../../../pipelines/templates/constant-poses.ts";

it("reads sides as they fit before it averages", () => {
  // Two joints, left then right; the third frame shows the person's back.
  const known = { data: [0, 0, 10, 0, 2, 0, 12, 0, 13, 0, 1, 0], joints: 2 };
  const [mean, sidedMean, sidedMedian] = constantPoses(known, [1, 0], [0]);
  expect(mean).toEqual({ kind: "mean", pose: Float64Array.of(5, 0, 23 / 3, 0) });
  expect(sidedMean!.kind).toBe("sided mean");
  expect([...sidedMean!.pose]).toEqual([1, 0, 35 / 3, 0]);
  expect([...sidedMedian!.pose]).toEqual([1, 0, 12, 0]);
  expect([...repeated([1, 2], 2)]).toEqual([1, 2, 1, 2]);
});
