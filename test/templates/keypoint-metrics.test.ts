import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import {
  BODY_SEGMENTS,
  constantPose,
  detectedJoints,
  type Keypoints,
  nL2,
  nL2MinOverSwap,
  partErrors,
  proportionConsistency,
  swapSides,
} from "../../templates/keypoint-metrics.ts";
import { loadTemplate, mirroredJoints } from "../../templates/part-template.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

const names = loadTemplate("arms-out").joints.map(({ name }) => name);
const two = (...data: number[]): Keypoints => ({ data, joints: 2 });

describe("by hand", () => {
  const truth = two(0, 0, 10, 0, 0, 0, 10, 0);
  const predicted = two(3, 4, 10, 0, 10, 1, 0, 0);

  it("nL2 is in percent of the side, plain, per joint and for visible ones", () => {
    // Distances 5, 0, sqrt(101), 10.
    expect(nL2(predicted, truth, 50)).toBeCloseTo((100 * (15 + Math.sqrt(101))) / 4 / 50, 9);
    expect(partErrors(predicted, truth, 50)[1]).toBeCloseTo(10, 9);
    expect(nL2(predicted, truth, 50, [1, 1, 0, 0])).toBeCloseTo(5, 9);
    expect(() => nL2(predicted, two(1, 2), 50)).toThrow(ShapeError);
  });

  it("PDJ counts what lies below its share of the diagonal", () => {
    expect(detectedJoints(predicted, truth, [101, 99], 0.05)).toEqual({ all: 50, perJoint: [50, 50] });
    expect(detectedJoints(predicted, truth, [100, 100], 0.05).all).toBe(25);
  });

  it("a frame with exchanged sides counts as exchanged", () => {
    // Frame 2 exchanged: distances 1 and 0.
    expect(nL2MinOverSwap(predicted, truth, 100, [1, 0])).toBeCloseTo((2.5 + 0.5) / 2, 9);
    expect(Array.from(swapSides(predicted, [1, 0]).data)).toEqual([10, 0, 3, 4, 0, 0, 10, 1]);
  });

  it("the constant pose is the mean of what is known", () => {
    expect(Array.from(constantPose(two(1, 2, 3, 4, 3, 4, 5, 10), 2).data)).toEqual([2, 3, 4, 7, 2, 3, 4, 7]);
  });
});

it("agrees with the released analysis on 9 frames", () => {
  const path = shared("golden/metrics/keypoints2d.json");
  if (!path) return;
  const golden = readGolden<{
    pred_px: number[][][];
    gt_px: number[][][];
    bbox_diagonal_px: number[];
    visible: number[][];
    nL2_percent: number;
    "pdj_at_0.05_percent": number;
    pdj_per_joint_percent: number[];
    nL2_visible_only_percent: number;
    "pck_at_0.2_of_bbox_diagonal_visible_only_percent": number;
    bplp_c: { segments: [number, number][]; sigma_unbiased: number[]; value: number };
    left_right_swap: number[];
    nL2_min_over_swap_per_frame_percent: number;
    nL2_of_constant_mean_pose_percent: number;
  }>(path);
  const predicted = { data: golden.pred_px.flat(2), joints: 15 };
  const truth = { data: golden.gt_px.flat(2), joints: 15 };
  const visible = golden.visible.flat();
  const diagonals = golden.bbox_diagonal_px;
  expect(nL2(predicted, truth, 256)).toBeCloseTo(golden.nL2_percent, 9);
  expect(nL2(predicted, truth, 256, visible)).toBeCloseTo(golden.nL2_visible_only_percent, 9);
  const pdj = detectedJoints(predicted, truth, diagonals);
  expectClose([pdj.all, ...pdj.perJoint], [golden["pdj_at_0.05_percent"], ...golden.pdj_per_joint_percent], 1e-9);
  expect(detectedJoints(predicted, truth, diagonals, 0.2, visible).all).toBeCloseTo(
    golden["pck_at_0.2_of_bbox_diagonal_visible_only_percent"],
    9,
  );
  expect(mirroredJoints(names)).toEqual(golden.left_right_swap);
  expect(nL2MinOverSwap(predicted, truth, 256, golden.left_right_swap)).toBeCloseTo(
    golden.nL2_min_over_swap_per_frame_percent,
    9,
  );
  expect(nL2(constantPose(truth, 9), truth, 256)).toBeCloseTo(golden.nL2_of_constant_mean_pose_percent, 9);

  const segments = BODY_SEGMENTS.map(([a, b]) => [names.indexOf(a), names.indexOf(b)] as const);
  const unordered = (pairs: readonly (readonly number[])[]) => pairs.map((pair) => [...pair].sort().join()).sort();
  expect(unordered(segments)).toEqual(unordered(golden.bplp_c.segments));
  const consistency = proportionConsistency(predicted, golden.bplp_c.segments);
  expectClose(consistency.deviations, golden.bplp_c.sigma_unbiased, 1e-9);
  expect(proportionConsistency(predicted, segments).value).toBeCloseTo(golden.bplp_c.value, 9);
});
