/** @file Poses to learn lifting from: joints of moving people before random cameras, in 2D in normal form and in space. */

import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { PARENTS } from "../../smpl/joints.ts";
import { createRandom } from "../../src/random.ts";
import { mixJoints, type TemplateJointMap, templateJointMap } from "../labelled/template-joints.ts";
import type { Context } from "../run/context.ts";
import { type Casting, sceneChoice } from "../synth/casting.ts";
import { createScene, createWorld, poseScene } from "../synth/world.ts";
import { jointBody } from "../train/joint-body.ts";
import { DISTANCE } from "./reprojection.ts";

/** N poses of J joints. */
export interface PoseSet {
  /** [N*J*2] in normal form: the root at 0, the root of the mean squared distance from it 1/10. */
  readonly points: Float32Array;
  /** [N*J*3] relative to the root, in the camera's directions, in units in which the skeleton, 10 away, gives these points. */
  readonly skeletons: Float32Array;
  /** [N] metres per unit. */
  readonly metres: Float32Array;
  /** Poses p after which, 1/25 s later, pose p + 1 of the same person follows. */
  readonly followed: readonly number[];
}

/** Which poses are made. */
export interface PoseChoice extends Pick<Casting, "library" | "recorded" | "split"> {
  readonly scenes: number;
  /** Poses of each scene, 1/25 s apart. */
  readonly frames: number;
  readonly sides: "person" | "picture";
  readonly seed: number;
}

const STEP = 1 / 25;
/** Joints of every template, the root first. */
export const LIFTED_JOINTS: readonly string[] = [
  ...["pelvis", "chest", "neck"],
  ...["right", "left"].flatMap((side) => ["hip", "knee", "ankle", "shoulder", "elbow", "wrist"].map((joint) => `${side}-${joint}`)), // biome-ignore format: one line
];

/** The poses of a choice; `body` has SMPL's skeleton. The same seed gives the same poses. */
export async function makePoses(body: BodyArrays, choice: PoseChoice, context: Context): Promise<PoseSet> {
  const { scenes, frames, sides, seed, ...casting } = choice;
  const map = templateJointMap(LIFTED_JOINTS);
  const world = createWorld(body.vTemplate.length === 3 * PARENTS.length ? body : jointBody(body));
  const J = LIFTED_JOINTS.length;
  const count = scenes * frames;
  const set = {
    points: new Float32Array(count * J * 2),
    skeletons: new Float32Array(count * J * 3),
    metres: new Float32Array(count),
    followed: [] as number[],
  };
  const progress = context.progress(`poses${choice.split ? ` to ${choice.split}` : ""}`, { total: scenes, unit: "scenes" }); // biome-ignore format: one line
  try {
    for (let s = 0; s < scenes; s++) {
      context.signal.throwIfAborted();
      const scene = createScene(world, seed, s, await sceneChoice(casting, seed, s, frames * STEP));
      const start = scene.motion.isRecorded ? 0 : createRandom(seed, "lift start", s).uniform(0, 20);
      for (let f = 0; f < frames; f++) {
        const at = s * frames + f;
        const { joints } = poseScene(scene, start + f * STEP);
        const pose = normalPose(mixJoints(map, joints, 3), sides === "picture" ? map : undefined);
        set.points.set(pose.points, at * J * 2);
        set.skeletons.set(pose.skeleton, at * J * 3);
        set.metres[at] = pose.metres;
        if (f + 1 < frames) set.followed.push(at);
      }
      progress.update(s + 1);
    }
  } finally {
    progress.finish();
  }
  return set;
}

/** One pose of a PoseSet. */
interface NormalPose {
  readonly points: Float32Array;
  readonly skeleton: Float32Array;
  readonly metres: number;
}

/**
 * The pose of joints [J*3] in camera space (metres, the first is the root). With `map`, left and right are named as a
 * template sees them: left joints are those further left in the picture.
 */
export function normalPose(joints: Float32Array, map?: Pick<TemplateJointMap, "mirror" | "names">): NormalPose {
  const named = map && isCrossed(joints, map) ? exchanged(joints, map.mirror) : joints;
  const count = named.length / 3;
  const [rx, ry, rz] = [named[0]!, named[1]!, named[2]!];
  const points = new Float32Array(2 * count);
  let squares = 0;
  for (let j = 0; j < count; j++) {
    const z = named[3 * j + 2]!;
    points[2 * j] = named[3 * j]! / z - rx / rz;
    points[2 * j + 1] = named[3 * j + 1]! / z - ry / rz;
    squares += points[2 * j]! ** 2 + points[2 * j + 1]! ** 2;
  }
  const size = Math.sqrt(squares / count);
  const metres = rz * size;
  const root = [rx, ry, rz];
  return {
    points: points.map((x) => x / (size * DISTANCE)),
    skeleton: Float32Array.from(named, (x, i) => (x - root[i % 3]!) / metres),
    metres,
  };
}

function isCrossed(joints: Float32Array, { mirror, names }: Pick<TemplateJointMap, "mirror" | "names">): boolean {
  let difference = 0;
  mirror.forEach((other, j) => {
    const x = joints[3 * j]! / joints[3 * j + 2]!;
    if (other !== j) difference += names[j]!.startsWith("left-") ? x : -x;
  });
  return difference > 0;
}

function exchanged(joints: Float32Array, mirror: readonly number[]): Float32Array {
  return joints.map((_, i) => joints[3 * mirror[Math.floor(i / 3)]! + (i % 3)]!);
}
