import { beforeAll, describe, expect, test } from "vitest";
import { baselineErrors, liftErrors } from "../../../pipelines/lifting/evaluate.ts";
import { LIFTED_JOINTS, makePoses, normalPose, type PoseSet } from "../../../pipelines/lifting/poses.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { jointBody } from "../../../pipelines/train/joint-body.ts";
import type { BodyArrays } from "../../../smpl/body-arrays.ts";
import { loadBody } from "../../../smpl/load-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { loadTemplate } from "../../../templates/part-template.ts";

let body: BodyArrays;
beforeAll(async () => {
  await startEngine();
  body = jointBody((await loadBody("default")).host);
});

const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 5));
const MAP = { names: ["pelvis", "left-hip", "right-hip"], mirror: [0, 2, 1] };

describe("normal form", () => {
  test("has the root at 0, a tenth of unit size, and the skeleton in units that give these points from ten units away", () => {
    // Points (0.25, 0.5), (0.5, 0.5), (0, 1): from the root (0, 0), (0.25, 0), (-0.25, 0.5).
    const joints = Float32Array.of(1, 2, 4, 2, 2, 4, 0, 5, 5);
    const { points, skeleton, metres } = normalPose(joints);
    const size = Math.sqrt((0.0625 + 0.0625 + 0.25) / 3);
    expect([...points]).toEqual(near([0, 0, 0.25, 0, -0.25, 0.5].map((x) => x / size / 10)));
    expect(metres).toBeCloseTo(4 * size, 5);
    expect([...skeleton]).toEqual(near([0, 0, 0, 1, 0, 0, -1, 3, 1].map((x) => x / (4 * size))));
    // A joint as deep as the root is seen where its skeleton, ten units away, puts it.
    expect(skeleton[3]! / 10).toBeCloseTo(points[2]!, 5);
  });

  test("names sides as the picture has them where it is asked to", () => {
    const joints = Float32Array.of(0, 0, 4, 1, 1, 4, -1, 2, 4);
    const { points } = normalPose(joints, MAP);
    expect([...points.map(Math.sign)]).toEqual([0, 0, -1, 1, 1, 1]);
    expect(points[3]! / points[5]!).toBeCloseTo(2, 5);
    expect([...normalPose(joints).points.map(Math.sign)]).toEqual([0, 0, 1, 1, -1, 1]);
    const straight = Float32Array.of(0, 0, 4, -1, 1, 4, 1, 2, 4);
    expect([...normalPose(straight, MAP).points]).toEqual([...normalPose(straight).points]);
  });
});

describe("poses", () => {
  const make = (more = {}) =>
    makePoses(body, { scenes: 3, frames: 4, sides: "person", seed: 5, ...more }, createContext());

  test("are those of the templates' joints, follow each other in time, and come again with the seed", async () => {
    expect([...LIFTED_JOINTS].sort()).toEqual(loadTemplate("arms-out").joints.map(({ name }) => name).sort()); // biome-ignore format: one line
    const set = await make();
    expect(set.metres).toHaveLength(12);
    expect(set.followed).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10]);
    expect([...(await make()).points]).toEqual([...set.points]);
    expect([...(await make({ seed: 6 })).points]).not.toEqual([...set.points]);
    const J = LIFTED_JOINTS.length;
    const moved = (a: number, b: number) =>
      Math.max(
        ...Array.from({ length: 2 * J }, (_, i) => Math.abs(set.points[2 * J * a + i]! - set.points[2 * J * b + i]!)),
      );
    // Neighbours differ, but less than strangers.
    for (const a of [0, 4, 8]) {
      expect(moved(a, a + 1)).toBeGreaterThan(0);
      expect(moved(a, a + 1)).toBeLessThan(moved(a, (a + 4) % 12));
    }
    for (let n = 0; n < 12; n++) {
      const own = set.points.subarray(2 * J * n, 2 * J * (n + 1));
      expect([own[0], own[1]]).toEqual([0, 0]);
      expect(own.reduce((sum, x) => sum + x * x, 0) / J).toBeCloseTo(0.01, 6);
      // A person from pelvis to wrists and ankles: half a metre is a unit.
      expect(set.metres[n]).toBeGreaterThan(0.3);
      expect(set.metres[n]).toBeLessThan(0.9);
    }
  });

  test("with sides of the picture have left joints left, of most people in both splits", async () => {
    const left = (set: PoseSet) => {
      const place = (name: string) => LIFTED_JOINTS.indexOf(name);
      let sum = 0;
      set.metres.forEach((_, n) => {
        const x = (name: string) => set.points[2 * (n * LIFTED_JOINTS.length + place(name))]!;
        sum += +(x("left-shoulder") + x("left-hip") < x("right-shoulder") + x("right-hip"));
      });
      return sum / set.metres.length;
    };
    for (const split of ["train", "test"] as const) {
      const choice = { scenes: 20, frames: 1, split };
      const asSeen = left(await make({ ...choice, sides: "picture" }));
      expect(asSeen).toBeGreaterThan(0.85);
      expect(asSeen - left(await make({ ...choice, sides: "person" }))).toBeGreaterThan(0.1);
    }
  });
});

describe("errors", () => {
  test("are in millimetres of the true skeleton, roots aligned, then after the best similarity", () => {
    const skeletons = Float32Array.of(0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0);
    const set: PoseSet = { skeletons, points: new Float32Array(12), metres: Float32Array.of(0.5, 1), followed: [] };
    // The first is twice as large, the second 0.3 units off at one joint of three.
    const found = Float32Array.of(0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0.3, 0, 2, 0);
    const { mpjpe, paMpjpe } = liftErrors(found, set);
    expect(mpjpe).toBeCloseTo(((500 + 1000) / 3 + 300 / 3) / 2, 3);
    expect(paMpjpe).toBeLessThan(60);
    expect(liftErrors(skeletons, set)).toEqual({ mpjpe: 0, paMpjpe: expect.closeTo(0, 4) });
  });

  test("of what needs no network: the mean pose of others, and points as wide as they look", () => {
    const set: PoseSet = {
      skeletons: Float32Array.of(0, 0, 0, 1, 2, 0.5),
      points: Float32Array.of(0, 0, 0.1, 0.2),
      metres: Float32Array.of(1),
      followed: [],
    };
    const known = {
      ...set,
      skeletons: Float32Array.of(0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0),
      metres: Float32Array.of(1, 1),
    };
    const { constantPose, flatPose } = baselineErrors(known, set);
    expect(flatPose.mpjpe).toBeCloseTo(250, 3);
    expect(constantPose.mpjpe).toBeCloseTo((1000 * Math.hypot(0.5, 0.5)) / 2, 3);
  });
});
