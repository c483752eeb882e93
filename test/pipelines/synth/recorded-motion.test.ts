import { expect, test } from "vitest";
import { createRecordedMotion } from "../../../pipelines/synth/recorded-motion.ts";
import type { MotionClip } from "../../../pipelines/synth/retarget.ts";
import { JOINTS } from "../../../smpl/joints.ts";
import { createRandom, type Random } from "../../../src/random.ts";

/** A clip of `frames` at 10 per second: the left elbow turns evenly about y up to `angle`, the person goes 1 m along z. */
function clipOf(frames: number, angle: number): MotionClip {
  const rotations = new Float32Array(frames * 96);
  const places = new Float32Array(frames * 3);
  for (let t = 0; t < frames; t++) {
    const share = t / (frames - 1);
    for (let j = 0; j < 24; j++) rotations[4 * (24 * t + j) + 3] = 1;
    const half = (angle * share) / 2;
    rotations.set([0, Math.sin(half), 0, Math.cos(half)], 4 * (24 * t + JOINTS.leftElbow));
    places.set([0.2 * share, 0, share], 3 * t);
  }
  return { frames, frameTime: 0.1, rotations, places };
}

/** A stream whose draws are given: mirrored (below 0.5) or not, then everything in the middle. */
function fixed(mirrored: boolean): Random {
  const random = createRandom(1);
  let count = 0;
  return { ...random, next: () => (count++ === 0 && mirrored ? 0.1 : 0.9), uniform: (a, b) => (a + b) / 2 };
}

const pose = new Float32Array(72);
const elbowAt = (motion: ReturnType<typeof createRecordedMotion>, t: number, joint = JOINTS.leftElbow) => {
  motion.at(t, pose);
  return Array.from(pose.subarray(3 * joint, 3 * joint + 3));
};

test("frames are joined, and in the middle of its time the person is above the origin", () => {
  const motion = createRecordedMotion(fixed(false), { name: "a.bvh", clip: clipOf(11, 1) }, 0.5);
  // The middle stretch: from 0.25 to 0.75 s of the one second, at speed 1, unturned.
  expect(elbowAt(motion, 0)[1]).toBeCloseTo(0.25, 5);
  expect(elbowAt(motion, 0.33)[1]).toBeCloseTo(0.58, 5);
  const [first, middle, last] = [motion.at(0, pose), motion.at(0.25, pose), motion.at(0.5, pose)];
  expect([middle.x, middle.z]).toEqual([0, 0]);
  expect(last.z - first.z).toBeCloseTo(0.5, 5);
  expect(last.x - first.x).toBeCloseTo(0.1, 5);
  expect([motion.kind, motion.isRecorded]).toEqual(["a.bvh", true]);
});

test("mirrored: the right elbow does it the other way round, and sideways is exchanged", () => {
  const motion = createRecordedMotion(fixed(true), { name: "a.bvh", clip: clipOf(11, 1) }, 0.5);
  expect(elbowAt(motion, 0.25)).toEqual([0, -0, -0]);
  expect(elbowAt(motion, 0.25, JOINTS.rightElbow)[1]).toBeCloseTo(-0.5, 5);
  expect(motion.at(0.5, pose).x).toBeCloseTo(-0.05, 5);
  expect(motion.kind).toBe("a.bvh mirrored");
});

test("a clip that is too short runs to and fro, or round where its ends meet and then goes on walking", () => {
  const forth = createRecordedMotion(fixed(false), { name: "a", clip: clipOf(11, 3) }, 3);
  expect(elbowAt(forth, 0.4)[1]).toBeCloseTo(1.2, 4);
  expect(elbowAt(forth, 1.6)[1]).toBeCloseTo(1.2, 4);
  expect(forth.at(1.3, pose).z).toBeCloseTo(forth.at(0.7, pose).z, 5);
  const round = createRecordedMotion(fixed(false), { name: "a", clip: clipOf(11, 0.2) }, 3);
  expect(elbowAt(round, 2.4)[1]).toBeCloseTo(0.08, 5);
  expect(round.at(2.4, pose).z - round.at(0.4, pose).z).toBeCloseTo(2, 5);
});

test("another draw is another stretch, and the same draw the same one", () => {
  const of = (seed: number) => {
    createRecordedMotion(createRandom(seed, "m"), { name: "a", clip: clipOf(101, 2) }, 1).at(0.3, pose);
    return pose.slice();
  };
  expect(of(1)).toEqual(of(1));
  expect(of(1)).not.toEqual(of(2));
});
