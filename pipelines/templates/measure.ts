/** @file The published measures of one set of keypoints. */
import {
  BODY_SEGMENTS,
  detectedJoints,
  frameMeans,
  type Keypoints,
  nL2,
  nL2MinOverSwap,
  partErrors,
  proportionConsistency,
  swapSides,
} from "../../templates/keypoint-metrics.ts";
import { mirroredJoints } from "../../templates/part-template.ts";

/** True keypoints of frames, in pixels of crops of `size`. */
export interface TrueKeypoints {
  /** [J] of a part template: sides are those of a person who faces the camera. */
  readonly names: readonly string[];
  readonly keypoints: Keypoints;
  /** Of each frame, the diagonal of the person's box. */
  readonly diagonals: ArrayLike<number>;
  readonly size: number;
}

/** Measures by their published names; percent of the crop's side, percent of joints. */
export interface KeypointMeasures {
  /** The better of both readings of left and right, frame by frame. */
  readonly nL2: number;
  /** Left and right as a person who faces the camera has them. */
  readonly nL2Plain: number;
  /** PDJ@0.05, with the reading that nL2 takes, and the plain one. */
  readonly pdj: number;
  readonly pdjPlain: number;
  /** Consistency of proportions; no truth is needed. Missing where nothing varies. */
  readonly bplpC?: number;
  /** nL2 of each joint, with the reading that nL2 takes. */
  readonly perJoint: Readonly<Record<string, number>>;
}

/** Proportions as consistent as this do not vary at all, but for rounding. */
const CONSTANT = 1e6;

/** The measures of `predicted`, joints in the order of `truth.names`. */
export function measureKeypoints(predicted: Keypoints, truth: TrueKeypoints): KeypointMeasures {
  const { names, keypoints, diagonals, size } = truth;
  const mirrored = mirroredJoints(names);
  const better = betterReading(predicted, keypoints, mirrored);
  const errors = partErrors(predicted, better, size);
  const segments = BODY_SEGMENTS.map(([a, b]) => [names.indexOf(a), names.indexOf(b)] as const);
  const hasBody = segments.every(([a, b]) => a >= 0 && b >= 0);
  const consistency = hasBody ? proportionConsistency(predicted, segments).value : Number.NaN;
  return {
    nL2: nL2MinOverSwap(predicted, keypoints, size, mirrored),
    nL2Plain: nL2(predicted, keypoints, size),
    pdj: detectedJoints(predicted, better, diagonals).all,
    pdjPlain: detectedJoints(predicted, keypoints, diagonals).all,
    ...(consistency < CONSTANT ? { bplpC: consistency } : {}),
    perJoint: Object.fromEntries(names.map((name, j) => [name, errors[j]!])),
  };
}

/** The truth with left and right of each frame as they fit the prediction better. */
function betterReading(predicted: Keypoints, truth: Keypoints, mirrored: readonly number[]): Keypoints {
  const exchanged = swapSides(truth, mirrored);
  const [plain, other] = [frameMeans(predicted, truth), frameMeans(predicted, exchanged)];
  const width = 2 * truth.joints;
  const data = Float64Array.from({ length: truth.data.length }, (_, i) => {
    const frame = Math.floor(i / width);
    return (other[frame]! < plain[frame]! ? exchanged : truth).data[i]!;
  });
  return { data, joints: truth.joints };
}
