/** @file Keypoints of a trained estimator in pictures, with how sure each is. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import { mirroredJoints } from "../../templates/part-template.ts";
import { mirrorImages } from "../../templates/references.ts";
import { anchorConfidence, boundsConfidence, flipConfidence, PICTURE_TERMS } from "./confidence.ts";
import type { LoadedTemplate } from "./model-file.ts";

/** J keypoints in each of B pictures. */
export interface FoundKeypoints {
  /** [B*J*2] (x, y) in pixels of the pictures. */
  readonly points: Float32Array;
  /** [B*J*3] 0..1: what each of PICTURE_TERMS says of them; 0 where they are not finite. */
  readonly terms: Float32Array;
  /** [B*J] the product of the terms. */
  readonly confidence: Float32Array;
}

/**
 * The keypoints [B*J*2] in images [B,S,S,3], S the estimator's size. With `iterations` above 1 an estimator that can look
 * again at what it reconstructs does so, and the last look counts.
 */
export function keypointsIn(estimator: TemplateEstimator, images: Tensor4D, iterations = 1): Float32Array {
  return allIterations(estimator, images, iterations).at(-1)!;
}

/** As keypointsIn, of each iteration; of an estimator that looks but once, only that. */
export function allIterations(estimator: TemplateEstimator, images: Tensor4D, iterations: number): Float32Array[] {
  const found: Float32Array[] = [];
  tf.tidy(() => {
    const looks =
      iterations > 1 && estimator.inferIteratively
        ? estimator.inferIteratively(images, iterations)
        : [estimator.infer(images)];
    for (const { keypoints } of looks) found.push(new Float32Array(keypoints.dataSync()));
  });
  return found;
}

/**
 * The keypoints in images [B,S,S,3] and their confidence. Parts that are not known have no anchors to disagree; points
 * without names have no other side, so no mirror is asked.
 */
export function findKeypoints(
  { estimator, parts }: Pick<LoadedTemplate, "estimator" | "parts">,
  images: Tensor4D,
  iterations = 1,
): FoundKeypoints {
  const { size, jointNames } = estimator;
  const { points, anchors } = lastLook(estimator, images, iterations);
  const hasSides = jointNames.some((name) => name.startsWith("left-"));
  const mirrored = hasSides ? mirroredPoints(estimator, images, iterations) : undefined;
  const mirror = mirroredJoints(jointNames);
  const jointAnchors = anchors ? parts?.joints.map((joint) => joint.anchors) : undefined;
  const count = images.shape[0];
  const row = (values: Float32Array, b: number) =>
    values.subarray((b * values.length) / count, ((b + 1) * values.length) / count);
  const terms = new Float32Array((points.length / 2) * PICTURE_TERMS.length);
  for (let b = 0; b < count; b++) {
    const own = row(points, b);
    const ofParts = anchors && jointAnchors ? { anchors: row(anchors, b), jointAnchors } : undefined;
    const by = {
      anchors: ofParts && anchorConfidence(ofParts.anchors, ofParts.jointAnchors, size),
      bounds: ofParts ? boundsConfidence(ofParts.anchors, size, ofParts.jointAnchors) : boundsConfidence(own, size),
      flip: mirrored && flipConfidence(own, row(mirrored, b), mirror, size),
    };
    const into = row(terms, b);
    for (let j = 0; j < own.length / 2; j++) {
      const said = PICTURE_TERMS.map((term) => by[term]?.[j] ?? 1);
      const isKnown = Number.isFinite(productOf(said) + own[2 * j]! + own[2 * j + 1]!);
      if (isKnown) into.set(said, j * PICTURE_TERMS.length);
    }
  }
  const confidence = Float32Array.from({ length: points.length / 2 }, (_, j) =>
    productOf(terms.subarray(j * PICTURE_TERMS.length, (j + 1) * PICTURE_TERMS.length)),
  );
  return { points, terms, confidence };
}

function productOf(values: Iterable<number>): number {
  let product = 1;
  for (const value of values) product *= value;
  return product;
}

/** Keypoints of the last look, and the anchors of an estimator that has them, which looks but once. */
function lastLook(
  estimator: TemplateEstimator,
  images: Tensor4D,
  iterations: number,
): { readonly points: Float32Array; readonly anchors?: Float32Array } {
  if (iterations > 1 && estimator.inferIteratively) return { points: keypointsIn(estimator, images, iterations) };
  const found: Float32Array[] = [];
  tf.tidy(() => {
    const { keypoints, anchors } = estimator.infer(images);
    for (const one of [keypoints, ...(anchors ? [anchors] : [])]) found.push(new Float32Array(one.dataSync()));
  });
  const [points, anchors] = found;
  return { points: points!, ...(anchors ? { anchors } : {}) };
}

function mirroredPoints(estimator: TemplateEstimator, images: Tensor4D, iterations: number): Float32Array {
  const turned = mirrorImages(images);
  const found = keypointsIn(estimator, turned, iterations);
  turned.dispose();
  return found;
}
