/** @file How sure a template's keypoints are, without labels: joined parts meet, all is in the picture, mirror and flow agree. */
import { sampleBilinear } from "../../src/geometry/sample.ts";

/** What a picture alone says of a keypoint in it, in this order. */
export const PICTURE_TERMS = ["anchors", "bounds", "flip"] as const;
/** The terms by which a keypoint in a video can lose its confidence, in this order. */
export const CONFIDENCE_TERMS = [...PICTURE_TERMS, "flow"] as const;
export type ConfidenceTerm = (typeof CONFIDENCE_TERMS)[number];

/** Disagreements, as shares of the picture's side, at which a confidence has fallen to 1/e. */
const ANCHOR_GAP = 0.03;
const FLIP_GAP = 0.05;
const FLOW_GAP = 0.03;

/** Points in pixels, (x, y) one after another. */
type Points = ArrayLike<number>;

/**
 * [J] exp(-(d / 0.03)^2) of one picture, d being how far the farthest two of a joint's anchors are apart, in picture sides
 * of `size` pixels: 1 where a joint has one anchor. `anchors` [A*2], `jointAnchors` the indices of each joint's.
 */
export function anchorConfidence(
  anchors: Points,
  jointAnchors: readonly (readonly number[])[],
  size: number,
): Float32Array {
  return Float32Array.from(jointAnchors, (own) => {
    let widest = 0;
    for (const a of own) for (const b of own) widest = Math.max(widest, distance(anchors, a, anchors, b));
    return bell(widest / size, ANCHOR_GAP);
  });
}

/** [J] 1 where all points of a joint (by default joint j itself) are inside a picture of `size` pixels, 0 elsewhere. */
export function boundsConfidence(
  points: Points,
  size: number,
  jointPoints: readonly (readonly number[])[] = Array.from({ length: points.length / 2 }, (_, j) => [j]),
): Float32Array {
  const isInside = (value: number): boolean => value >= -0.5 && value <= size - 0.5;
  return Float32Array.from(
    jointPoints,
    (own) => +own.every((p) => isInside(points[2 * p]!) && isInside(points[2 * p + 1]!)),
  );
}

/**
 * [J] exp(-(d / 0.05)^2), d being the distance of a keypoint from the other side's in the mirrored picture, mirrored back,
 * in picture sides. `mirrored` [J*2] are keypoints in the mirrored picture, `mirror` [J] the other side of each joint.
 */
export function flipConfidence(
  keypoints: Points,
  mirrored: Points,
  mirror: readonly number[],
  size: number,
): Float32Array {
  return Float32Array.from(mirror, (other, j) => {
    const back = [size - 1 - mirrored[2 * other]!, mirrored[2 * other + 1]!];
    return bell(distance(keypoints, j, back, 0) / size, FLIP_GAP);
  });
}

/** Whether point `p` is within edges in pixels: left, top, right, bottom. */
export function isWithin(points: Points, p: number, [left, top, right, bottom]: readonly number[]): boolean {
  const [x, y] = [points[2 * p]!, points[2 * p + 1]!];
  return x >= left! && x <= right! && y >= top! && y <= bottom!;
}

/**
 * [J] exp(-(d / 0.03)^2) of a pair of pictures of `size`, d being how far a keypoint of the first, carried along by the flow
 * at it, is from the second's. The flow [side*side*2] is in pixels of its own map, which spans the same square.
 */
export function flowConfidence(first: Points, second: Points, flow: Float32Array, size: number): Float32Array {
  const side = Math.round(Math.sqrt(flow.length / 2));
  const scale = side / size;
  const count = first.length / 2;
  const at = Float32Array.from({ length: 2 * count }, (_, i) => scale * (first[i]! + 0.5) - 0.5);
  const { values } = sampleBilinear({ data: flow, height: side, width: side, channels: 2 }, at);
  return Float32Array.from({ length: count }, (_, j) => {
    const dx = first[2 * j]! + values[2 * j]! / scale - second[2 * j]!;
    const dy = first[2 * j + 1]! + values[2 * j + 1]! / scale - second[2 * j + 1]!;
    return bell(Math.hypot(dx, dy) / size, FLOW_GAP);
  });
}

function bell(distance: number, gap: number): number {
  return Math.exp(-((distance / gap) ** 2));
}

function distance(p: Points, a: number, q: Points, b: number): number {
  return Math.hypot(p[2 * a]! - q[2 * b]!, p[2 * a + 1]! - q[2 * b + 1]!);
}
