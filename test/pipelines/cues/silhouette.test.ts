import { expect, test } from "vitest";
import { silhouetteDistances } from "../../../pipelines/cues/silhouette.ts";
import { createRandom } from "../../../src/random.ts";

/** A rectangle of two triangles from (4.6, 6.6) to (20.4, 27.4) in a crop of 32, so that it covers columns 5..20, rows 7..27. */
const corners = [4.6, 6.6, 20.4, 6.6, 4.6, 27.4, 20.4, 27.4];
const inner = [12, 17, 6, 9, 5, 7, 30, 3];
const faces = Uint32Array.of(0, 1, 2, 1, 3, 2);
const meshes = (pixels: number[], frameCount = 1) => ({
  pixels: Float32Array.from(pixels),
  depth: new Float32Array(pixels.length / 2).fill(1),
  faces,
  frameCount,
  cropSize: 32,
});

test("distances to the nearest pixel beside the mesh, by hand, and 0 outside", () => {
  const found = silhouetteDistances(meshes([...corners, ...inner]), 32, 20).subarray(4);
  // (12, 17): column 4 is 8 away, column 21 is 9. (6, 9): column 4 is 2 away. (5, 7): a corner, 1. (30, 3): outside.
  expect([...found]).toEqual([8, 2, 1, 0]);
  expect([...silhouetteDistances(meshes([...corners, ...inner]), 32, 2.5).subarray(4)]).toEqual([
    Number.POSITIVE_INFINITY,
    ...[2, 1, 0],
  ]);
});

test("they are in crop pixels whatever the raster's size, and each frame has its own", () => {
  const shifted = [...corners, ...inner].map((x, i) => (i % 2 === 0 ? x + 3 : x));
  const found = silhouetteDistances(meshes([...corners, ...inner, ...shifted], 2), 64, 30);
  for (const v of [4, 5]) {
    expect(Math.abs(found[v]! - [8, 2][v - 4]!)).toBeLessThan(1);
    expect(found[8 + v]!).toBeCloseTo(found[v]!, 6);
  }
});

test("a mesh that fills the picture has no silhouette", () => {
  const all = silhouetteDistances(meshes([-9, -9, 80, -9, -9, 80, 80, 80, 5, 5]), 32, 90);
  expect(all[4]).toBe(Number.POSITIVE_INFINITY);
});

test("on a mesh of random triangles they are those of a search over all pixels", () => {
  const random = createRandom(5, "triangles");
  const count = 9;
  const pixels = Array.from({ length: 6 * count }, () => random.uniform(2, 22));
  const own = Uint32Array.from({ length: 3 * count }, (_, i) => i);
  const size = 24;
  const scene = { ...meshes(pixels), faces: own, cropSize: size };
  const found = silhouetteDistances(scene, size, 2 * size);
  const covered = (x: number, y: number): boolean =>
    Array.from({ length: count }, (_, t) => t).some((t) => {
      const [ax, ay, bx, by, cx, cy] = pixels.slice(6 * t, 6 * t + 6) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const side = (x0: number, y0: number, x1: number, y1: number) => (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0);
      const signs = [side(ax, ay, bx, by), side(bx, by, cx, cy), side(cx, cy, ax, ay)];
      return signs.every((s) => s > 0) || signs.every((s) => s < 0);
    });
  const empty = Array.from({ length: size * size }, (_, i) => [i % size, Math.floor(i / size)] as const).filter(
    ([x, y]) => !covered(x, y),
  );
  found.forEach((distance, v) => {
    const [x, y] = [Math.round(pixels[2 * v]!), Math.round(pixels[2 * v + 1]!)];
    const nearest = Math.min(...empty.map(([u, w]) => Math.hypot(u - x, w - y)));
    expect(distance).toBeCloseTo(nearest, 5);
  });
});
