import { expect, test } from "vitest";
import { vertexNormals } from "../../../src/geometry/vertex-normals.ts";

test("normals point to where a triangle is seen counter-clockwise, weighted by area", () => {
  // A floor triangle (normal +y, area 2) and a wall (normal +x, area 1) along the z axis; the last vertex is nobody's.
  const vertices = [0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 1, 0, 9, 9, 9];
  const normals = vertexNormals(vertices, [0, 1, 2, 0, 3, 1]);
  const joint = [1 / Math.sqrt(5), 2 / Math.sqrt(5), 0];
  const expected = [...joint, ...joint, 0, 1, 0, 1, 0, 0, 0, 1, 0];
  normals.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 6);
  });
});
