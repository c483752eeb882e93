/** @file Vertex visibility: golden meshes, scaling of the raster, batches, and erosion. */
import { describe, expect, it } from "vitest";
import { visibleVertices } from "../../../pipelines/cues/visibility.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { expectClose } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

const path = shared("golden/loss/visibility.npz");

describe.skipIf(!path)("golden visibility", () => {
  it("is that of the rasterised mesh, inside the crop", async () => {
    const arrays = await readNpz(path!);
    const numbers = (name: string) => Float32Array.from(arrays.get(name)!.data as ArrayLike<number>);
    const vertices = numbers("vertices_px");
    const count = vertices.length / 3;
    const found = visibleVertices(
      {
        // Golden points are continuous pixels.
        pixels: Float32Array.from({ length: 2 * count }, (_, i) => vertices[3 * (i >> 1) + (i & 1)]! - 0.5),
        depth: Float32Array.from({ length: count }, (_, v) => vertices[3 * v + 2]!),
        faces: Uint32Array.from(numbers("faces")),
        frameCount: 1,
        cropSize: 64,
      },
      64,
    );
    expectClose(found, numbers("visible_and_inside"), 0, 0);
  });
});

describe("visibleVertices", () => {
  /** A large square at depth 2 and in front of its lower right corner a small triangle; a far vertex belongs to a hidden face. */
  const one = {
    pixels: [1, 2, 13, 2, 1, 12, 13, 12, 10, 9, 15.6, 9, 10, 15.6, 11.4, 10.1, 12.4, 10.1, 11.4, 11.1],
    depth: [2, 2, 2, 2, 1, 1, 1, 3, 3, 3],
    faces: Uint32Array.of(0, 1, 2, 1, 3, 2, 4, 5, 6, 7, 8, 9),
  };
  const scene = (frames: 1 | 2) => ({
    // In the second frame everything has left by the right side.
    pixels: Float32Array.from(
      [...one.pixels, ...one.pixels.map((p, i) => p + (i % 2 === 0 ? 40 : 0))].slice(0, 20 * frames),
    ),
    depth: Float32Array.from([...one.depth, ...one.depth].slice(0, 10 * frames)),
    faces: one.faces,
    frameCount: frames,
    cropSize: 16,
  });

  it("sees what wins a pixel and lies in the crop, frame by frame", () => {
    const first = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
    expectClose(visibleVertices(scene(1), 16), first, 0, 0);
    expectClose(visibleVertices(scene(2), 16), [...first, ...new Array<number>(10).fill(0)], 0, 0);
    expectClose(visibleVertices(scene(1), 40), first, 0, 0);
  });

  it("keeps the interior of the body, not of each face, under erosion; the crop's border is no silhouette", () => {
    expect(Array.from(visibleVertices(scene(1), 16, 3))).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    const full = {
      pixels: Float32Array.of(-3, -3, 40, -3, -3, 40, 1, 1),
      depth: Float32Array.of(1, 1, 1, 1),
      faces: Uint32Array.of(0, 1, 3, 0, 3, 2, 1, 2, 3),
      frameCount: 1,
      cropSize: 16,
    };
    expectClose(visibleVertices(full, 16, 4), [0, 0, 0, 1], 0, 0);
  });
});
