import { expect, test } from "vitest";
import { createMotion, MOTION_KINDS } from "../../../pipelines/synth/motion.ts";
import { minimumJerk } from "../../../pipelines/synth/movers.ts";
import { createRandom } from "../../../src/random.ts";

const at = (seed: number, t: number, kind?: (typeof MOTION_KINDS)[number]) => {
  const pose = new Float32Array(72);
  const place = createMotion(createRandom(seed, "motion"), kind).at(t, pose);
  return { pose, place };
};

test("a motion depends on its seed alone, whatever was asked before", () => {
  const motion = createMotion(createRandom(3, "motion"));
  const first = new Float32Array(72);
  motion.at(7, first);
  motion.at(2.5, first);
  expect(first).toEqual(at(3, 2.5).pose);
  expect(at(4, 2.5).pose).not.toEqual(first);
});

test("all kinds move, smoothly, within what joints allow", () => {
  for (const kind of MOTION_KINDS) {
    for (let seed = 0; seed < 6; seed++) {
      const motion = createMotion(createRandom(seed, "motion"), kind);
      const poses = Array.from({ length: 51 }, (_, i) => {
        const pose = new Float32Array(72);
        motion.at(i / 25, pose);
        return pose;
      });
      let moved = 0;
      for (let i = 1; i < poses.length; i++) {
        for (let k = 3; k < 72; k++) {
          const step = Math.abs(poses[i]![k]! - poses[i - 1]![k]!);
          expect(step).toBeLessThan(0.9);
          moved += step;
        }
      }
      expect(moved).toBeGreaterThan(0.5);
      expect(poses.every((pose) => pose.every((x) => Math.abs(x) <= Math.PI + 1e-5))).toBe(true);
    }
  }
});

test("minimum jerk: ends at rest, half way at half time", () => {
  expect([minimumJerk(-1), minimumJerk(0), minimumJerk(0.5), minimumJerk(1), minimumJerk(3)]).toEqual([
    0, 0, 0.5, 1, 1,
  ]);
  expect(minimumJerk(0.01)).toBeLessThan(1.1e-5);
});
