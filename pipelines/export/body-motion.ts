/**
 * @file One person's motion for animation programs: a skeleton of one shape that turns and walks in a world with x right,
 * y up and the camera at the origin looking along -z. Camera space (y down, z forward) is this world turned by half a
 * turn about x.
 */
import { Matrix4, Quaternion, Vector3 } from "three";
import type { PersonFrame } from "../bodies/predict.ts";
import { type PredictionInfo, placement } from "./prediction-writer.ts";

/** T frames, J joints. */
export interface BodyMotion {
  readonly track: number;
  /** [T] index in the video, rising. */
  readonly frames: readonly number[];
  /** [T] seconds since the video's first frame. */
  readonly times: Float32Array;
  /** [N] the mean over all frames. */
  readonly betas: Float32Array;
  /** [T*J*4] unit quaternions x, y, z, w relative to the parent, the first to the world; neighbours have the same sign. */
  readonly rotations: Float32Array;
  /** [T*3] where the first joint stands, metres. */
  readonly roots: Float32Array;
}

/** Gathers a motion frame by frame: some 500 bytes each. */
export interface MotionRecorder {
  add(person: PersonFrame): void;
  motion(): BodyMotion;
}

/** A vector of camera space in the world. */
export function toWorld(x: number, y: number, z: number): [x: number, y: number, z: number] {
  return [x, -y, -z];
}

const HALF_TURN = new Quaternion(1, 0, 0, 0);

/** Begins to gather the motion of one person. */
export function createMotionRecorder(info: PredictionInfo): MotionRecorder {
  const frames: number[] = [];
  const times: number[] = [];
  const betas = new Float64Array(info.betaCount);
  const rotations: Float32Array[] = [];
  const roots: [number, number, number][] = [];
  return {
    add(person) {
      const { prediction, frame, time } = person;
      const [x, y, z] = placement(person, info);
      const [jx, jy, jz] = [prediction.joints[0]!, prediction.joints[1]!, prediction.joints[2]!];
      frames.push(frame);
      times.push(time);
      roots.push(toWorld(jx + x, jy + y, jz + z));
      rotations.push(quaternionsOf(prediction.rotations, rotations.at(-1)));
      prediction.betas.forEach((value, i) => {
        betas[i]! += value;
      });
    },
    motion: () => ({
      track: info.track,
      frames,
      times: Float32Array.from(times),
      betas: Float32Array.from(betas, (sum) => sum / Math.max(1, frames.length)),
      rotations: joined(rotations),
      roots: Float32Array.from(roots.flat()),
    }),
  };
}

function quaternionsOf(matrices: Float32Array, before: Float32Array | undefined): Float32Array {
  const count = matrices.length / 9;
  const out = new Float32Array(4 * count);
  for (let j = 0; j < count; j++) {
    const [a, b, c, d, e, f, g, h, i] = matrices.subarray(9 * j, 9 * j + 9) as unknown as Nine;
    const turn = new Quaternion().setFromRotationMatrix(
      new Matrix4().set(a, b, c, 0, d, e, f, 0, g, h, i, 0, 0, 0, 0, 1),
    );
    if (j === 0) turn.premultiply(HALF_TURN);
    turn.normalize();
    if (before && turn.dot(new Quaternion().fromArray(before, 4 * j)) < 0) turn.set(-turn.x, -turn.y, -turn.z, -turn.w);
    turn.toArray(out, 4 * j);
  }
  return out;
}
type Nine = [number, number, number, number, number, number, number, number, number];

/**
 * The same motion with every frame from the first to the last: where the person was not seen, rotations are interpolated
 * along the shortest arc and positions and times on a line.
 */
export function withoutGaps(motion: BodyMotion): BodyMotion {
  const { frames, times, rotations, roots } = motion;
  const first = frames[0]!;
  const count = frames.at(-1)! - first + 1;
  if (frames.length === 0 || count === frames.length) return motion;
  const width = rotations.length / frames.length;
  const filled = {
    frames: Array.from({ length: count }, (_, i) => first + i),
    times: new Float32Array(count),
    rotations: new Float32Array(count * width),
    roots: new Float32Array(count * 3),
  };
  for (let i = 0, next = 0; i < count; i++) {
    while (frames[next]! < first + i) next++;
    const last = Math.max(0, frames[next] === first + i ? next : next - 1);
    const share = next === last ? 0 : (first + i - frames[last]!) / (frames[next]! - frames[last]!);
    filled.times[i] = times[last]! + share * (times[next]! - times[last]!);
    for (let k = 0; k < width; k += 4)
      new Quaternion()
        .fromArray(rotations, last * width + k)
        .slerp(new Quaternion().fromArray(rotations, next * width + k), share)
        .toArray(filled.rotations, i * width + k);
    new Vector3()
      .fromArray(roots, 3 * last)
      .lerp(new Vector3().fromArray(roots, 3 * next), share)
      .toArray(filled.roots, 3 * i);
  }
  return { ...motion, ...filled };
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}
