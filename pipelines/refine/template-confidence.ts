/** @file How sure a template's keypoints are in a video: what a picture alone says of them, its frame's edges, and the flow. */
import { sampleBilinear } from "../../src/geometry/sample.ts";

/** The terms by which a keypoint can lose its confidence, in this order. */
export const CONFIDENCE_TERMS = ["anchors", "bounds", "flip", "flow"] as const;
export type ConfidenceTerm = (typeof CONFIDENCE_TERMS)[number];

/** Disagreement with the flow, as a share of the picture's side, at which the confidence has fallen to 1/e. */
const FLOW_GAP = 0.03;

/** Points in pixels, (x, y) one after another. */
type Points = ArrayLike<number>;

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
    return Math.exp(-((Math.hypot(dx, dy) / size / FLOW_GAP) ** 2));
  });
}
