/** @file The engine's rasteriser against the one in TypeScript: equal to the last bit, whatever the mesh. */
import { beforeAll, describe, expect, it } from "vitest";
import { hostFunctions } from "../../../src/engine/custom.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { createRaster, drawFaces, rasterizeMesh } from "../../../src/geometry/rasterize.ts";
import { markVisible, visibleVertices } from "../../../src/geometry/visible-vertices.ts";
import { createRandom } from "../../../src/random.ts";

beforeAll(() => startEngine());

const bits = (values: Float32Array | Int32Array | undefined) => new Uint8Array(values!.buffer);

/** Triangles large and small, some at whole pixels, of equal depth, behind the camera, without area or not finite. */
function soup(seed: number, width: number, height: number): { vertices: Float32Array; faces: Uint32Array } {
  const random = createRandom(seed, "soup");
  const count = 120;
  const vertices = new Float32Array(3 * count);
  for (let v = 0; v < count; v++) {
    const snap = random.next() < 0.3 ? Math.round : (x: number) => x;
    vertices[3 * v] = snap(random.uniform(-0.3 * width, 1.3 * width));
    vertices[3 * v + 1] = snap(random.uniform(-0.3 * height, 1.3 * height));
    vertices[3 * v + 2] = random.next() < 0.2 ? 2 : random.uniform(-0.5, 6);
  }
  vertices[3 * 7] = Number.NaN;
  vertices[3 * 8 + 1] = Number.POSITIVE_INFINITY;
  vertices[3 * 9 + 2] = Number.NaN;
  vertices[3 * 10] = 1e30;
  const near = (v: number) => (v + 1 + random.integer(12)) % count;
  const corners = Array.from({ length: 400 }, () => {
    const first = random.integer(count);
    return [first, near(first), random.next() < 0.05 ? first : near(first + 3)];
  });
  // Small faces, as a body's, that miss most pixel centres.
  for (let k = 0; k < 40; k++) {
    const [v, x, y] = [3 * (60 + k), random.uniform(0, width), random.uniform(0, height)];
    vertices[v] = x;
    vertices[v + 1] = y;
  }
  return { vertices, faces: Uint32Array.from(corners.flat()) };
}

describe("the engine's rasteriser", () => {
  it("fills the same pixels, depths and weights as the TypeScript", (context) => {
    if (!hostFunctions()) return context.skip("the running engine has no rasteriser");
    for (const [width, height] of [
      [37, 53],
      [64, 9],
      [1, 1],
    ] as const) {
      for (const perspective of [false, true]) {
        const { vertices, faces } = soup(width, width, height);
        const expected = createRaster(width, height, true);
        drawFaces(vertices, faces, width, height, perspective, expected.face, expected.depth, expected.barycentric!);
        const found = rasterizeMesh(vertices, faces, width, height, { perspective, barycentric: true });
        expect(found.face).toEqual(expected.face);
        expect(bits(found.depth)).toEqual(bits(expected.depth));
        expect(bits(found.barycentric)).toEqual(bits(expected.barycentric));
        expect(new Set(expected.face).size).toBeGreaterThan(width > 1 ? 20 : 0);
        const plain = rasterizeMesh(vertices, faces, width, height, { perspective });
        expect(plain.face).toEqual(expected.face);
      }
    }
  });

  it("sees the same vertices, one mesh or several, eroded or not", (context) => {
    if (!hostFunctions()) return context.skip("the running engine has no rasteriser");
    const [width, height] = [48, 31];
    const { faces } = soup(1, width, height);
    const vertexCount = 120;
    for (const meshes of [1, 5]) {
      const vertices = new Float32Array(meshes * 3 * vertexCount);
      for (let m = 0; m < meshes; m++) vertices.set(soup(m, width, height).vertices, 3 * vertexCount * m);
      for (const erode of [0, 3]) {
        const expected = new Uint8Array(meshes * vertexCount);
        markVisible(vertices, vertexCount, faces, width, height, erode, expected);
        expect(visibleVertices({ vertices, vertexCount, faces }, width, height, erode)).toEqual(expected);
        expect(expected).toContain(1);
        expect(expected).toContain(0);
      }
    }
  });

  it("refuses what does not fit", () => {
    const faces = Uint32Array.of(0, 1, 2);
    const meshes = { vertices: new Float32Array(9), vertexCount: 3, faces };
    expect(() => visibleVertices({ ...meshes, vertexCount: 2 }, 4, 4)).toThrow(/M\*2\*3/);
    expect(() => visibleVertices({ ...meshes, faces: Uint32Array.of(0, 1, 3) }, 4, 4)).toThrow(/indices below 3/);
    expect(() => visibleVertices({ ...meshes, faces: Uint32Array.of(0, 1) }, 4, 4)).toThrow(/F\*3/);
  });
});
