/** @file Mesh flow per vertex and as a dense picture. */
import { beforeAll, describe, expect, it } from "vitest";
import { denseMeshFlow, meshFlow } from "../../flow/mesh-flow.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { expectClose } from "../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

it("meshFlow points from the first frame to the second", () => {
  expectClose(meshFlow(tf.tensor3d([[[1, 2]]]), tf.tensor3d([[[4, 1]]])), [3, -1]);
});

describe("denseMeshFlow", () => {
  // One triangle over the lower left of a 6 x 5 picture, and a far one behind it that moves otherwise.
  const first = Float32Array.from([0, 0, 1, 0, 4, 1, 5, 4, 1, -9, -9, 7, 30, -9, 7, -9, 30, 7]);
  const second = first.map((v, i) => (i >= 9 ? v + (i % 3 === 0 ? -2 : 0) : v));
  // An affine motion of the near triangle: dx = 0.5 + 0.1 x - 0.2 y, dy = 0.3 y.
  for (let v = 0; v < 3; v++) {
    const [x, y] = [first[3 * v]!, first[3 * v + 1]!];
    second[3 * v] = x + 0.5 + 0.1 * x - 0.2 * y;
    second[3 * v + 1] = y + 0.3 * y;
  }

  it("interpolates linearly inside a face, takes the nearest one, and is zero where there is none", () => {
    const near = denseMeshFlow(first, second, Uint32Array.of(0, 1, 2), 5, 6);
    expect(near.flow.shape).toEqual([5, 6, 2]);
    expect([near.flow.get(3, 2, 0), near.flow.get(3, 2, 1)].map((v) => Number(v.toFixed(5)))).toEqual([0.1, 0.9]);
    expect(near.valid[3 * 6 + 2]).toBe(1);
    // (x 4, y 1) is above the diagonal.
    expect([near.valid[6 + 4], near.flow.get(1, 4, 0)]).toEqual([0, 0]);
    const both = denseMeshFlow(first, second, Uint32Array.of(0, 1, 2, 3, 4, 5), 5, 6);
    expect(both.flow.get(3, 2, 1)).toBeCloseTo(0.9, 5);
    expect(both.flow.get(1, 4, 0)).toBeCloseTo(-2, 5);
    expect(both.valid.every((v) => v === 1)).toBe(true);
  });

  it("interpolates in space, not on the picture, behind a pinhole", () => {
    // An edge from depth 1 to depth 3: the picture's middle is a quarter of the way in space.
    const vertices = Float32Array.from([0, 0, 1, 8, 0, 3, 0, 8, 1]);
    const after = Float32Array.from([0, 0, 1, 12, 0, 3, 0, 8, 1]);
    const { flow } = denseMeshFlow(vertices, after, Uint32Array.of(0, 1, 2), 9, 9, { perspective: true });
    expect(flow.get(0, 4, 0)).toBeCloseTo(1, 5);
  });

  it("refuses frames with different numbers of vertices", () => {
    expect(() => denseMeshFlow(first, first.slice(0, 9), Uint32Array.of(0, 1, 2), 5, 6)).toThrow(/denseMeshFlow/);
  });
});
