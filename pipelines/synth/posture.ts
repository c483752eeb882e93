/**
 * @file Postures: anatomical angles with joint limits, and their SMPL axis-angle pose. Rest (all zero) is a person standing
 * with hanging arms. Angles in radians; every left and right angle has the same meaning in mirror image.
 */
import type { Random } from "../../src/random.ts";

/** [lowest, highest, usual deviation] of each angle of one side. */
const SIDE_ANGLES = {
  /** Thigh forwards. */
  hipFlex: [-0.5, 2.0, 0.55],
  /** Thigh sideways, away from the other leg. */
  hipSpread: [-0.25, 0.8, 0.18],
  /** Foot turned outwards. */
  hipTwist: [-0.4, 0.6, 0.18],
  /** Heel towards the bottom. */
  knee: [0, 2.4, 0.6],
  /** Toes down. */
  ankle: [-0.4, 0.7, 0.2],
  /** Shoulder girdle up. */
  shrug: [-0.1, 0.35, 0.08],
  /** Arm sideways and up: 0 hangs, pi/2 is a T, pi points up. */
  armRaise: [-0.1, 2.7, 0.6],
  /** Arm forwards about the axis through both shoulders. */
  armSwing: [-0.9, 2.6, 0.6],
  /** Raised arm brought forwards and across. */
  armAcross: [-0.5, 1.2, 0.3],
  /** Upper arm about its own axis. */
  armTwist: [-0.9, 0.9, 0.35],
  /** Forearm towards the upper arm. */
  elbow: [0, 2.4, 0.65],
  /** Forearm about its own axis. */
  forearmTwist: [-0.8, 0.8, 0.3],
  /** Hand up or down. */
  wrist: [-0.7, 0.7, 0.25],
} as const;
const MIDDLE_ANGLES = {
  /** Trunk forwards. */
  bend: [-0.4, 1.5, 0.25],
  /** Trunk to the person's left. */
  lean: [-0.5, 0.5, 0.14],
  /** Trunk turned to the left. */
  turn: [-0.8, 0.8, 0.25],
  /** Chin down. */
  nod: [-0.6, 0.7, 0.2],
  /** Head turned to the left. */
  headTurn: [-1.2, 1.2, 0.35],
  /** Head tilted to the left. */
  headTilt: [-0.5, 0.5, 0.12],
} as const;

export type SideAngle = keyof typeof SIDE_ANGLES;
export type MiddleAngle = keyof typeof MIDDLE_ANGLES;
export type Side = "left" | "right";

const SIDE_NAMES = Object.keys(SIDE_ANGLES) as SideAngle[];
const MIDDLE_NAMES = Object.keys(MIDDLE_ANGLES) as MiddleAngle[];
const RANGES: readonly (readonly [number, number, number])[] = [
  ...Object.values(SIDE_ANGLES),
  ...Object.values(SIDE_ANGLES),
  ...Object.values(MIDDLE_ANGLES),
];
/** Number of angles of a posture. */
export const POSTURE_SIZE = RANGES.length;

/** Index of a side's angle in a posture. */
export function sideIndex(name: SideAngle, side: Side): number {
  return SIDE_NAMES.indexOf(name) + (side === "left" ? 0 : SIDE_NAMES.length);
}
/** Index of a trunk or head angle in a posture. */
export function middleIndex(name: MiddleAngle): number {
  return 2 * SIDE_NAMES.length + MIDDLE_NAMES.indexOf(name);
}

/** Pulls every angle of `posture` into its joint's range, in place; smooth, and the identity in the middle 80 %. */
export function limitPosture(posture: Float64Array): void {
  for (let i = 0; i < POSTURE_SIZE; i++) {
    const [low, high] = RANGES[i]!;
    const soft = 0.1 * (high - low);
    if (posture[i]! > high - soft) posture[i] = high - soft * Math.exp((high - soft - posture[i]!) / soft);
    // A limit at the rest angle itself (knee, elbow: cannot bend backwards) is hard, so that rest stays rest.
    else if (low === 0) posture[i] = Math.max(0, posture[i]!);
    else if (posture[i]! < low + soft) posture[i] = low + soft * Math.exp((posture[i]! - low - soft) / soft);
  }
}

/** A random posture within the limits; `spread` scales the usual deviations (1: everyday, 2: gymnastics). */
export function randomPosture(random: Random, spread = 1): Float64Array {
  const posture = Float64Array.from(RANGES, ([low, , deviation]) => {
    const angle = random.normal(0, deviation * spread);
    return low === 0 ? Math.abs(angle) : angle;
  });
  for (const side of ["left", "right"] as const) {
    // Hips and shoulders mostly flex forwards; a bent knee goes with a bent hip.
    const hip = sideIndex("hipFlex", side);
    posture[hip] = 0.75 * Math.abs(posture[hip]!) + 0.25 * posture[hip]! + 0.35 * posture[sideIndex("knee", side)]!;
    const raise = sideIndex("armRaise", side);
    posture[raise] = Math.abs(posture[raise]!) + 0.1;
    const swing = sideIndex("armSwing", side);
    posture[swing] = 0.7 * Math.abs(posture[swing]!) + 0.3 * posture[swing]!;
  }
  limitPosture(posture);
  return posture;
}

const SPINE = [3, 6, 9];
const FEET = { left: { hip: 1, knee: 4, ankle: 7 }, right: { hip: 2, knee: 5, ankle: 8 } };
const ARMS = {
  left: { collar: 13, shoulder: 16, elbow: 18, wrist: 20 },
  right: { collar: 14, shoulder: 17, elbow: 19, wrist: 21 },
};

/**
 * Writes the axis-angle rotations of joints 1..23 of a posture into `pose` (72 numbers; the first three, the global
 * orientation, are left alone). The SMPL rest pose is a T: an arm that hangs is turned by a quarter turn.
 */
export function writePose(posture: Float64Array, pose: Float32Array): void {
  pose.fill(0, 3);
  for (const side of ["left", "right"] as const) writeSide(posture, side, pose);
  const at = (name: MiddleAngle) => posture[middleIndex(name)]!;
  for (const joint of SPINE) {
    writeJoint(pose, joint, "left", [0, at("bend") / 3], [2, -at("lean") / 3], [1, at("turn") / 3]);
  }
  for (const joint of [12, 15]) {
    writeJoint(pose, joint, "left", [1, at("headTurn") / 2], [0, at("nod") / 2], [2, -at("headTilt") / 2]);
  }
}

function writeSide(posture: Float64Array, side: Side, pose: Float32Array): void {
  const at = (name: SideAngle) => posture[sideIndex(name, side)]!;
  const { hip, knee, ankle } = FEET[side];
  writeJoint(pose, hip, side, [0, -at("hipFlex")], [2, at("hipSpread")], [1, at("hipTwist")]);
  writeJoint(pose, knee, side, [0, at("knee")]);
  writeJoint(pose, ankle, side, [0, at("ankle")]);
  const arm = ARMS[side];
  writeJoint(pose, arm.collar, side, [2, at("shrug")]);
  const lowered = at("armRaise") - at("shrug") - 0.47 * Math.PI;
  writeJoint(pose, arm.shoulder, side, [0, -at("armSwing")], [1, -at("armAcross")], [2, lowered], [0, at("armTwist")]);
  writeJoint(pose, arm.elbow, side, [1, -at("elbow")], [0, at("forearmTwist")]);
  writeJoint(pose, arm.wrist, side, [2, at("wrist")]);
}

const quaternion = new Float64Array(4);

/** Joint rotation = product of turns about the given axes (0 x, 1 y, 2 z), the last applied first; right = mirrored left. */
function writeJoint(
  pose: Float32Array,
  joint: number,
  side: Side,
  ...turns: readonly (readonly [number, number])[]
): void {
  const q = quaternion;
  q[0] = 1;
  q[1] = q[2] = q[3] = 0;
  for (const [axis, angle] of turns) turnQuaternion(q, axis, angle);
  const sine = Math.hypot(q[1]!, q[2]!, q[3]!);
  const angle = 2 * Math.atan2(sine, q[0]!);
  const wrapped = angle > Math.PI ? angle - 2 * Math.PI : angle;
  const scale = sine < 1e-12 ? 0 : wrapped / sine;
  const mirror = side === "right" ? -1 : 1;
  pose[3 * joint] = q[1]! * scale;
  pose[3 * joint + 1] = q[2]! * scale * mirror;
  pose[3 * joint + 2] = q[3]! * scale * mirror;
}

/** q := q * (turn by `angle` about coordinate axis `axis`), Hamilton product. */
function turnQuaternion(q: Float64Array, axis: number, angle: number): void {
  const c = Math.cos(angle / 2);
  const s = Math.sin(angle / 2);
  const [w, x, y, z] = [q[0]!, q[1]!, q[2]!, q[3]!];
  const bx = axis === 0 ? s : 0;
  const by = axis === 1 ? s : 0;
  const bz = axis === 2 ? s : 0;
  q[0] = w * c - x * bx - y * by - z * bz;
  q[1] = w * bx + x * c + y * bz - z * by;
  q[2] = w * by - x * bz + y * c + z * bx;
  q[3] = w * bz + x * by - y * bx + z * c;
}
