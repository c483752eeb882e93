import { describe, expect, test } from "vitest";
import {
  anchorConfidence,
  boundsConfidence,
  flipConfidence,
  flowConfidence,
  isWithin,
} from "../../../pipelines/templates/confidence.ts";

/** exp(-(d / gap)^2) of single precision. */
const bell = (d: number, gap: number) => expect.closeTo(Math.exp(-((d / gap) ** 2)), 6);

describe("confidence of a keypoint", () => {
  test("by anchors, bounds and mirror: falls with the distance of the farthest anchors, outside the picture, and where the mirror disagrees", () => {
    // Anchors 0 and 1 are 3 px apart in a picture of 100; joint 1 has one anchor.
    expect(anchorConfidence([0, 0, 3, 0, 9, 9], [[0, 1], [2]], 100)).toEqual(Float32Array.of(Math.exp(-1), 1));
    expect([...boundsConfidence([-0.5, 9.5, 4, 9.6], 10)]).toEqual([1, 0]);
    expect([...boundsConfidence([0, 0, 4, 12], 10, [[0], [0, 1]])]).toEqual([1, 0]);
    // In the mirrored picture of 100 px the left joint is found as the right one at 99 - 20, 5 px lower.
    const mirrored = [79, 0, 79, 15];
    expect(flipConfidence([20, 10, 20, 0], mirrored, [1, 0], 100)).toEqual(Float32Array.of(Math.exp(-1), 1));
  });

  test("by the frame's edges, which a crop may go beyond", () => {
    const points = [10, 20, -1, 5, 63.5, 63.5, Number.NaN, 0];
    const edges = [-0.5, -0.5, 63.5, 63.5];
    expect([0, 1, 2, 3].map((p) => isWithin(points, p, edges))).toEqual([true, false, true, false]);
    expect(isWithin(points, 0, [-0.5, -0.5, 63.5, 19.9])).toBe(false);
  });

  test("by flow: a keypoint carried along against the next frame's, the map having twice the crop's pixels", () => {
    const flow = new Float32Array(64 * 64 * 2);
    // (6, -2) map pixels, so (3, -1) of a crop of 32, but at the second point nothing moves.
    for (let y = 0; y < 64; y++) for (let x = 0; x < 32; x++) flow.set([6, -2], 2 * (64 * y + x));
    const first = [10, 20, 25, 20];
    const second = [13, 19, 26, 22];
    expect([...flowConfidence(first, second, flow, 32)]).toEqual([
      expect.closeTo(1, 6),
      bell(Math.hypot(1, 2) / 32, 0.03),
    ]);
  });
});
