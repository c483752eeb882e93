/** @file Lifts the people of a keypoint file and writes their skeletons. */
import { basename, dirname, join } from "node:path";
import { startEngine } from "../../src/engine/engine.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { completeOptions } from "../../src/options.ts";
import { type Context, createContext } from "../run/context.ts";
import { liftAll } from "./evaluate.ts";
import { readTrackPoints } from "./keypoint-file.ts";
import { type Lifter, loadLifter } from "./lifter.ts";
import { LIFT_INFER_OPTIONS, type LiftInferOptions } from "./options.ts";
import { DISTANCE } from "./reprojection.ts";

/** What lifting a file came to. */
export interface LiftInferResult {
  readonly skeletons: string;
  readonly people: number;
  /** Frames that were lifted, and those that lack a joint. */
  readonly frames: number;
  readonly left: number;
}

/**
 * Lifts every frame of `keypoints` (a "motioncue-keypoints" file) in which all joints are known, and writes JSON: `{"format":
 * "motioncue-skeletons", "joints", "tracks": [{"id", "frames": [{"index", "joints": [[x, y, z], ...]}]}]}` in metres from the
 * pelvis, x right, y down, z away from the camera, left and right as the template has them. The size of a person is not in a
 * picture: that of the lifter's training people is taken. Throws FormatError.
 */
export async function liftFile(
  keypoints: string,
  model: string,
  given: Partial<LiftInferOptions>,
  context: Context = createContext(),
): Promise<LiftInferResult> {
  const options = completeOptions("lift infer", LIFT_INFER_OPTIONS, given);
  await startEngine(options.engine, options.precision);
  const { lifter, metresPerUnit } = await loadLifter(model);
  try {
    const tracks = await readTrackPoints(keypoints, lifter.spec.joints);
    let [frames, left] = [0, 0];
    const lifted = tracks.map(({ id, frames: own }) => {
      const whole = own.filter(({ points }) => isWhole(points, options.minConfidence));
      left += own.length - whole.length;
      frames += whole.length;
      const skeletons = liftFrames(lifter, whole.map(({ points }) => points), metresPerUnit); // biome-ignore format: one thought
      return {
        ...(id === undefined ? {} : { id }),
        frames: whole.map(({ index }, f) => ({ index, joints: skeletons[f]! })),
      };
    });
    if (left > 0) context.log.warn(`${keypoints}: ${left} frames lack a sure keypoint and are left out`);
    const out =
      options.out ??
      join(dirname(keypoints), `${basename(keypoints).replace(/(\.keypoints)?\.json$/, "")}.skeletons.json`);
    const content = { format: "motioncue-skeletons", joints: lifter.spec.joints, tracks: lifted };
    await writeFileAtomic(out, `${JSON.stringify(content)}\n`);
    return { skeletons: out, people: lifted.length, frames, left };
  } finally {
    lifter.dispose();
  }
}

function isWhole(points: Float32Array, minConfidence: number): boolean {
  return points.every((c, i) => i % 3 !== 2 || (c > 0 && c >= minConfidence));
}

/** Skeletons [J][3] in metres of frames [J*3] (x, y, confidence), rounded to tenths of a millimetre. */
function liftFrames(lifter: Lifter, frames: readonly Float32Array[], metresPerUnit: number): number[][][] {
  if (frames.length === 0) return [];
  const J = lifter.spec.joints.length;
  const points = new Float32Array(frames.length * J * 2);
  frames.forEach((frame, f) => {
    let squares = 0;
    for (let i = 0; i < 2 * J; i++) {
      const [j, axis] = [i >> 1, i & 1];
      const x = frame[3 * j + axis]! - frame[axis]!;
      points[f * J * 2 + i] = x;
      squares += x * x;
    }
    const size = Math.max(1e-9, DISTANCE * Math.sqrt(squares / J));
    for (let i = 0; i < 2 * J; i++) points[f * J * 2 + i]! /= size;
  });
  const lifted = liftAll(lifter, { points });
  return frames.map((_, f) =>
    Array.from({ length: J }, (_, j) =>
      [0, 1, 2].map((k) => Math.round(1e4 * metresPerUnit * lifted[3 * (f * J + j) + k]!) / 1e4),
    ),
  );
}
