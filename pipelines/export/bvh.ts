/**
 * @file Predictions as BVH: the skeleton alone, for animation programs. Metres, y up, the camera at the origin looking along
 * -z; the rest pose is the body model's own (a T, facing +z); angles in degrees, R = Rz Rx Ry.
 */
import { Euler, Quaternion } from "three";
import { type BodyArrays, restJoints } from "../../smpl/body-arrays.ts";
import { JOINT_NAMES } from "../../smpl/joints.ts";
import { type BvhChannel, type BvhJoint, type BvhMotion, formatBvh } from "../../src/io/bvh.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { type BodyMotion, createMotionRecorder, withoutGaps } from "./body-motion.ts";
import type { PredictionInfo, PredictionWriter } from "./prediction-writer.ts";

const ROTATIONS: readonly BvhChannel[] = ["Zrotation", "Xrotation", "Yrotation"];
const POSITIONS: readonly BvhChannel[] = ["Xposition", "Yposition", "Zposition"];
/** Frames per second of a single picture's one frame. */
const PICTURE_RATE = 30;
const DEGREES = 180 / Math.PI;

/**
 * A writer of `path`.bvh: one skeleton, whose offsets are those of the mean shape, from the person's first frame to the
 * last; frames in which the person was not seen are interpolated, since such files have no gaps.
 */
export async function bvhWriter(path: string, info: PredictionInfo, body: BodyArrays): Promise<PredictionWriter> {
  const recorder = createMotionRecorder(info);
  return {
    path,
    write: async (person) => recorder.add(person),
    async close() {
      const rate = info.fps > 0 ? info.fps : PICTURE_RATE;
      const text = formatBvh(bvhOfMotion(recorder.motion(), body, rate));
      await writeFileAtomic(
        path,
        Array.from(text, (piece) => new TextEncoder().encode(piece)),
      );
    },
    abort: async () => {},
  };
}

/** The motion of a skeleton with the mean shape's bones. The root's offset is 0 and its position channels are absolute. */
export function bvhOfMotion(motion: BodyMotion, body: BodyArrays, fps: number): BvhMotion {
  const { rotations, roots, frames, betas } = withoutGaps(motion);
  const joints = skeletonOf(body, betas);
  const width = 3 + 3 * joints.length;
  const values = new Float64Array(frames.length * width);
  const before = new Float64Array(3 * joints.length);
  frames.forEach((_, t) => {
    values.set(roots.subarray(3 * t, 3 * t + 3), t * width);
    joints.forEach((_joint, j) => {
      const turn = new Quaternion().fromArray(rotations, 4 * (t * joints.length + j));
      const angles = nearestAngles(turn, before.subarray(3 * j, 3 * j + 3));
      before.set(angles, 3 * j);
      values.set(angles, t * width + 3 + 3 * j);
    });
  });
  return { joints, frameCount: frames.length, frameTime: 1 / fps, values };
}

function skeletonOf(body: BodyArrays, betas: Float32Array): BvhJoint[] {
  const rest = restJoints(body, betas);
  return Array.from(body.parents, (parent, j) => {
    const from = (other: number, k: number) => (other < 0 ? 0 : rest[3 * j + k]! - rest[3 * other + k]!);
    const offset = [from(parent, 0), from(parent, 1), from(parent, 2)] as const;
    const channels = parent < 0 ? [...POSITIONS, ...ROTATIONS] : ROTATIONS;
    const joint = { name: JOINT_NAMES[j] ?? `joint${j}`, parent, offset, channels };
    // A body model does not say where its last bones end: half as far again.
    return body.parents.includes(j) ? joint : { ...joint, end: [offset[0] / 2, offset[1] / 2, offset[2] / 2] };
  });
}

/** Degrees about z, x, y; of the two ways and whole turns to write a rotation, the one nearest to `before`. */
function nearestAngles(turn: Quaternion, before: ArrayLike<number>): [z: number, x: number, y: number] {
  const { x, y, z } = new Euler().setFromQuaternion(turn, "ZXY");
  const ways = [
    [z, x, y],
    [z + Math.PI, Math.PI - x, y + Math.PI],
  ].map((angles) => angles.map((angle, k) => unwound(angle * DEGREES, before[k]!)));
  const distance = (angles: readonly number[]) => Math.hypot(...angles.map((angle, k) => angle - before[k]!));
  const [one, other] = ways as [number[], number[]];
  return (distance(other) < distance(one) ? other : one) as [number, number, number];
}

function unwound(angle: number, before: number): number {
  return angle - 360 * Math.round((angle - before) / 360);
}
