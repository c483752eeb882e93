/**
 * @file Named joint sets: which points of a body each holds, in which order, and its mirror image.
 *
 * Points are numbered: 0..23 the skeleton's joints, 24..44 vertices that are picked, 45..53 the rows of J_regressor_extra
 * (together SMPL-54, the order of smplx and SPIN), 54..70 the rows of J_regressor_h36m.
 */
import { JOINT_NAMES, JOINTS, type JointName } from "./joints.ts";

const FINGERS = ["Thumb", "Index", "Middle", "Ring", "Pinky"];
/** The vertices that smplx picks, in its order. */
export const PICK_NAMES: readonly string[] = [
  ...["nose", "rightEye", "leftEye", "rightEar", "leftEar"],
  ...["left", "right"].flatMap((side) => ["BigToe", "SmallToe", "Heel"].map((part) => side + part)),
  ...["left", "right"].flatMap((side) => FINGERS.map((finger) => side + finger)),
];
/** The rows of J_regressor_extra: joints as other data sets place them. */
export const EXTRA_NAMES: readonly string[] = [
  ...["lsp:rightHip", "lsp:leftHip", "lsp:neck", "lsp:headTop", "mpii:pelvis", "mpii:thorax"],
  ...["h36m:spine", "h36m:jaw", "h36m:head"],
];
/** The rows of J_regressor_h36m: Human3.6M's joints. */
export const H36M_NAMES: readonly string[] = [
  ...["pelvis", "leftHip", "leftKnee", "leftAnkle", "rightHip", "rightKnee", "rightAnkle", "spine", "neck", "jaw"],
  ...["headTop", "leftShoulder", "leftElbow", "leftWrist", "rightShoulder", "rightElbow", "rightWrist"],
];

export const FIRST_PICK = JOINT_NAMES.length;
export const FIRST_EXTRA = FIRST_PICK + PICK_NAMES.length;
export const FIRST_H36M = FIRST_EXTRA + EXTRA_NAMES.length;
const POINT_NAMES: readonly string[] = [...JOINT_NAMES, ...PICK_NAMES, ...EXTRA_NAMES];

/** What a body's vertices say beyond its skeleton. */
export interface BodyPoints {
  /** [21] the vertex of each of PICK_NAMES. */
  readonly picks?: Uint32Array;
  /** [9*V] J_regressor_extra. */
  readonly extra?: Float32Array;
  /** [17*V] J_regressor_h36m. */
  readonly h36m?: Float32Array;
}

/** K joints in an order that others agreed on. */
export interface JointSet {
  readonly doc: string;
  /** [K] */
  readonly names: readonly string[];
  /** [K] the point of a body that each joint is; see the top of the file. */
  readonly points: readonly number[];
  /** [K] the joint on the other side of the body, or the joint itself on the middle line: the permutation of a flip. */
  readonly mirror: readonly number[];
}

const COMMON_LIMBS = ["Ankle", "Knee", "Hip"].map((part) => `right${part}`).concat(
  ["Hip", "Knee", "Ankle"].map((part) => `left${part}`),
  ["Wrist", "Elbow", "Shoulder"].map((part) => `right${part}`),
  ["Shoulder", "Elbow", "Wrist"].map((part) => `left${part}`),
); // biome-ignore format: limbs in the order of LSP
const COMMON_14 = [...COMMON_LIMBS, "neck", "headTop"];

/** OpenPose's 25 keypoints (BODY_25). */
const openpose25 = [
  ...entries(["nose", "neck"]),
  ...["right", "left"].flatMap((side) => entries(["Shoulder", "Elbow", "Wrist"].map((part) => side + part))),
  ["midHip", "pelvis"] as const,
  ...["right", "left"].flatMap((side) => entries(["Hip", "Knee", "Ankle"].map((part) => side + part))),
  ...entries(["rightEye", "leftEye", "rightEar", "leftEar"]),
  ...["left", "right"].flatMap((side) => entries(["BigToe", "SmallToe", "Heel"].map((part) => side + part))),
];
/** The 24 joints that SPIN's data sets label, from LSP, MPII, Human3.6M and COCO. */
const gt24 = [
  ...COMMON_LIMBS.map((name) => [name, name.endsWith("Hip") ? `lsp:${name}` : name] as const),
  ...entries(["lsp:neck", "lsp:headTop", "mpii:pelvis", "mpii:thorax", "h36m:spine", "h36m:jaw", "h36m:head"]),
  ...entries(["nose", "leftEye", "rightEye", "leftEar", "rightEar"]),
];

/** Every joint set by name. */
export const jointSets = {
  "smpl-24": set("the skeleton of SMPL", entries(JOINT_NAMES)),
  "smpl-54": set("the skeleton, 21 picked vertices (face, feet, fingers) and the rows of J_regressor_extra", entries(POINT_NAMES)), // biome-ignore format: one line
  "openpose-25": set("OpenPose BODY_25", openpose25),
  "gt-24": set("the 24 joints that SPIN's data sets label", gt24),
  "spin-49": set("OpenPose-25, then GT-24", [
    ...openpose25.map(([name, point]) => [`openpose:${name}`, point] as const),
    ...gt24,
  ]),
  "coco-17": set(
    "COCO's keypoints; the hips are those of the skeleton",
    entries([
      ...["nose", "leftEye", "rightEye", "leftEar", "rightEar"],
      ...["Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"].flatMap((part) => [`left${part}`, `right${part}`]),
    ]),
  ),
  "common-14": set("LSP's joints, the head's top as Human3.6M has it: what 3DPW is evaluated on", [
    ...gt24.slice(0, 13).map(([name, point]) => [name.replace("lsp:", ""), point] as const),
    ["headTop", "h36m:head"],
  ]),
  "h36m-17": h36m("Human3.6M's joints, by J_regressor_h36m", H36M_NAMES),
  "h36m-14": h36m("the joints of common-14, by J_regressor_h36m", COMMON_14),
} as const satisfies Readonly<Record<string, JointSet>>;
export type JointSetName = keyof typeof jointSets;

/** Joints of other data sets that lie a few centimetres off one of the skeleton's, and stand for it. */
const STAND_INS: Readonly<Record<string, JointName>> = {
  "lsp:rightHip": "rightHip",
  "lsp:leftHip": "leftHip",
  "mpii:pelvis": "pelvis",
};

/** [K] the skeleton's joint that each joint of a set is, or nearly is (LSP's hips, MPII's pelvis); -1 where there is none. */
export function skeletonJoints({ points }: JointSet): number[] {
  return points.map((point) => {
    if (point < JOINT_NAMES.length) return point;
    const standIn = STAND_INS[POINT_NAMES[point] ?? ""];
    return standIn ? JOINTS[standIn] : -1;
  });
}

/** Name of a joint in its set, and of the point of SMPL-54 that it is. */
type Entry = readonly [name: string, point: string];

function entries(names: readonly string[]): Entry[] {
  return names.map((name) => [name, name] as const);
}

function set(doc: string, list: readonly Entry[]): JointSet {
  const points = list.map(([, point]) => POINT_NAMES.indexOf(point));
  return { doc, names: list.map(([name]) => name), points, mirror: mirrorOf(list.map(([name]) => name)) };
}

function h36m(doc: string, names: readonly string[]): JointSet {
  return { doc, names, points: names.map((name) => FIRST_H36M + H36M_NAMES.indexOf(name)), mirror: mirrorOf(names) };
}

function mirrorOf(names: readonly string[]): number[] {
  const swapped = (name: string) =>
    name.replace(
      /(^|:)(left|right)/,
      (_, before: string, side: string) => before + (side === "left" ? "right" : "left"),
    );
  return names.map((name) => names.indexOf(swapped(name)));
}
