/** @file One moving layer of a synthetic scene, and plane maps. */
import type { Texture } from "./textures.ts";

/** A plane map as a row-major 3x3 matrix on (x, y, 1). */
export type PlaneMap = Float64Array;

/** Signed distance in px of a point of the first frame to a shape's outline; negative inside. */
export type Distance = (x: number, y: number) => number;

/** A textured shape (or, without `distance`, a whole plane) and where it is in the second frame. Lives in pixels of the first. */
export interface Layer {
  readonly texture: Texture;
  /** Texel (u, v) of a point: u = m0 x + m1 y + m2, v = m3 x + m4 y + m5. */
  readonly toTexture: readonly [number, number, number, number, number, number];
  readonly tint: readonly [number, number, number];
  readonly distance?: Distance;
  /** Depth in px over which the shape darkens towards its outline, as a round body does; 0: flat. */
  readonly roundness: number;
  /** Where the shape is in the first frame: x0, y0, x1, y1. */
  readonly box: readonly [number, number, number, number];
  /** From the first frame to the second, and back. */
  readonly motion: PlaneMap;
  readonly inverse: PlaneMap;
}

/** p' = target + z (p - source) with the complex factor z = zx + i zy: a turn and a scale about `source`. */
export function similarity(source: Point, target: Point, zx: number, zy: number): PlaneMap {
  const [sx, sy] = source;
  return Float64Array.of(zx, -zy, target[0] - zx * sx + zy * sy, zy, zx, target[1] - zy * sx - zx * sy, 0, 0, 1);
}

export type Point = readonly [x: number, y: number];

/** The product of two maps: first `b`, then `a`. */
export function compose(a: PlaneMap, b: PlaneMap): PlaneMap {
  const out = new Float64Array(9);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) for (let k = 0; k < 3; k++) out[3 * i + j]! += a[3 * i + k]! * b[3 * k + j]!;
  return out;
}

/** The inverse map, up to a factor that plane maps do not feel. */
export function invert(m: PlaneMap): PlaneMap {
  const [a, b, c, d, e, f, g, h, i] = m as unknown as [number, number, number, number, number, number, number, number, number]; // biome-ignore format: one matrix
  return Float64Array.of(
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  );
}

/** The image of a point. */
export function applyMap(m: PlaneMap, x: number, y: number): [number, number] {
  const w = m[6]! * x + m[7]! * y + m[8]!;
  return [(m[0]! * x + m[1]! * y + m[2]!) / w, (m[3]! * x + m[4]! * y + m[5]!) / w];
}
