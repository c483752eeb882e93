import { describe, expect, it } from "vitest";
import { meanWithMirror } from "../../../pipelines/templates/flip-test.ts";

/** left, right, middle. */
const MIRROR = [1, 0, 2];

describe("meanWithMirror", () => {
  it("averages with the other side's place in the mirror image of 10 px, turned back", () => {
    const own = Float32Array.of(2, 1, 8, 1, 5, 6);
    // The mirror image of left at (2, 1) is a right at (7, 1); it was found at (6, 3), so (3, 3) turned back.
    const mirrored = Float32Array.of(1, 1, 6, 3, 4, 8);
    expect([...meanWithMirror(own, mirrored, MIRROR, 10)]).toEqual([2.5, 2, 8, 1, 5, 7]);
  });

  it("reads sides as they agree better, picture by picture", () => {
    const own = Float32Array.of(2, 1, 8, 1, 5, 6);
    // Here the mirror image's sides were exchanged: its left lies where the picture's left is.
    const exchanged = Float32Array.of(6, 3, 1, 1, 4, 8);
    const plain = Float32Array.of(1, 1, 6, 3, 4, 8);
    const found = meanWithMirror(Float32Array.of(...own, ...own), Float32Array.of(...exchanged, ...plain), MIRROR, 10);
    expect([...found]).toEqual([2.5, 2, 8, 1, 5, 7, 2.5, 2, 8, 1, 5, 7]);
  });

  it("is not finite where either is not", () => {
    const own = Float32Array.of(2, 1, Number.NaN, 1, 5, 6);
    const [x, y, right] = meanWithMirror(own, own, MIRROR, 10);
    expect([Number.isFinite(y), Number.isNaN(x! + right!)]).toEqual([true, true]);
  });
});
