/** @file Metrics against the golden numbers, and their edge cases by hand. */
import { describe, expect, it } from "vitest";
import { accelError, accelErrors, meanDistance, mpjpe, paMpjpe, pve } from "../../../pipelines/evaluate/metrics.ts";
import { expectClose, flat, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

const posePath = shared("golden/metrics/pose3d.json");
const accelPath = shared("golden/metrics/acceleration.json");

interface PoseGolden {
  readonly pred_m: number[][][];
  readonly gt_m: number[][][];
  readonly mpjpe_mm_pelvis_is_mid_of_joints_2_3: number[];
  readonly mpjpe_mm_root_is_joint_0: number[];
  readonly pa_mpjpe_mm: number[];
  readonly pve: {
    readonly pred_m: number[][][];
    readonly gt_m: number[][][];
    readonly pred_pelvis_m: number[][];
    readonly gt_pelvis_m: number[][];
    readonly pve_mm_not_aligned: number[];
    readonly pve_mm_pelvis_aligned: number[];
  };
}
interface Sequence {
  readonly frame_ids: number[];
  readonly gt_m: number[][][];
  readonly pred_m: number[][][];
}
interface AccelExpected {
  readonly per_sequence: Record<string, { centre_frames: number[]; accel_error_mm_per_frame2: number[] }>;
  readonly mean_over_all_frames: number;
}

describe.skipIf(!posePath)("golden poses", () => {
  it("gives MPJPE with either root, PA-MPJPE and PVE", () => {
    const g = readGolden<PoseGolden>(posePath!);
    const predicted = g.pred_m.map(flat);
    const target = g.gt_m.map(flat);
    const each = (f: (p: number[], t: number[]) => number) => predicted.map((p, i) => f(p, target[i]!));
    expectClose(
      each((p, t) => mpjpe(p, t, [2, 3])),
      g.mpjpe_mm_pelvis_is_mid_of_joints_2_3,
      1e-9,
      1e-12,
    );
    expectClose(
      each((p, t) => mpjpe(p, t, [0])),
      g.mpjpe_mm_root_is_joint_0,
      1e-9,
      1e-12,
    );
    expectClose(each(paMpjpe), g.pa_mpjpe_mm, 1e-9, 1e-12);
    const meshes = g.pve.pred_m.map((p, i) => [flat(p), flat(g.pve.gt_m[i])] as const);
    expectClose(
      meshes.map(([p, t]) => meanDistance(p, t)),
      g.pve.pve_mm_not_aligned,
      1e-9,
      1e-12,
    );
    const aligned = meshes.map(([p, t], i) => pve(p, t, g.pve.pred_pelvis_m[i]!, g.pve.gt_pelvis_m[i]!));
    expectClose(aligned, g.pve.pve_mm_pelvis_aligned, 1e-9, 1e-12);
  });
});

describe.skipIf(!accelPath)("golden accelerations", () => {
  it.each([
    ["none", undefined],
    ["pelvis_mid_2_3", [2, 3]],
  ] as const)("per sequence, alignment %s", (alignment, root) => {
    const g = readGolden<{ sequences: Record<string, Sequence>; expected: Record<string, AccelExpected> }>(accelPath!);
    const expected = g.expected[alignment]!;
    const sequences = Object.entries(g.sequences).map(([name, s]) => {
      const sequence = { frames: s.frame_ids, predicted: flat(s.pred_m), target: flat(s.gt_m) };
      const found = accelErrors(sequence, root);
      expect(found.frames).toEqual(expected.per_sequence[name]!.centre_frames);
      expectClose(found.errors, expected.per_sequence[name]!.accel_error_mm_per_frame2, 1e-9, 1e-11);
      return sequence;
    });
    expect(accelError(sequences, root)).toBeCloseTo(expected.mean_over_all_frames, 9);
  });
});

describe("acceleration error", () => {
  it("is |2 x(t)| of a single jump, in mm/frame^2, and forgets constant velocity", () => {
    const frames = [5, 6, 7, 8];
    const target = [0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0];
    const predicted = [9, 0, 0, 9, 0, 0.03, 9, 0, 0, 9, 0, 0];
    expectClose(accelErrors({ frames, predicted, target }).errors, [60, 30], 1e-9);
  });

  it("is NaN without three frames in a row and refuses frames out of order", () => {
    const points = new Float32Array(9);
    expect(accelError([{ frames: [0, 1, 3], predicted: points, target: points }])).toBeNaN();
    expect(accelError([])).toBeNaN();
    expect(() => accelErrors({ frames: [0, 2, 1], predicted: points, target: points })).toThrow(/must ascend/);
  });
});

it("meanDistance refuses point sets of different sizes", () => {
  expect(() => meanDistance([1, 2, 3], [1, 2, 3, 4, 5, 6])).toThrow(/meanDistance: expected shape/);
});
