import { expect, test } from "vitest";
import {
  limitPosture,
  middleIndex,
  POSTURE_SIZE,
  randomPosture,
  sideIndex,
  writePose,
} from "../../../pipelines/synth/posture.ts";
import { JOINTS, MIRROR_JOINTS } from "../../../smpl/joints.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { createRandom } from "../../../src/random.ts";

function poseOf(set: (posture: Float64Array) => void): Float32Array {
  const posture = new Float64Array(POSTURE_SIZE);
  set(posture);
  const pose = new Float32Array(72);
  writePose(posture, pose);
  return pose;
}

/** Where joint `joint`'s own rotation takes a direction. */
function turned(pose: Float32Array, joint: number, direction: readonly number[]): number[] {
  const m = axisAngleToMatrixHost(pose.subarray(3 * joint, 3 * joint + 3), 1);
  return [0, 1, 2].map(
    (r) => m[3 * r]! * direction[0]! + m[3 * r + 1]! * direction[1]! + m[3 * r + 2]! * direction[2]!,
  );
}

test("at rest the arms hang and everything else is straight", () => {
  const pose = poseOf(() => {});
  // The left arm of a T-pose points along +x; hanging it points down, a little outwards.
  const left = turned(pose, JOINTS.leftShoulder, [1, 0, 0]);
  expect(left[1]).toBeLessThan(-0.99);
  expect(left[0]).toBeGreaterThan(0);
  expect(turned(pose, JOINTS.rightShoulder, [-1, 0, 0])[1]).toBeLessThan(-0.99);
  for (const joint of [JOINTS.leftHip, JOINTS.rightKnee, JOINTS.spine2, JOINTS.head])
    expect(Math.hypot(...pose.subarray(3 * joint, 3 * joint + 3))).toBe(0);
});

test("each angle turns its joint the way its name says", () => {
  const set = (index: number, angle: number) => (p: Float64Array) => p.fill(angle, index, index + 1);
  const thigh = turned(poseOf(set(sideIndex("hipFlex", "left"), 1)), JOINTS.leftHip, [0, -1, 0]);
  expect(thigh[2]).toBeCloseTo(Math.sin(1), 6);
  const shin = turned(poseOf(set(sideIndex("knee", "right"), 1)), JOINTS.rightKnee, [0, -1, 0]);
  expect(shin[2]).toBeCloseTo(-Math.sin(1), 6);
  const spread = turned(poseOf(set(sideIndex("hipSpread", "right"), 0.5)), JOINTS.rightHip, [0, -1, 0]);
  expect(spread[0]).toBeCloseTo(-Math.sin(0.5), 6);
  const trunk = turned(poseOf(set(middleIndex("bend"), 0.9)), JOINTS.spine1, [0, 1, 0]);
  expect(trunk[2]).toBeCloseTo(Math.sin(0.3), 6);
  const face = turned(poseOf(set(middleIndex("headTurn"), 0.8)), JOINTS.neck, [0, 0, 1]);
  expect(face[0]).toBeCloseTo(Math.sin(0.4), 6);
  const arm = turned(poseOf(set(sideIndex("armSwing", "left"), Math.PI / 2)), JOINTS.leftShoulder, [1, 0, 0]);
  expect(arm[2]).toBeGreaterThan(0.99);
  const forearm = turned(poseOf(set(sideIndex("elbow", "right"), 1)), JOINTS.rightElbow, [-1, 0, 0]);
  expect(forearm[2]).toBeCloseTo(Math.sin(1), 6);
});

test("exchanging the sides of a posture mirrors its pose", () => {
  const posture = randomPosture(createRandom(4, "posture"));
  const swapped = posture.slice();
  const half = sideIndex("hipFlex", "right");
  for (let i = 0; i < half; i++) [swapped[i], swapped[i + half]] = [posture[i + half]!, posture[i]!];
  for (const name of ["lean", "turn", "headTurn", "headTilt"] as const) swapped[middleIndex(name)]! *= -1;
  const [pose, mirrored] = [new Float32Array(72), new Float32Array(72)];
  writePose(posture, pose);
  writePose(swapped, mirrored);
  for (let j = 1; j < 24; j++) {
    const other = MIRROR_JOINTS[j]!;
    expect(mirrored[3 * j]).toBeCloseTo(pose[3 * other]!, 6);
    expect(mirrored[3 * j + 1]).toBeCloseTo(-pose[3 * other + 1]!, 6);
    expect(mirrored[3 * j + 2]).toBeCloseTo(-pose[3 * other + 2]!, 6);
  }
});

test("limits: nothing bends the wrong way or out of its joint, the middle is left alone", () => {
  const wild = new Float64Array(POSTURE_SIZE).fill(50);
  limitPosture(wild);
  expect(wild[sideIndex("knee", "left")]).toBeCloseTo(2.4, 5);
  wild.fill(-50);
  limitPosture(wild);
  expect(wild[sideIndex("elbow", "right")]).toBe(0);
  expect(wild[sideIndex("hipFlex", "right")]).toBeCloseTo(-0.5, 5);
  const plain = new Float64Array(POSTURE_SIZE);
  plain[sideIndex("hipFlex", "left")] = 0.7;
  limitPosture(plain);
  expect(plain[sideIndex("hipFlex", "left")]).toBe(0.7);
});
