/** @file Keypoints of a trained estimator in pictures, with how sure each is. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import { mirroredJoints } from "../../templates/part-template.ts";
import { mirrorImages } from "../../templates/references.ts";
import { anchorConfidence, boundsConfidence, flipConfidence, PICTURE_TERMS } from "./confidence.ts";
import { meanWithMirror } from "./flip-test.ts";
import type { LoadedTemplate } from "./model-file.ts";
import { meanWithShifted } from "./shift-test.ts";

/** J keypoints in each of B pictures. */
export interface FoundKeypoints {
  /** [B*J*2] (x, y) in pixels of the pictures. */
  readonly points: Float32Array;
  /** [B*J*3] 0..1: what each of PICTURE_TERMS says of them; 0 where they are not finite. */
  readonly terms: Float32Array;
  /** [B*J] the product of the terms. */
  readonly confidence: Float32Array;
}

/** How an estimator looks. */
export interface Looking {
  /** Above 1 an estimator that can look again at what it reconstructs does so; 1 unless given. */
  readonly iterations?: number;
  /** Whether what is found in mirror images counts as much, where points have names; it does unless `false`. */
  readonly flipTest?: boolean;
  /** Whether what is found in pictures a pixel further each way counts as much; it does unless `false`. */
  readonly shiftTest?: boolean;
}

/**
 * The keypoints [B*J*2] of each look at images [B,S,S,3], S the estimator's size, in pixels; one look of an estimator that
 * cannot look again.
 */
export function allLooks(
  estimator: TemplateEstimator,
  images: Tensor4D,
  { iterations = 1, flipTest = true, shiftTest = true }: Looking = {},
): Float32Array[] {
  const look = (seen: Tensor4D) => looksAt(estimator, seen, iterations);
  const shifted = (seen: Tensor4D) => (shiftTest ? meanWithShifted(look(seen), seen, look) : look(seen));
  const looks = shifted(images);
  if (!flipTest || !hasSides(estimator)) return looks;
  const turned = mirrorImages(images);
  const mirrored = shifted(turned);
  turned.dispose();
  const mirror = mirroredJoints(estimator.jointNames);
  return looks.map((own, i) => meanWithMirror(own, mirrored[i]!, mirror, estimator.size));
}

/**
 * The keypoints of the last look at images [B,S,S,3], and their confidence, which is that of the images as they are. Parts
 * that are not known have no anchors to disagree; points without names have no other side, so no mirror is asked.
 */
export function findKeypoints(
  { estimator, parts }: Pick<LoadedTemplate, "estimator" | "parts">,
  images: Tensor4D,
  { iterations = 1, flipTest = true, shiftTest = true }: Looking = {},
): FoundKeypoints {
  const look = (seen: Tensor4D) => looksAt(estimator, seen, iterations).at(-1)!;
  const shifted = (own: Float32Array, seen: Tensor4D) =>
    shiftTest ? meanWithShifted([own], seen, (moved) => [look(moved)])[0]! : own;
  const { points, anchors } = lastLook(estimator, images, iterations);
  const turned = hasSides(estimator) ? mirrorImages(images) : undefined;
  const mirrored = turned && look(turned);
  const terms = pictureTerms(estimator, parts, images.shape[0], { points, anchors, mirrored });
  const confidence = Float32Array.from({ length: points.length / 2 }, (_, j) =>
    productOf(terms.subarray(j * PICTURE_TERMS.length, (j + 1) * PICTURE_TERMS.length)),
  );
  const own = shifted(points, images);
  const other = flipTest && mirrored && shifted(mirrored, turned);
  turned?.dispose();
  if (!other) return { points: own, terms, confidence };
  const mirror = mirroredJoints(estimator.jointNames);
  return { points: meanWithMirror(own, other, mirror, estimator.size), terms, confidence };
}

/** [B*J*3] what each of PICTURE_TERMS says of what was found in B images, and in their mirror images where there are sides. */
function pictureTerms(
  { size, jointNames }: TemplateEstimator,
  parts: LoadedTemplate["parts"],
  count: number,
  found: {
    readonly points: Float32Array;
    readonly anchors: Float32Array | undefined;
    readonly mirrored: Float32Array | undefined;
  },
): Float32Array {
  const { points, anchors, mirrored } = found;
  const mirror = mirroredJoints(jointNames);
  const jointAnchors = anchors ? parts?.joints.map((joint) => joint.anchors) : undefined;
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
  return terms;
}

function hasSides({ jointNames }: TemplateEstimator): boolean {
  return jointNames.some((name) => name.startsWith("left-"));
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
): { readonly points: Float32Array; readonly anchors: Float32Array | undefined } {
  if (iterations > 1 && estimator.inferIteratively)
    return { points: looksAt(estimator, images, iterations).at(-1)!, anchors: undefined };
  const found: Float32Array[] = [];
  tf.tidy(() => {
    const { keypoints, anchors } = estimator.infer(images);
    for (const one of [keypoints, ...(anchors ? [anchors] : [])]) found.push(new Float32Array(one.dataSync()));
  });
  const [points, anchors] = found;
  return { points: points!, anchors };
}

function looksAt(estimator: TemplateEstimator, images: Tensor4D, iterations: number): Float32Array[] {
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
