/** @file Where the default body's joints are, in the frame in which it is built: the floor at y = 0, metres, T-pose. */
import { JOINT_NAMES, type JointName } from "../joints.ts";

/** Joints of the middle line and of the left side (+x); the right side is their mirror image. */
const PLACES: Readonly<Partial<Record<JointName, readonly [number, number, number]>>> = {
  pelvis: [0, 0.935, -0.01],
  spine1: [0, 1.04, -0.02],
  spine2: [0, 1.15, -0.015],
  spine3: [0, 1.245, -0.01],
  neck: [0, 1.435, -0.025],
  head: [0, 1.525, 0],
  leftHip: [0.08, 0.865, 0],
  leftKnee: [0.101, 0.475, 0.003],
  leftAnkle: [0.108, 0.078, -0.032],
  leftFoot: [0.122, 0.026, 0.095],
  leftCollar: [0.065, 1.375, -0.015],
  leftShoulder: [0.165, 1.392, -0.022],
  leftElbow: [0.425, 1.386, -0.028],
  leftWrist: [0.672, 1.386, -0.022],
  leftHand: [0.758, 1.382, -0.018],
};

/** Rest position of each joint, in joint order. */
export const SKELETON: readonly (readonly [number, number, number])[] = JOINT_NAMES.map((name) => {
  const left = PLACES[name.replace("right", "left") as JointName]!;
  return name.startsWith("right") ? [-left[0], left[1], left[2]] : left;
});
