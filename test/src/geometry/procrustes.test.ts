/** @file Procrustes and the 3x3 SVD: goldens, known similarities, and rank-deficient input. */
import { describe, expect, it } from "vitest";
import { applySimilarity, procrustes, svd3 } from "../../../src/geometry/procrustes.ts";
import { createRandom } from "../../../src/random.ts";
import { expectClose, flat, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

const path = shared("golden/metrics/pose3d.json");

function product(u: ArrayLike<number>, values: ArrayLike<number>, v: ArrayLike<number>): number[] {
  return Array.from({ length: 9 }, (_, i) => {
    const [r, c] = [Math.floor(i / 3), i % 3];
    return [0, 1, 2].reduce((sum, k) => sum + u[3 * r + k]! * values[k]! * v[3 * c + k]!, 0);
  });
}
const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];

describe("svd3", () => {
  const random = createRandom(3, "svd");
  const outer = Array.from({ length: 9 }, (_, i) => [1, -2, 3][Math.floor(i / 3)]! * [0.5, 4, -1][i % 3]!);
  it.each([
    ["random", Array.from({ length: 9 }, () => random.normal())],
    ["reflection", [0, 2, 0, 3, 0, 0, 0, 0, 5]],
    ["rank 2", [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ["rank 1", outer],
    ["zero", new Array<number>(9).fill(0)],
    ["tiny", [1e-12, 2e-12, 0, 0, -3e-12, 1e-12, 0, 0, 1e-13]],
    ["equal values", IDENTITY],
  ])("reassembles a %s matrix from orthogonal factors with falling values", (_, matrix) => {
    const { u, values, v } = svd3(matrix);
    const size = Math.max(...matrix.map(Math.abs), 1e-30);
    expectClose(product(u, values, v), matrix, 1e-13 * size, 0);
    expectClose(product(u, [1, 1, 1], u), IDENTITY, 1e-12);
    expectClose(product(v, [1, 1, 1], v), IDENTITY, 1e-12);
    expect(values[0]! >= values[1]! && values[1]! >= values[2]! && values[2]! >= 0).toBe(true);
  });
});

describe.skipIf(!path)("golden Procrustes", () => {
  it("gives scale and aligned points, mirrored, flat, collinear and coincident ones included", () => {
    const g = readGolden<Record<"pred_m" | "gt_m" | "pa_aligned_m", number[][][]> & { pa_scale: number[] }>(path!);
    g.pred_m.forEach((points, i) => {
      const found = procrustes(flat(points), flat(g.gt_m[i]));
      expect(found.scale).toBeCloseTo(g.pa_scale[i]!, 10);
      expectClose(applySimilarity(found, flat(points)), g.pa_aligned_m[i], 1e-9);
    });
  });
});

it("finds a known similarity", () => {
  // A quarter turn about z, scale 2, translation (1, 2, 3).
  const source = [0, 0, 0, 1, 0, 0, 0, 3, 0, 0.5, 0.2, -1];
  const target = [1, 2, 3, 1, 4, 3, -5, 2, 3, 0.6, 3, 1];
  const { rotation, scale, translation } = procrustes(source, target);
  expectClose(rotation, [0, -1, 0, 1, 0, 0, 0, 0, 1], 1e-12);
  expect(scale).toBeCloseTo(2, 12);
  expectClose(translation, [1, 2, 3], 1e-12);
});

it("refuses unequal or empty point sets", () => {
  expect(() => procrustes([1, 2, 3], [1, 2, 3, 4, 5, 6])).toThrow(/procrustes: expected shape/);
  expect(() => procrustes([], [])).toThrow(/procrustes/);
});
