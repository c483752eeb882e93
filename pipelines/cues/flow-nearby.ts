/** @file For meshes that lie a little beside the person: the observed flow around a vertex that is most like the mesh's own. */
import type { Field } from "../../src/geometry/sample.ts";

/** Directions that are looked into, at half the distance and at the whole. */
const DIRECTIONS = 8;
const RINGS = [0.5, 1];

/**
 * Offsets [N*2], in the map's pixels, from points [N*2] to where, at most `reach` away, the map's flow is most like
 * `wanted` [N*2]: 0 where no place is better than the point itself, and where `counts` is 0. A hand that is predicted two pixels
 * beside the hand sees the wall's flow, and would learn to stand still as the wall does.
 */
export function offsetsToAlike(
  map: Field,
  points: Float32Array,
  wanted: Float32Array,
  counts: ArrayLike<number>,
  reach: number,
): Float32Array {
  const steps = RINGS.flatMap((ring) =>
    Array.from({ length: DIRECTIONS }, (_, i) => {
      const turn = (2 * Math.PI * i) / DIRECTIONS;
      return [reach * ring * Math.cos(turn), reach * ring * Math.sin(turn)] as const;
    }),
  );
  const result = new Float32Array(points.length);
  for (let n = 0; n < points.length / 2; n++) {
    if (counts[n] === 0) continue;
    const [x, y, u, v] = [points[2 * n]!, points[2 * n + 1]!, wanted[2 * n]!, wanted[2 * n + 1]!];
    let least = squaredDistance(map, x, y, u, v);
    for (const [dx, dy] of steps) {
      const squared = squaredDistance(map, x + dx, y + dy, u, v);
      if (!(squared < least)) continue;
      least = squared;
      result[2 * n] = dx;
      result[2 * n + 1] = dy;
    }
  }
  return result;
}

/** Of the map's flow at the pixel nearest to (x, y), 0 outside of the map, from (u, v). */
function squaredDistance({ data, width, height }: Field, x: number, y: number, u: number, v: number): number {
  const [column, row] = [Math.round(x), Math.round(y)];
  const isInside = column >= 0 && column < width && row >= 0 && row < height;
  const at = 2 * (row * width + column);
  const [fx, fy] = isInside ? [data[at]!, data[at + 1]!] : [0, 0];
  return (fx - u) ** 2 + (fy - v) ** 2;
}
