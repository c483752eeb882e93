/** @file The rasteriser against hand-made pictures and a golden scene drawn by two independent rasterisers. */
import { describe, expect, it } from "vitest";
import { createRaster, rasterizeMesh, vertexVisibility } from "../../../src/geometry/rasterize.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { shared } from "../../support/shared.ts";

const floats = (...values: number[]) => new Float32Array(values);
const triangle = Uint32Array.of(0, 1, 2);

describe("rasterizeMesh", () => {
  it("covers exactly the pixels whose centre lies inside, x to the right and y down", () => {
    // Corners (0.5, -0.5), (3.5, -0.5), (3.5, 2.6): below the diagonal from top left to bottom right.
    const { face } = rasterizeMesh(floats(0.5, -0.5, 1, 3.5, -0.5, 1, 3.5, 2.6, 1), triangle, 5, 4);
    const rows = Array.from({ length: 4 }, (_, y) => [...face.slice(5 * y, 5 * y + 5)].map((f) => (f < 0 ? "." : "#")));
    expect(rows.map((r) => r.join(""))).toEqual([".###.", "..##.", "...#.", "....."]);
  });

  it("interpolates depth and weights, the same for both windings", () => {
    const vertices = floats(0, 0, 1, 8, 0, 3, 0, 4, 7);
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
    ]) {
      const raster = rasterizeMesh(vertices, Uint32Array.from(order), 9, 5, { barycentric: true });
      const pixel = 9 * 1 + 2;
      // (2, 1): a quarter of the way along each side, so weights 1/2, 1/4, 1/4 of depths 1, 3, 7.
      expect(raster.depth[pixel]).toBe(3);
      const weights = raster.barycentric!.slice(3 * pixel, 3 * pixel + 3);
      expect([...weights]).toEqual([0.5, 0.25, 0.25]);
    }
  });

  it("corrects depth and weights for perspective", () => {
    // At the middle of the side from Z = 1 to Z = 3 the inverse depth is 2/3: Z = 1.5, a quarter of the way.
    const vertices = floats(0, 0, 1, 4, 0, 3, 0, 4, 1);
    const raster = rasterizeMesh(vertices, triangle, 5, 5, { barycentric: true, perspective: true });
    expect(raster.depth[2]).toBeCloseTo(1.5, 6);
    expect([...raster.barycentric!.slice(6, 9)].map((w) => Math.round(w * 1e6) / 1e6)).toEqual([0.75, 0.25, 0]);
  });

  it("keeps the nearest face, and the first of equals", () => {
    const square = (z: number) => [0, 0, z, 4, 0, z, 0, 4, z];
    const vertices = floats(...square(5), ...square(2), ...square(2));
    const { face } = rasterizeMesh(
      vertices,
      Uint32Array.from({ length: 9 }, (_, i) => i),
      5,
      5,
    );
    expect(face[6]).toBe(1);
  });

  it("leaves no hole along shared edges through pixel centres", () => {
    const side = 9;
    const vertices: number[] = [];
    const faces: number[] = [];
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) vertices.push(3 * x, 3 * y, 1);
    for (let y = 0; y + 1 < side; y++)
      for (let x = 0; x + 1 < side; x++) {
        const i = side * y + x;
        faces.push(i, i + 1, i + side, i + 1, i + side + 1, i + side);
      }
    const { face } = rasterizeMesh(Float32Array.from(vertices), Uint32Array.from(faces), 25, 25);
    expect(face.every((f) => f >= 0)).toBe(true);
  });

  it("leaves out faces without area, behind a perspective camera, non-finite, or outside", () => {
    const empty = (v: Float32Array, perspective = false) =>
      rasterizeMesh(v, triangle, 6, 6, { perspective }).face.every((f) => f === -1);
    expect(empty(floats(0, 0, 1, 2, 2, 1, 4, 4, 1))).toBe(true);
    expect(empty(floats(0, 0, 1, 5, 0, -1, 0, 5, 1), true)).toBe(true);
    expect(empty(floats(0, 0, 1, 5, 0, Number.NaN, 0, 5, 1))).toBe(true);
    expect(empty(floats(0, 0, 1, Number.POSITIVE_INFINITY, 0, 1, 0, 5, 1))).toBe(true);
    expect(empty(floats(9, 0, 1, 12, 0, 1, 9, 5, 1))).toBe(true);
  });

  it("reuses a raster and refuses one of another size", () => {
    const into = createRaster(6, 6);
    rasterizeMesh(floats(0, 0, 1, 5, 0, 1, 0, 5, 1), triangle, 6, 6, { into });
    expect(into.face[0]).toBe(0);
    expect(rasterizeMesh(floats(9, 9, 1, 9, 9, 1, 9, 9, 1), triangle, 6, 6, { into }).face[0]).toBe(-1);
    expect(() => rasterizeMesh(floats(), Uint32Array.of(), 5, 6, { into })).toThrow(/raster of 5 x 6/);
    expect(() => rasterizeMesh(floats(0, 0, 0), triangle, 6, 6)).toThrow(/indices below 1/);
  });

  const golden = shared("golden/loss/visibility.npz");
  it.skipIf(!golden)("agrees on every pixel with the golden scene", async () => {
    const entries = await readNpz(golden!);
    const numbers = (name: string) => entries.get(name)!.data as Float64Array;
    // The golden scene has pixel centres at i + 0.5.
    const vertices = Float32Array.from(numbers("vertices_px"), (value, i) => (i % 3 === 2 ? value : value - 0.5));
    const faces = Uint32Array.from(numbers("faces"));
    const raster = rasterizeMesh(vertices, faces, 64, 64);
    expect([...raster.face]).toEqual([...numbers("face_id")]);
    const depth = numbers("depth");
    const worst = Math.max(...raster.depth.map((z, i) => (raster.face[i]! < 0 ? 0 : Math.abs(z - depth[i]!))));
    expect(worst).toBeLessThan(1e-4);
    const visible = vertexVisibility(raster, faces, vertices.length / 3, vertices);
    expect([...visible]).toEqual([...numbers("visible_and_inside")]);
  });
});
