/** @file A shaded, transparent mesh over a picture. */
import { rasterizeMesh } from "../../src/geometry/rasterize.ts";
import { createImage, type Image, sizeOf } from "../../src/image/image.ts";

export interface OverlayStyle {
  /** RGB of the surface in full light. */
  readonly colour: readonly [number, number, number];
  /** 0 shows the picture alone, 1 the mesh alone. */
  readonly opacity: number;
}

const STYLE: OverlayStyle = { colour: [110, 190, 245], opacity: 0.75 };
/** Colours of the people in one picture, in turn. */
export const PERSON_COLOURS: readonly (readonly [number, number, number])[] = [
  [110, 190, 245],
  [250, 160, 100],
  [140, 215, 130],
  [225, 140, 215],
  [235, 215, 100],
];

/**
 * A copy of `image` with the mesh drawn over it. `vertices` [V*3]: x and y in the picture's pixels ((0,0) is the centre of
 * the top-left one) and depth in the same unit, smaller is nearer. Light comes from the viewer, a little from above left:
 * the brightness of a pixel is the cosine between that and the smooth normal.
 */
export function overlayMesh(
  image: Image,
  vertices: Float32Array,
  faces: Uint32Array,
  style: Partial<OverlayStyle> = {},
): Image {
  const { colour, opacity } = { ...STYLE, ...style };
  const { height, width } = sizeOf(image);
  const out = createImage(height, width);
  out.data.set(image.data);
  const { face, barycentric } = rasterizeMesh(vertices, faces, width, height, { barycentric: true });
  const normals = vertexNormals(vertices, faces);
  for (let pixel = 0; pixel < face.length; pixel++) {
    const f = face[pixel]!;
    if (f < 0) continue;
    const light = shade(normals, faces, f, barycentric!, pixel);
    for (let c = 0; c < 3; c++) {
      const at = 3 * pixel + c;
      out.data[at] = (1 - opacity) * out.data[at]! + opacity * Math.min(255, colour[c]! * light);
    }
  }
  return out;
}

const LIGHT = normalised([-0.35, -0.45, -0.82]);

function shade(normals: Float32Array, faces: Uint32Array, f: number, weights: Float32Array, pixel: number): number {
  let [x, y, z] = [0, 0, 0];
  for (let k = 0; k < 3; k++) {
    const at = 3 * faces[3 * f + k]!;
    const weight = weights[3 * pixel + k]!;
    x += weight * normals[at]!;
    y += weight * normals[at + 1]!;
    z += weight * normals[at + 2]!;
  }
  // The side that is seen faces the viewer, whichever way the triangle was wound.
  const sign = z > 0 ? -1 : 1;
  const cosine = (sign * (x * LIGHT[0]! + y * LIGHT[1]! + z * LIGHT[2]!)) / (Math.hypot(x, y, z) || 1);
  return 0.35 + 0.75 * Math.max(0, cosine);
}

/** Sums of the adjacent faces' normals, weighted by their areas. */
function vertexNormals(vertices: Float32Array, faces: Uint32Array): Float32Array {
  const normals = new Float32Array(vertices.length);
  for (let at = 0; at < faces.length; at += 3) {
    const [a, b, c] = [3 * faces[at]!, 3 * faces[at + 1]!, 3 * faces[at + 2]!];
    const [ux, uy, uz] = difference(vertices, b, a);
    const [vx, vy, vz] = difference(vertices, c, a);
    const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx] as const;
    for (const corner of [a, b, c]) {
      for (let k = 0; k < 3; k++) normals[corner + k]! += normal[k]!;
    }
  }
  return normals;
}

function difference(values: Float32Array, a: number, b: number): [number, number, number] {
  return [values[a]! - values[b]!, values[a + 1]! - values[b + 1]!, values[a + 2]! - values[b + 2]!];
}

function normalised(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
