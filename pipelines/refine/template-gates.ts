/** @file Which of a template's keypoints are used at all: frames and whole clips in which it does not follow the person are left out. */
import type { TemplateJointMap } from "../labelled/template-joints.ts";
import { CONFIDENCE_TERMS, type ConfidenceTerm } from "../templates/confidence.ts";

/** One person's clip: T frames, K joints. */
export interface ClipEvidence {
  /** [T*K*2] pixels of the crop. */
  readonly keypoints: Float32Array;
  /** [T*K*4] by CONFIDENCE_TERMS. */
  readonly terms: Float32Array;
  /** [T*K*2] where the regressor, as it is before the run, has these joints of a person who faces the camera. */
  readonly projected: Float32Array;
  readonly cropSize: number;
}

/** Why a whole clip is left out. */
export type ClipProblem = "unsure" | "heaped" | "still" | "unrelated" | "far";

/** What each problem means, for people. */
export const CLIP_PROBLEMS: Readonly<Record<ClipProblem, string>> = {
  unsure: "too few frames with sure keypoints",
  heaped: "the joints lie in a heap, or scattered beyond the person",
  still: "the joints do not move while the body does",
  unrelated: "the joints' motion has nothing to do with the body's",
  far: "the joints are far from the body",
};

/** What a clip's keypoints are worth. */
export interface ClipVerdict {
  /** [T*K] confidences; 0 in gated frames, and everywhere where there is a problem. */
  readonly confidence: Float32Array;
  readonly problem?: ClipProblem;
  /** Frames left out, by the term that took most of their joints. */
  readonly gated: Readonly<Record<ConfidenceTerm, number>>;
  /** [T*K*2] projected joints on the sides that lie nearer to the keypoints, where frames are used. */
  readonly targets: Float32Array;
}

/** A frame needs this many joints of at least this confidence, trust left aside. */
const LEAST_SURE = 4;
const SURE = 0.3;
/** Clips with fewer frames than this cannot be judged. */
const LEAST_FRAMES = 6;
/** Spread of the joints in a frame over that of the projected ones: beyond it the person is not what was found. */
const HEAPED = 0.5;
const SCATTERED = 2;
/** Spread of the pose over the frames, over that of the projected one. */
const STILL = 0.2;
/** Correlation of the two motions. */
const RELATED = 0.2;
/** Mean distance in sides of the crop. Trained templates err by 6 to 11 % of the picture. */
const FAR = 0.15;

/** Judges one clip. A template that always says the same, or that says anything, gets no confidence at all. */
export function judgeClip(
  clip: ClipEvidence,
  { trust, mirror }: Pick<TemplateJointMap, "trust" | "mirror">,
): ClipVerdict {
  const K = trust.length;
  const frames = clip.keypoints.length / 2 / K;
  const confidence = new Float32Array(frames * K);
  const targets = clip.projected.slice();
  const gated = Object.fromEntries(CONFIDENCE_TERMS.map((term) => [term, 0])) as Record<ConfidenceTerm, number>;
  const used: number[] = [];
  for (let f = 0; f < frames; f++) {
    const sure = Float32Array.from(trust, (_, k) => productOfTerms(clip.terms, f * K + k));
    if (sure.filter((c) => c >= SURE).length < LEAST_SURE) {
      gated[worstTerm(clip.terms, f, K)]++;
      continue;
    }
    used.push(f);
    sure.forEach((c, k) => {
      confidence[f * K + k] = c * trust[k]!;
    });
    takeNearerSides(clip, targets, mirror, f);
  }
  const problem = problemOf(clip, targets, used, K);
  if (problem) confidence.fill(0);
  return { confidence, gated, targets, ...(problem ? { problem } : {}) };
}

/**
 * [K*2] the median of target - keypoint for each joint, over frames of all clips that are used: what a template's joints are
 * off those of a body wherever the person goes. It says nothing of the pose and is taken out.
 */
export function jointOffsets(clips: readonly (ClipEvidence & ClipVerdict)[], K: number): Float32Array {
  return Float32Array.from({ length: 2 * K }, (_, i) => {
    const [k, axis] = [i >> 1, i & 1];
    const found = clips.flatMap(({ keypoints, targets, confidence }) =>
      Array.from({ length: confidence.length / K }, (_, f) => f * K + k)
        .filter((at) => confidence[at]! > 0)
        .map((at) => targets[2 * at + axis]! - keypoints[2 * at + axis]!),
    );
    return median(found);
  });
}

function problemOf(
  clip: ClipEvidence,
  targets: Float32Array,
  used: readonly number[],
  K: number,
): ClipProblem | undefined {
  if (used.length < LEAST_FRAMES) return "unsure";
  const [own, body] = [clip.keypoints, targets].map((points) => centredPoses(points, used, K)) as [Poses, Poses];
  const ratio = median(own.spreads.map((spread, i) => spread / body.spreads[i]!));
  if (!(ratio > HEAPED && ratio < SCATTERED)) return "heaped";
  const distances = used.map((f) => meanDistance(clip.keypoints, targets, f, K) / clip.cropSize);
  if (!(median(distances) < FAR)) return "far";
  const [a, b] = [own.changes, body.changes];
  let [aa, bb, ab] = [0, 0, 0];
  a.forEach((x, i) => {
    aa += x * x;
    bb += b[i]! ** 2;
    ab += x * b[i]!;
  });
  if (!(aa > STILL ** 2 * bb)) return "still";
  return ab > RELATED * Math.sqrt(aa * bb) ? undefined : "unrelated";
}

interface Poses {
  /** Root of the mean squared distance of a frame's joints from their middle. */
  readonly spreads: readonly number[];
  /** Of all frames: joints about their middle, minus the mean over the frames. */
  readonly changes: Float64Array;
}

function centredPoses(points: Float32Array, used: readonly number[], K: number): Poses {
  const poses = used.map((f) => {
    const own = Float64Array.from(points.subarray(f * K * 2, (f + 1) * K * 2));
    const middle = [0, 1].map((axis) => own.reduce((sum, x, i) => sum + (i % 2 === axis ? x : 0), 0) / K);
    return own.map((x, i) => x - middle[i % 2]!);
  });
  const mean = Float64Array.from(
    { length: 2 * K },
    (_, i) => poses.reduce((sum, pose) => sum + pose[i]!, 0) / poses.length,
  );
  return {
    spreads: poses.map((pose) => Math.sqrt(pose.reduce((sum, x) => sum + x * x, 0) / K)),
    changes: Float64Array.from(poses.flatMap((pose) => Array.from(pose, (x, i) => x - mean[i]!))),
  };
}

function takeNearerSides(
  { keypoints, projected }: ClipEvidence,
  targets: Float32Array,
  mirror: readonly number[],
  f: number,
): void {
  const K = mirror.length;
  const crossed = projected.slice(f * K * 2, (f + 1) * K * 2);
  mirror.forEach((other, k) => {
    crossed.set(projected.subarray(2 * (f * K + other), 2 * (f * K + other) + 2), 2 * k);
  });
  const own = keypoints.subarray(f * K * 2, (f + 1) * K * 2);
  if (meanDistance(own, crossed, 0, K) < meanDistance(keypoints, projected, f, K)) targets.set(crossed, f * K * 2);
}

function meanDistance(a: Float32Array, b: Float32Array, f: number, K: number): number {
  let sum = 0;
  for (let at = 2 * f * K; at < 2 * (f + 1) * K; at += 2) sum += Math.hypot(a[at]! - b[at]!, a[at + 1]! - b[at + 1]!);
  return sum / K;
}

function productOfTerms(terms: Float32Array, at: number): number {
  return CONFIDENCE_TERMS.reduce((product, _, t) => product * terms[at * CONFIDENCE_TERMS.length + t]!, 1);
}

/** The term by which most joints of the frame alone would be unsure. */
function worstTerm(terms: Float32Array, f: number, K: number): ConfidenceTerm {
  const means = CONFIDENCE_TERMS.map((_, t) => {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += terms[(f * K + k) * CONFIDENCE_TERMS.length + t]!;
    return sum;
  });
  return CONFIDENCE_TERMS[means.indexOf(Math.min(...means))]!;
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
