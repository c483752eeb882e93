import { expect, test } from "vitest";
import { overlayMesh } from "../../../pipelines/bodies/mesh-overlay.ts";
import { frameVertices } from "../../../pipelines/bodies/people-overlay.ts";
import { createImage } from "../../../src/image/image.ts";

test("a mesh is drawn exactly where it is, transparent, the nearer face on top, and the picture is not changed", () => {
  const image = createImage(6, 8);
  image.data.fill(100);
  // A far triangle over columns 1..5 of rows 1..4 and a near one over columns 1..2 of row 1 only, turned to the light.
  const vertices = Float32Array.of(1, 1, 5, 5, 1, 5, 1, 4, 5, 1, 1, 2, 2, 1, 2, 1, 1.4, 2);
  const drawn = overlayMesh(image, vertices, Uint32Array.of(0, 1, 2, 3, 4, 5), { colour: [200, 0, 0], opacity: 0.5 });
  expect(image.get(1, 1, 0)).toBe(100);
  expect(drawn.get(0, 1, 0)).toBe(100);
  expect(drawn.get(1, 6, 0)).toBe(100);
  expect(drawn.get(4, 1, 1)).toBe(50);
  expect(drawn.get(4, 1, 0)).toBeGreaterThan(100);
  expect(drawn.get(5, 1, 1)).toBe(100);
});

test("crop pixels go back to where the crop was cut from", () => {
  const projected = Float32Array.of(-0.5, 31.5, 8);
  const square = { cx: 100, cy: 50, side: 64 };
  const person = { frame: 0, time: 0, square, prediction: { projected } } as never;
  // The crop's left and lower edges; lengths double.
  expect([...frameVertices(person, 32)]).toEqual([68, 82, 16]);
});
