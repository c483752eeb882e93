/** @file Keypoints of a trained estimator in pictures, with how sure each is. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import { mirroredJoints } from "../../templates/part-template.ts";
import { mirrorImages } from "../../templates/references.ts";
import { anchorConfidence, boundsConfidence, flipConfidence } from "./confidence.ts";
import type { LoadedTemplate } from "./model-file.ts";

/** J keypoints in each of B pictures. */
export interface FoundKeypoints {
  /** [B*J*2] (x, y) in pixels of the pictures. */
  readonly points: Float32Array;
  /** [B*J] 0..1: the product of what anchors, the picture's bounds and the mirrored picture say; 0 where not finite. */
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

/** The keypoints in images [B,S,S,3] and their confidence. Points without names have no other side, so no mirror is asked. */
export function findKeypoints(
  { estimator, parts }: Pick<LoadedTemplate, "estimator" | "parts">,
  images: Tensor4D,
  iterations = 1,
): FoundKeypoints {
  const { size, jointNames } = estimator;
  const points = keypointsIn(estimator, images, iterations);
  const anchors = anchorsIn(estimator, images);
  const hasSides = jointNames.some((name) => name.startsWith("left-"));
  const mirrored = hasSides ? mirroredPoints(estimator, images, iterations) : undefined;
  const mirror = mirroredJoints(jointNames);
  const jointAnchors = anchors ? parts?.joints.map((joint) => joint.anchors) : undefined;
  const count = images.shape[0];
  const row = (values: Float32Array, b: number) =>
    values.subarray((b * values.length) / count, ((b + 1) * values.length) / count);
  const confidence = Float32Array.from({ length: points.length / 2 }, () => 1);
  for (let b = 0; b < count; b++) {
    const own = row(points, b);
    const ofParts = anchors && jointAnchors ? { anchors: row(anchors, b), jointAnchors } : undefined;
    const terms = [
      ...(ofParts ? [anchorConfidence(ofParts.anchors, ofParts.jointAnchors, size)] : []),
      ofParts ? boundsConfidence(ofParts.anchors, size, ofParts.jointAnchors) : boundsConfidence(own, size),
      ...(mirrored ? [flipConfidence(own, row(mirrored, b), mirror, size)] : []),
    ];
    row(confidence, b).forEach((_, j, all) => {
      const product = terms.reduce((sum, term) => sum * term[j]!, 1);
      all[j] = Number.isFinite(product + own[2 * j]! + own[2 * j + 1]!) ? product : 0;
    });
  }
  return { points, confidence };
}

function anchorsIn(estimator: TemplateEstimator, images: Tensor4D): Float32Array | undefined {
  let found: Float32Array | undefined;
  tf.tidy(() => {
    const { anchors } = estimator.infer(images);
    if (anchors) found = new Float32Array(anchors.dataSync());
  });
  return found;
}

function mirroredPoints(estimator: TemplateEstimator, images: Tensor4D, iterations: number): Float32Array {
  const turned = mirrorImages(images);
  const found = keypointsIn(estimator, turned, iterations);
  turned.dispose();
  return found;
}
