/** @file Errors of predicted bodies, frame by frame, against what is known of each frame. */
import type { BodyModel } from "../../smpl/body-model.ts";
import { tf } from "../../src/engine/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import type { PredictedFrames } from "../cues/cue.ts";
import { meanDistance, paMpjpe, pve, rootRelative } from "./metrics.ts";

/**
 * What is true of one frame, any subset; orientation is in camera space. A body (rotations and betas) is preferred to
 * joints, which give no PVE.
 */
export interface FrameTruth {
  /** [J*9] */
  readonly rotations?: ArrayLike<number>;
  /** [N] */
  readonly betas?: ArrayLike<number>;
  /** [J*3] metres, from any origin. */
  readonly joints?: ArrayLike<number>;
  /** [J] above 0 where a joint is known (default: all are). */
  readonly known?: ArrayLike<number>;
}

/** Errors of one frame, mm, and what they were computed from. */
export interface FrameErrors {
  readonly mpjpe: number;
  readonly paMpjpe: number;
  /** Undefined where no true body is known. */
  readonly pve: number | undefined;
  /** Root-relative joints [J*3] in metres, where all are known. */
  readonly motion: { readonly predicted: Float64Array; readonly target: Float64Array } | undefined;
}

/** Fewer points fit any others after a similarity. */
const LEAST_JOINTS = 3;

/**
 * Errors of the first `truths.length` frames of `predicted`, relative to the mean of the joints `root`, over the known
 * joints; undefined for frames of which too little is known (a root joint, or all but two). Throws ShapeError,
 * beginning with `where`.
 */
export function frameErrors(
  where: string,
  body: BodyModel,
  predicted: PredictedFrames,
  truths: readonly FrameTruth[],
  root: readonly number[],
): (FrameErrors | undefined)[] {
  const joints = predicted.joints.dataSync() as Float32Array;
  const vertices = predicted.vertices.dataSync() as Float32Array;
  const bodies = trueBodies(where, body, truths);
  return truths.map((truth, i) => {
    const ours = row(joints, 3 * body.parents.length, i);
    const theirs = bodies[i]?.joints ?? trueJoints(where, truth, body.parents.length);
    if (!theirs) return undefined;
    const known = (joint: number): boolean => bodies[i] !== undefined || !truth.known || truth.known[joint]! > 0;
    const kept = Array.from(body.parents.keys()).filter(known);
    if (kept.length < LEAST_JOINTS || !root.every(known)) return undefined;
    const [relative, target] = [rootRelative(ours, root), rootRelative(theirs, root)];
    const mesh = bodies[i]?.vertices;
    return {
      mpjpe: meanDistance(pick(relative, kept), pick(target, kept)),
      paMpjpe: paMpjpe(pick(ours, kept), pick(theirs, kept)),
      pve: mesh && pve(row(vertices, mesh.length, i), mesh, centre(ours, root), centre(theirs, root)),
      motion: kept.length === body.parents.length ? { predicted: relative, target } : undefined,
    };
  });
}

interface TrueBody {
  readonly joints: Float32Array;
  readonly vertices: Float32Array;
}

/** The true bodies of the frames of which rotations and betas are known. */
function trueBodies(where: string, body: BodyModel, truths: readonly FrameTruth[]): (TrueBody | undefined)[] {
  const found = new Array<TrueBody | undefined>(truths.length).fill(undefined);
  const places = truths.flatMap(({ rotations, betas }, i) => (rotations && betas ? [i] : []));
  if (places.length === 0) return found;
  const jointCount = body.parents.length;
  const rotations = places.flatMap((i) => Array.from(truths[i]!.rotations!));
  const betas = places.flatMap((i) => Array.from(truths[i]!.betas!).slice(0, body.betaCount));
  if (rotations.length !== places.length * jointCount * 9)
    throw new ShapeError(`${where} rotations`, `[${places.length},${jointCount},3,3]`, [rotations.length]);
  if (betas.length !== places.length * body.betaCount)
    throw new ShapeError(`${where} betas`, `[${places.length},${body.betaCount}]`, [betas.length]);
  const { joints, vertices } = body.forward({
    rotations: tf.tensor4d(rotations, [places.length, jointCount, 3, 3]),
    betas: tf.tensor2d(betas, [places.length, body.betaCount]),
  });
  const [allJoints, allVertices] = [joints.dataSync() as Float32Array, vertices.dataSync() as Float32Array];
  places.forEach((place, i) => {
    found[place] = { joints: row(allJoints, 3 * jointCount, i), vertices: row(allVertices, 3 * body.vertexCount, i) };
  });
  return found;
}

function trueJoints(where: string, { joints, known }: FrameTruth, count: number): ArrayLike<number> | undefined {
  if (joints && joints.length !== 3 * count) throw new ShapeError(`${where} joints`, `[${count},3]`, [joints.length]);
  if (known && known.length !== count) throw new ShapeError(`${where} known joints`, `[${count}]`, [known.length]);
  return joints;
}

function row(values: Float32Array, length: number, i: number): Float32Array {
  return values.subarray(i * length, (i + 1) * length);
}

function pick(points: ArrayLike<number>, indices: readonly number[]): number[] {
  return indices.flatMap((i) => [points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!]);
}

function centre(points: ArrayLike<number>, indices: readonly number[]): number[] {
  return [0, 1, 2].map((axis) => indices.reduce((sum, i) => sum + points[3 * i + axis]!, 0) / indices.length);
}
