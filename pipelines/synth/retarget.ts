/**
 * @file Recorded motion for SMPL's 24 joints. A limb is turned so that it points where the recorded limb points, whatever
 * the two rest poses: R_j(t) = C G_s(t) C' A_j with G_s the recorded joint's rotation in the world, C from the file's axes
 * to SMPL's, and A_j the shortest turn from SMPL's bone at rest to the recorded one at rest.
 */
import { Matrix4, Quaternion, Vector3 } from "three";
import { JOINT_COUNT, JOINTS, PARENTS } from "../../smpl/joints.ts";
import { FormatError } from "../../src/errors.ts";
import type { BvhMotion } from "../../src/io/bvh.ts";
import { createBvhPoser } from "./bvh-poser.ts";
import { matchSkeleton, type SideJoints, type SkeletonMatch } from "./skeleton-match.ts";

/** A recorded motion as an SMPL body does it. T frames, J = 24. */
export interface MotionClip {
  readonly frames: number;
  /** Seconds from frame to frame. */
  readonly frameTime: number;
  /** [T*J*4] rotations relative to the parent as quaternions (x, y, z, w); the first is that of the pelvis in the world. */
  readonly rotations: Float32Array;
  /** [T*3] the pelvis above the floor: x, metres that the lowest joint is off the floor, z. */
  readonly places: Float32Array;
}

/** A joint's height wanders by this much while a foot rolls: not yet a jump. Metres. */
const ROLL = 0.08;

/**
 * The motion of the skeleton `motion`, in metres of a body whose rest joints are `rest` [J*3]: sizes follow from the length
 * of the legs. Joints that the skeleton lacks stay at rest, trunk and neck are divided evenly. Throws FormatError,
 * beginning with `where`, for a skeleton that is not a person's or a motion without frames.
 */
export function retargetMotion(motion: BvhMotion, rest: Float32Array, where: string): MotionClip {
  const match = matchSkeleton(motion.joints, where);
  if (motion.frameCount < 2 || !(motion.frameTime > 0))
    throw new FormatError(where, `expected two frames or more and a frame time, got ${motion.frameCount} frames`);
  const poser = createBvhPoser(motion);
  poser.rest();
  const at = (joint: number) => poser.position(joint, new Vector3());
  const axes = restAxes(match, at);
  const sources = jointSources(match);
  const aligned = alignments(match, at, poser.end, axes, rest);
  const scale = legLength(rest) / sourceLeg(match.left, at);
  if (!(scale > 0 && Number.isFinite(scale))) throw new FormatError(where, "expected legs of some length, got none");

  const rotations = new Float32Array(4 * JOINT_COUNT * motion.frameCount);
  const places = new Float32Array(3 * motion.frameCount);
  const heights = new Float64Array(motion.frameCount);
  const worlds = Array.from({ length: JOINT_COUNT }, () => new Quaternion());
  const back = axes.clone().invert();
  const local = new Quaternion();
  const point = new Vector3();
  for (let t = 0; t < motion.frameCount; t++) {
    poser.pose(t);
    for (let j = 0; j < JOINT_COUNT; j++) {
      const source = sources[j];
      const parent = PARENTS[j]!;
      if (source) blendTurns(poser.turn, source, worlds[j]!).premultiply(axes).multiply(back).multiply(aligned[j]!);
      else worlds[j]!.copy(worlds[parent]!);
      local.copy(worlds[j]!);
      if (parent >= 0) local.premultiply(worlds[parent]!.clone().invert());
      local.normalize().toArray(rotations, 4 * (t * JOINT_COUNT + j));
    }
    poser.position(match.pelvis, point).applyQuaternion(axes).multiplyScalar(scale);
    places[3 * t] = point.x;
    places[3 * t + 2] = point.z;
    let lowest = Number.POSITIVE_INFINITY;
    for (let j = 0; j < motion.joints.length; j++)
      lowest = Math.min(lowest, poser.position(j, point).applyQuaternion(axes).y * scale);
    heights[t] = lowest;
  }
  const floor = heights.reduce((least, height) => Math.min(least, height), Number.POSITIVE_INFINITY);
  for (let t = 0; t < motion.frameCount; t++) places[3 * t + 1] = Math.max(0, heights[t]! - floor - ROLL);
  return { frames: motion.frameCount, frameTime: motion.frameTime, rotations, places };
}

/** Where an SMPL joint's rotation comes from: between `from` (0) and `to` (1) in the recorded tree. */
interface TurnSource {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

function blendTurns(turn: (joint: number) => Quaternion, { from, to, share }: TurnSource, out: Quaternion): Quaternion {
  return out.slerpQuaternions(turn(from), turn(to), share);
}

function jointSources({ pelvis, spine, neck, left, right }: SkeletonMatch): (TurnSource | undefined)[] {
  const sources = new Array<TurnSource | undefined>(JOINT_COUNT);
  const whole = (joint: number) => (joint < 0 ? undefined : { from: joint, to: joint, share: 0 });
  sources[JOINTS.pelvis] = whole(pelvis);
  spread(sources, [pelvis, ...spine], [JOINTS.spine1, JOINTS.spine2, JOINTS.spine3]);
  if (neck.length > 0) spread(sources, [spine.at(-1) ?? pelvis, ...neck], [JOINTS.neck, JOINTS.head]);
  for (const [side, joints] of [["left", left] as const, ["right", right] as const]) {
    for (const [key, joint] of Object.entries(TARGETS)) sources[JOINTS[`${side}${joint}`]] = whole(joints[key as Limb]);
  }
  return sources;
}

type Limb = keyof SideJoints;
const TARGETS = {
  thigh: "Hip",
  shin: "Knee",
  ankle: "Ankle",
  toe: "Foot",
  clavicle: "Collar",
  upperArm: "Shoulder",
  forearm: "Elbow",
  wrist: "Wrist",
  hand: "Hand",
} as const satisfies Record<Limb, string>;

/** Divides a chain of recorded joints, of which the first is not part of it, among `targets`. */
function spread(sources: (TurnSource | undefined)[], chain: readonly number[], targets: readonly number[]): void {
  targets.forEach((target, i) => {
    const place = ((i + 1) * (chain.length - 1)) / targets.length;
    const lower = Math.min(Math.floor(place + 1e-9), chain.length - 1);
    sources[target] = {
      from: chain[lower]!,
      to: chain[Math.min(lower + 1, chain.length - 1)]!,
      share: Math.max(0, place - lower),
    };
  });
}

type Place = (joint: number) => Vector3;

/** The turn from the file's axes to SMPL's (left +x, up +y, forward +z), from its rest pose; whole quarter turns if nearly so. */
function restAxes({ left, right }: SkeletonMatch, at: Place): Quaternion {
  const sideways = at(left.thigh).sub(at(right.thigh)).normalize();
  const shoulders = at(left.upperArm).add(at(right.upperArm));
  const upwards = shoulders.sub(at(left.shin).add(at(right.shin)));
  upwards.addScaledVector(sideways, -upwards.dot(sideways)).normalize();
  const rows = [sideways, upwards, new Vector3().crossVectors(sideways, upwards)].map((row) => {
    const square = row.toArray().map((x) => (Math.abs(x) > 0.9 ? Math.sign(x) : 0));
    return square.some((x) => x !== 0) ? new Vector3(...square) : row;
  });
  // makeBasis fills columns; the wanted matrix has these as its rows.
  const matrix = new Matrix4().makeBasis(rows[0]!, rows[1]!, rows[2]!).transpose();
  return new Quaternion().setFromRotationMatrix(matrix);
}

/** A_j of every joint. Trunk, head and shoulder girdle are alike in all skeletons at rest; limbs and feet are not. */
function alignments(
  { left, right }: SkeletonMatch,
  at: Place,
  end: (joint: number) => Vector3 | undefined,
  axes: Quaternion,
  rest: Float32Array,
): Quaternion[] {
  const turns = Array.from({ length: JOINT_COUNT }, () => new Quaternion());
  const bone = (from: number, to: number) => atRest(rest, to).sub(atRest(rest, from));
  const recorded = (from: number, to: number): Vector3 | undefined => {
    const tip = to >= 0 ? at(to) : end(from);
    const vector = tip?.sub(at(from)).applyQuaternion(axes);
    return vector && vector.length() > 1e-9 ? vector : undefined;
  };
  for (const [side, j] of [["left", left] as const, ["right", right] as const]) {
    const limb = (name: (typeof TARGETS)[Limb]) => JOINTS[`${side}${name}`];
    const align = (joint: number, next: number, from: number, to: number, level = false) => {
      const [own, other] = [bone(joint, next), from < 0 ? undefined : recorded(from, to)];
      if (!other) return;
      // Feet stand flat at rest in every skeleton: only where they point is compared.
      if (level) own.y = other.y = 0;
      if (other.length() > 1e-9) turns[joint]!.setFromUnitVectors(own.normalize(), other.normalize());
    };
    align(limb("Hip"), limb("Knee"), j.thigh, j.shin);
    // Where a bone's end is not known it is taken to go on straight.
    turns[limb("Knee")]!.copy(turns[limb("Hip")]!);
    align(limb("Knee"), limb("Ankle"), j.shin, j.ankle);
    align(limb("Ankle"), limb("Foot"), j.ankle, j.toe, true);
    align(limb("Shoulder"), limb("Elbow"), j.upperArm, j.forearm);
    turns[limb("Elbow")]!.copy(turns[limb("Shoulder")]!);
    align(limb("Elbow"), limb("Wrist"), j.forearm, j.wrist);
    turns[limb("Foot")]!.copy(turns[limb("Ankle")]!);
    turns[limb("Wrist")]!.copy(turns[limb("Elbow")]!);
    turns[limb("Hand")]!.copy(turns[limb("Elbow")]!);
  }
  return turns;
}

function atRest(rest: Float32Array, joint: number): Vector3 {
  return new Vector3().fromArray(rest, 3 * joint);
}

function legLength(rest: Float32Array): number {
  const [hip, knee, ankle] = [JOINTS.leftHip, JOINTS.leftKnee, JOINTS.leftAnkle].map((joint) => atRest(rest, joint));
  return hip!.distanceTo(knee!) + knee!.distanceTo(ankle!);
}

function sourceLeg({ thigh, shin, ankle }: SideJoints, at: Place): number {
  const upper = at(thigh).distanceTo(at(shin));
  return ankle < 0 ? 2 * upper : upper + at(shin).distanceTo(at(ankle));
}
