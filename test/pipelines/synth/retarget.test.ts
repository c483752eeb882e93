import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Euler, Quaternion, Vector3 } from "three";
import { describe, expect, test } from "vitest";
import { createBvhPoser } from "../../../pipelines/synth/bvh-poser.ts";
import { type MotionClip, retargetMotion } from "../../../pipelines/synth/retarget.ts";
import { matchSkeleton } from "../../../pipelines/synth/skeleton-match.ts";
import { restJoints } from "../../../smpl/body-arrays.ts";
import { JOINT_NAMES, JOINTS, PARENTS } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { type BvhJoint, type BvhMotion, bvhJointPositions, readBvh } from "../../../src/io/bvh.ts";
import { createRandom } from "../../../src/random.ts";
import { shared } from "../../support/shared.ts";

const rest = restJoints(proceduralBody());
const angles = ["Zrotation", "Xrotation", "Yrotation"] as const;

/** A skeleton from `name: [parent, x, y, z]`, every joint with three angles, the first with a position before them. */
function skeleton(table: Readonly<Record<string, readonly [string | null, number, number, number]>>): BvhJoint[] {
  const names = Object.keys(table);
  return Object.entries(table).map(([name, [parent, ...offset]]) => ({
    name,
    parent: parent === null ? -1 : names.indexOf(parent),
    offset,
    channels: parent === null ? ["Xposition", "Yposition", "Zposition", ...angles] : angles,
  }));
}

/** Axes of DeepMimic's skeletons: x forward, y up, z right; arms hang at rest. Twice as large as a person. */
const deepMimic = skeleton({
  root: [null, 0, 0, 0],
  chest: ["root", 0, 0.47, 0],
  neck: ["chest", 0, 0.45, 0],
  right_shoulder: ["chest", -0.05, 0.49, 0.37],
  right_elbow: ["right_shoulder", 0, -0.55, 0],
  left_shoulder: ["chest", -0.05, 0.49, -0.37],
  left_elbow: ["left_shoulder", 0, -0.55, 0],
  right_hip: ["root", 0, 0, 0.17],
  right_knee: ["right_hip", 0, -0.84, 0],
  right_ankle: ["right_knee", 0, -0.82, 0],
  left_hip: ["root", 0, 0, -0.17],
  left_knee: ["left_hip", 0, -0.84, 0],
  left_ankle: ["left_knee", 0, -0.82, 0],
}).map((joint): BvhJoint => (joint.name.endsWith("elbow") ? { ...joint, end: [0, -0.5, 0] } : joint));

/** A motion of two equal frames in which some joints have angles (z, x, y, degrees) and the root stands somewhere. */
function motionOf(joints: BvhJoint[], turns: Record<string, readonly number[]>, root: readonly number[]): BvhMotion {
  const frame = joints.flatMap(({ name, parent }) => [...(parent < 0 ? root : []), ...(turns[name] ?? [0, 0, 0])]);
  return { joints, frameCount: 2, frameTime: 1 / 30, values: Float64Array.from([...frame, ...frame]) };
}

/** Rotations in the world of all joints at a frame. */
function worldTurns({ rotations }: MotionClip, frame: number): Quaternion[] {
  const worlds: Quaternion[] = [];
  PARENTS.forEach((parent, j) => {
    const own = new Quaternion().fromArray(rotations, 4 * (24 * frame + j));
    worlds.push(parent < 0 ? own : own.premultiply(worlds[parent]!));
  });
  return worlds;
}

/** Where the bone from `joint` to `child` points. */
function pointing(clip: MotionClip, joint: keyof typeof JOINTS, child: keyof typeof JOINTS, frame = 0): Vector3 {
  const at = (name: keyof typeof JOINTS) => new Vector3().fromArray(rest, 3 * JOINTS[name]);
  return at(child).sub(at(joint)).normalize().applyQuaternion(worldTurns(clip, frame)[JOINTS[joint]]!);
}

function expectDirection(found: Vector3, wanted: readonly number[]): void {
  wanted.forEach((value, k) => expect(found.getComponent(k)).toBeCloseTo(value, 5));
}

describe("names of joints", () => {
  const chain = (side: (part: string) => string, parts: readonly string[]): [string, string][] =>
    parts.map((part, i) => [side(part), i === 0 ? "" : side(parts[i - 1]!)]);
  test.each([
    [
      "Mixamo",
      (s: string, p: string) => `mixamorig:${s === "l" ? "Left" : "Right"}${p}`,
      ["UpLeg", "Leg", "Foot", "ToeBase"],
      ["Shoulder", "Arm", "ForeArm", "Hand"],
    ],
    [
      "Blender",
      (s: string, p: string) => `${p}.${s.toUpperCase()}`,
      ["thigh", "shin", "foot", "toe"],
      ["shoulder", "upper_arm", "forearm", "hand"],
    ],
    [
      "3ds Max",
      (s: string, p: string) => `Bip01 ${s.toUpperCase()} ${p}`,
      ["Thigh", "Calf", "Foot", "Toe0"],
      ["Clavicle", "UpperArm", "Forearm", "Hand"],
    ],
    [
      "ASF",
      (s: string, p: string) => `${s}${p}`,
      ["femur", "tibia", "foot", "toes"],
      ["clavicle", "humerus", "radius", "wrist"],
    ],
    [
      "SMPL",
      (s: string, p: string) => `${s === "l" ? "left" : "right"}${p}`,
      ["Hip", "Knee", "Ankle", "Foot"],
      ["Collar", "Shoulder", "Elbow", "Wrist"],
    ],
  ] as const)("of %s", (_name, word, leg, arm) => {
    // biome-ignore format: one row per convention
    const joints: BvhJoint[] = [];
    const add = (name: string, parent: string) => {
      joints.push({ name, parent: joints.findIndex((j) => j.name === parent), offset: [0, 1, 0], channels: angles });
    };
    add("Hips", "");
    add("Spine", "Hips");
    add("Chest", "Spine");
    add("Neck", "Chest");
    add("Head", "Neck");
    for (const s of ["l", "r"]) {
      for (const [name, parent] of chain((p) => word(s, p), leg)) add(name, parent || "Hips");
      for (const [name, parent] of chain((p) => word(s, p), arm)) add(name, parent || "Chest");
    }
    const found = matchSkeleton(joints, "x.bvh");
    const nameOf = (index: number) => joints[index]?.name;
    expect([nameOf(found.pelvis), found.spine.map(nameOf), found.neck.map(nameOf)]).toEqual([
      "Hips",
      ["Spine", "Chest"],
      ["Neck", "Head"],
    ]);
    const { thigh, shin, ankle, toe, clavicle, upperArm, forearm, wrist, hand } = found.right;
    expect([thigh, shin, ankle, toe].map(nameOf)).toEqual(leg.map((p) => word("r", p)));
    expect([clavicle, upperArm, forearm, wrist].map(nameOf)).toEqual(arm.map((p) => word("r", p)));
    expect(hand).toBe(-1);
    expect(nameOf(found.left.thigh)).toBe(word("l", leg[0]));
  });

  test("a skeleton that is nobody's is refused with what is missing", () => {
    const robot = skeleton({ base: [null, 0, 0, 0], arm1: ["base", 0, 1, 0] });
    expect(() => matchSkeleton(robot, "robot.bvh")).toThrow(
      "robot.bvh: expected a person's skeleton, found no thigh, shin, upperArm, forearm among base, arm1",
    );
  });
});

describe("retargeting", () => {
  test("SMPL's own skeleton comes back as it went", () => {
    const random = createRandom(4, "bvh");
    const joints: BvhJoint[] = JOINT_NAMES.map((name, j) => {
      const parent = PARENTS[j]!;
      const offset = [0, 1, 2].map((k) => rest[3 * j + k]! - (parent < 0 ? 0 : rest[3 * parent + k]!));
      const channels = parent < 0 ? (["Xposition", "Yposition", "Zposition", ...angles] as const) : angles;
      return { name, parent, offset: offset as [number, number, number], channels };
    });
    const turns = Object.fromEntries(JOINT_NAMES.map((name) => [name, [0, 1, 2].map(() => random.normal(0, 30))]));
    const clip = retargetMotion(motionOf(joints, turns, [0.3, 1, -0.7]), rest, "own");
    JOINT_NAMES.forEach((name, j) => {
      const [z, x, y] = turns[name]!.map((angle) => (angle * Math.PI) / 180) as [number, number, number];
      const wanted = new Quaternion().setFromEuler(new Euler(x, y, z, "ZXY"));
      // The square root of the rounding of a cosine.
      expect(wanted.angleTo(new Quaternion().fromArray(clip.rotations, 4 * j)), name).toBeLessThan(2e-3);
    });
    expect(clip.places[0]! - 0.3).toBeCloseTo(rest[0]!, 5);
    expect(clip.places[1]).toBe(0);
  });

  test("arms that hang at rest, other axes, another size: limbs point where they did", () => {
    // Right elbow bent forwards by 90 degrees about the sideways axis; left hip lifted forwards by 30.
    const turns = { right_elbow: [90, 0, 0], left_hip: [30, 0, 0] };
    const clip = retargetMotion(motionOf(deepMimic, turns, [1.5, 1.7, 0.4]), rest, "deep");
    expectDirection(pointing(clip, "leftShoulder", "leftElbow"), [0, -1, 0]);
    expectDirection(pointing(clip, "rightShoulder", "rightElbow"), [0, -1, 0]);
    expectDirection(pointing(clip, "rightElbow", "rightWrist"), [0, 0, 1]);
    expectDirection(pointing(clip, "leftHip", "leftKnee"), [0, -Math.cos(Math.PI / 6), 0.5]);
    expectDirection(pointing(clip, "rightHip", "rightKnee"), [0, -1, 0]);
    // The file's forward is SMPL's +z, its right is -x; legs of 1.66 became those of the body.
    const leg = (a: number, b: number) => new Vector3().fromArray(rest, 3 * a).distanceTo(new Vector3().fromArray(rest, 3 * b)); // biome-ignore format: one length
    const scale = (leg(JOINTS.leftHip, JOINTS.leftKnee) + leg(JOINTS.leftKnee, JOINTS.leftAnkle)) / 1.66;
    expect(clip.places[0]).toBeCloseTo(-0.4 * scale, 5);
    expect(clip.places[2]).toBeCloseTo(1.5 * scale, 5);
  });

  test("a forearm whose end the file does not give goes on straight", () => {
    const open = deepMimic.map(({ end: _, ...joint }): BvhJoint => joint);
    const clip = retargetMotion(motionOf(open, {}, [0, 1.7, 0]), rest, "deep");
    expect(pointing(clip, "leftElbow", "leftWrist").y).toBeLessThan(-0.99);
  });

  test("a trunk of one joint is divided among the three of the spine", () => {
    const clip = retargetMotion(motionOf(deepMimic, { chest: [0, 0, 60] }, [0, 1.7, 0]), rest, "deep");
    for (const name of ["spine1", "spine2", "spine3"] as const) {
      const own = new Quaternion().fromArray(clip.rotations, 4 * JOINTS[name]);
      expect(2 * Math.acos(Math.abs(own.w))).toBeCloseTo(Math.PI / 9, 5);
      expect(own.y).toBeGreaterThan(0);
    }
  });

  test("a jump is lift, a standing person has none, and a motion without frames is refused", () => {
    const standing = motionOf(deepMimic, {}, [0, 1.66, 0]);
    const values = standing.values.slice();
    values[values.length / 2 + 1]! += 0.8;
    const { places } = retargetMotion({ ...standing, values }, rest, "deep");
    expect(places[1]).toBe(0);
    expect(places[4]).toBeGreaterThan(0.2);
    const empty = { ...standing, frameCount: 0, values: new Float64Array(0) };
    expect(() => retargetMotion(empty, rest, "e.bvh")).toThrow("e.bvh: expected two frames or more");
  });
});

test("real recordings: arms and legs point as recorded", async () => {
  const folder = shared("data/mocap");
  if (!folder) return;
  for (const name of readdirSync(folder).filter((file) => /(jumping_train_03|punch|cartwheel)/.test(file))) {
    const motion = await readBvh(join(folder, name));
    const clip = retargetMotion(motion, rest, name);
    const match = matchSkeleton(motion.joints, name);
    const poser = createBvhPoser(motion);
    const isDeepMimic = name.startsWith("dm_");
    for (let t = 0; t < motion.frameCount; t += 31) {
      const places = bvhJointPositions(motion, t);
      poser.pose(t);
      const bones = [
        ["leftHip", "leftKnee", match.left.thigh, match.left.shin],
        ["rightKnee", "rightAnkle", match.right.shin, match.right.ankle],
        ["rightShoulder", "rightElbow", match.right.upperArm, match.right.forearm],
      ] as const;
      for (const [joint, child, from, to] of bones) {
        const at = (j: number) => new Vector3().fromArray(places, 3 * j);
        expect(poser.position(to, new Vector3()).distanceTo(at(to))).toBeLessThan(1e-9);
        const { x, y, z } = at(to).sub(at(from)).normalize();
        expectDirection(pointing(clip, joint, child, t), isDeepMimic ? [-z, y, x] : [x, y, z]);
      }
    }
  }
});
