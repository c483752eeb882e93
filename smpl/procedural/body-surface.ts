/** @file The default person as a closed triangle mesh: one half is meshed, evened out and mirrored. */
import { figure } from "./figure.ts";
import { smoothStep } from "./mesh-rings.ts";
import { relaxOnSurface } from "./relax.ts";
import { coarsen, flipEdges } from "./remesh.ts";
import { type Grid, type HalfMesh, surfaceNets } from "./surface-nets.ts";

/** A closed, mirror-symmetric triangle mesh. */
export interface BodySurface {
  /** [V*3] metres, floor at y = 0. */
  readonly positions: Float64Array;
  /** [F*3] counter-clockwise seen from outside. */
  readonly faces: Uint32Array;
  /** [V] the vertex at (-x, y, z). */
  readonly mirror: Uint32Array;
}

/** Step of the grid on which the figure is first polygonised; about half the final edges. Metres. */
const STEP = 0.0125;
/** Towards the hand the grid narrows about its axis, by this factor. */
const HAND = { y: 1.378, z: -0.005, narrow: 0.6 };
const ROUNDS = 3;

/** Builds the surface. Deterministic. */
export function buildBodySurface(): BodySurface {
  const field = figure();
  let mesh = coarsen(surfaceNets(field, bodyGrid()), edgeLength);
  for (let round = 0; round < ROUNDS; round++) {
    mesh = { positions: relaxOnSurface(field, mesh, 4), faces: mesh.faces };
    mesh = round < ROUNDS - 1 ? flipEdges(mesh) : mesh;
  }
  return mirrored(mesh);
}

/** Wanted edge length: fine at hands and face, coarser at feet, coarsest elsewhere. */
function edgeLength(x: number, y: number, z: number): number {
  const hand = smoothStep(0.6, 0.72, x);
  const head = smoothStep(1.42, 1.53, y) * (1 - hand);
  const face = head * smoothStep(0.02, 0.08, z);
  const foot = 1 - smoothStep(0.06, 0.2, y);
  const toes = foot * smoothStep(0.06, 0.12, z);
  return 0.029 - 0.0175 * hand - 0.009 * head - 0.004 * face - 0.0105 * foot - 0.004 * toes;
}

function bodyGrid(): Grid {
  const steps = (from: number, to: number, step: number) =>
    Array.from({ length: Math.ceil((to - from) / step) + 1 }, (_, i) => from + i * step);
  const scale = (x: number) => 1 - (1 - HAND.narrow) * smoothStep(0.45, 0.68, x);
  return {
    x: steps(-STEP / 2, 0.92, STEP),
    y: steps(-0.03, 1.76, STEP),
    z: steps(-0.19, 0.24, STEP),
    place: (x, y, z) => [x, HAND.y + (y - HAND.y) * scale(x), HAND.z + (z - HAND.z) * scale(x)],
  };
}

/** The half and its mirror image, sewn together along the rim. */
function mirrored({ positions, faces }: HalfMesh): BodySurface {
  const count = positions.length / 3;
  const all = Array.from(positions);
  const mirror = Array.from({ length: count }, (_, v) => v);
  for (let v = 0; v < count; v++) {
    if (positions[3 * v] === 0) continue;
    mirror[v] = all.length / 3;
    mirror.push(v);
    all.push(-positions[3 * v]!, positions[3 * v + 1]!, positions[3 * v + 2]!);
  }
  const other: number[] = [];
  for (let f = 0; f < faces.length; f += 3)
    other.push(mirror[faces[f]!]!, mirror[faces[f + 2]!]!, mirror[faces[f + 1]!]!);
  return {
    positions: Float64Array.from(all),
    faces: Uint32Array.from([...faces, ...other]),
    mirror: Uint32Array.from(mirror),
  };
}
