import { expect, it } from "vitest";
import { measureKeypoints } from "../../../pipelines/templates/measure.ts";

it("takes the better reading of the sides, frame by frame", () => {
  const names = ["left-hip", "right-hip"];
  const truth = { names, keypoints: { data: [10, 0, 30, 0, 10, 0, 30, 0], joints: 2 }, diagonals: [100, 40], size: 50 };
  // The first frame is off by (0, 4) px; the second is turned, and off by 1 px in one joint.
  const predicted = { data: [10, 0, 30, 4, 30, 1, 10, 0], joints: 2 };
  const measures = measureKeypoints(predicted, truth);
  expect(measures.nL2).toBeCloseTo((100 * ((0 + 4) / 2 + (1 + 0) / 2)) / 2 / 50, 10);
  expect(measures.nL2Plain).toBeCloseTo((100 * (4 / 2 + (Math.hypot(20, 1) + 20) / 2)) / 2 / 50, 10);
  // Nearer than 5 px in the first frame, than 2 px in the second.
  expect(measures.pdj).toBe(100);
  expect(measures.pdjPlain).toBe(50);
  expect(measures.perJoint["left-hip"]).toBeCloseTo((100 * (0 + 1)) / 2 / 50, 10);
  expect(measures.perJoint["right-hip"]).toBeCloseTo((100 * (4 + 0)) / 2 / 50, 10);
  // Two joints make no body.
  expect(measures.bplpC).toBeUndefined();
});
