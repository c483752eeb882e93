/** @file Evens a mesh out while it stays on its surface: vertices slide to their neighbours' mean, then back onto the field's zero level. */
import { vertexRings } from "./mesh-rings.ts";
import type { Field } from "./solids.ts";
import type { HalfMesh } from "./surface-nets.ts";

/** Distance of the four samples that give a value and its slope; well below any detail of the figure. */
const SPREAD = 2e-4;
/** Corners of a tetrahedron, as signs. */
const CORNERS = [
  [1, 1, 1],
  [1, -1, -1],
  [-1, 1, -1],
  [-1, -1, 1],
] as const;
const LONGEST_STEP = 0.006;
/** Share of the way to the neighbours' mean in each round. */
const RATE = 0.6;

/** Positions [V*3] on the zero level after `rounds` of sliding. Rim vertices (x = 0) slide along the rim only. */
export function relaxOnSurface(field: Field, mesh: HalfMesh, rounds: number): Float64Array {
  const positions = Float64Array.from(mesh.positions);
  const count = positions.length / 3;
  const rim = (v: number) => mesh.positions[3 * v] === 0;
  const rings = vertexRings(count, mesh.faces).map((ring, v) => (rim(v) ? ring.filter(rim) : ring));
  const normals = new Float64Array(positions.length);
  const settle = (times: number) => {
    for (let v = 0; v < count; v++)
      for (let i = 0; i < times; i++) {
        project(field, positions, normals, v);
        if (rim(v)) positions[3 * v] = 0;
      }
  };
  settle(3);
  for (let round = 0; round < rounds; round++) {
    const before = Float64Array.from(positions);
    rings.forEach((ring, v) => {
      slide(positions, before, normals, v, ring);
    });
    settle(round === rounds - 1 ? 4 : 1);
  }
  return positions;
}

/** Moves vertex v towards the mean of its ring, within its tangent plane. */
function slide(p: Float64Array, before: Float64Array, normals: Float64Array, v: number, ring: readonly number[]): void {
  const shift = [0, 0, 0];
  let along = 0;
  for (let a = 0; a < 3; a++) {
    for (const n of ring) shift[a]! += before[3 * n + a]! / ring.length;
    shift[a]! -= before[3 * v + a]!;
    along += shift[a]! * normals[3 * v + a]!;
  }
  for (let a = 0; a < 3; a++) p[3 * v + a]! += RATE * (shift[a]! - along * normals[3 * v + a]!);
}

/** One Newton step of vertex v towards the zero level; notes the unit normal on the way. */
function project(field: Field, p: Float64Array, normals: Float64Array, v: number): void {
  const x = p[3 * v]!;
  const y = p[3 * v + 1]!;
  const z = p[3 * v + 2]!;
  let value = 0;
  const gradient = [0, 0, 0];
  for (const [sx, sy, sz] of CORNERS) {
    const f = field(x + SPREAD * sx, y + SPREAD * sy, z + SPREAD * sz);
    value += f / 4;
    gradient[0]! += (f * sx) / (4 * SPREAD);
    gradient[1]! += (f * sy) / (4 * SPREAD);
    gradient[2]! += (f * sz) / (4 * SPREAD);
  }
  const slope = Math.max(Math.hypot(...gradient), 0.3);
  const step = Math.max(-LONGEST_STEP, Math.min(LONGEST_STEP, -value / slope));
  for (let a = 0; a < 3; a++) {
    normals[3 * v + a] = gradient[a]! / slope;
    p[3 * v + a]! += step * normals[3 * v + a]!;
  }
}
