/** @file One half (x >= 0) of the zero level of a field that is symmetric in x, as triangles, by surface nets. */
import { MotionCueError } from "../../src/errors.ts";
import type { Field } from "./solids.ts";

/** A triangle mesh whose rim, if it has one, lies in the plane x = 0. */
export interface HalfMesh {
  /** [V*3] */
  readonly positions: Float64Array;
  /** [F*3] counter-clockwise seen from outside. */
  readonly faces: Uint32Array;
}

/** Grid coordinates. The first two of `x` are -h and h: the surface's vertices between them lie in the plane x = 0. */
export interface Grid {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly z: readonly number[];
  /** Where a grid point lies in space: a smooth one-to-one map that makes cells smaller where detail is. Keeps x. */
  readonly place: (x: number, y: number, z: number) => readonly [number, number, number];
}

/**
 * One vertex per grid cell that the surface crosses, two triangles per grid edge that it crosses (Gibson's surface nets).
 * Throws MotionCueError when the solid does not lie inside the grid, since the mesh would not be closed.
 */
export function surfaceNets(field: Field, grid: Grid): HalfMesh {
  const axes = [grid.x, grid.y, grid.z] as const;
  const counts = axes.map((a) => a.length) as [number, number, number];
  const values = sample(field, grid);
  const strides = [counts[1] * counts[2], counts[2], 1] as const;
  const vertexOf = new Int32Array(values.length).fill(-1);
  const positions: number[] = [];
  for (let i = 0; i + 1 < counts[0]; i++)
    for (let j = 0; j + 1 < counts[1]; j++)
      for (let k = 0; k + 1 < counts[2]; k++) {
        const corner = i * strides[0] + j * strides[1] + k;
        const centre = crossingCentre(values, axes, [i, j, k], corner, strides);
        if (!centre) continue;
        vertexOf[corner] = positions.length / 3;
        positions.push(...grid.place(...centre));
      }
  const faces: number[] = [];
  for (let axis = 0; axis < 3; axis++) addFaces(faces, values, vertexOf, axis, counts, strides);
  return { positions: Float64Array.from(positions), faces: Uint32Array.from(faces) };
}

/** Grid points along a block's side, and how many times a block's radius its centre must be from the surface to be skipped. */
const BLOCK = 4;
const CLEAR = 1.8;

/** The field at all grid points. Blocks far from the surface get their centre's value: most of space is empty or solid. */
function sample(field: Field, { x, y, z, place }: Grid): Float64Array {
  const plane = y.length * z.length;
  const values = new Float64Array(x.length * plane);
  for (let i0 = 1; i0 < x.length; i0 += BLOCK)
    for (let j0 = 0; j0 < y.length; j0 += BLOCK)
      for (let k0 = 0; k0 < z.length; k0 += BLOCK) {
        const [i1, j1, k1] = [x, y, z].map((axis, a) => Math.min([i0, j0, k0][a]! + BLOCK, axis.length)) as [
          number,
          number,
          number,
        ];
        const first = place(x[i0]!, y[j0]!, z[k0]!);
        const last = place(x[i1 - 1]!, y[j1 - 1]!, z[k1 - 1]!);
        const centre = first.map((c, a) => (c + last[a]!) / 2) as [number, number, number];
        const radius = Math.hypot(...centre.map((c, a) => c - first[a]!));
        const middle = field(...centre);
        const skip = Math.abs(middle) > CLEAR * radius + Math.abs(x[1]! - x[0]!);
        for (let i = i0; i < i1; i++)
          for (let j = j0; j < j1; j++)
            for (let k = k0; k < k1; k++)
              values[i * plane + j * z.length + k] = skip ? middle : field(...place(x[i]!, y[j]!, z[k]!));
      }
  values.copyWithin(0, plane, 2 * plane);
  checkInside(values, [x.length, y.length, z.length]);
  return values;
}

function checkInside(values: Float64Array, [nx, ny, nz]: readonly [number, number, number]): void {
  values.forEach((value, at) => {
    if (value >= 0) return;
    const i = Math.floor(at / (ny * nz));
    const j = Math.floor(at / nz) % ny;
    const k = at % nz;
    if (i === nx - 1 || j === 0 || j === ny - 1 || k === 0 || k === nz - 1)
      throw new MotionCueError("surface nets", "the solid must lie inside the grid; enlarge the grid");
  });
}

/** The mean of the points where the surface crosses the cell's twelve edges, or undefined where it crosses none. */
function crossingCentre(
  values: Float64Array,
  axes: readonly (readonly number[])[],
  index: readonly number[],
  corner: number,
  strides: readonly number[],
): [number, number, number] | undefined {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (let axis = 0; axis < 3; axis++) {
    const b = (axis + 1) % 3;
    const c = (axis + 2) % 3;
    for (let side = 0; side < 4; side++) {
      const db = side & 1;
      const dc = side >> 1;
      const from = corner + db * strides[b]! + dc * strides[c]!;
      const low = values[from]!;
      const high = values[from + strides[axis]!]!;
      if (low < 0 === high < 0) continue;
      const t = low / (low - high);
      sum[axis]! += axes[axis]![index[axis]!]! * (1 - t) + axes[axis]![index[axis]! + 1]! * t;
      sum[b]! += axes[b]![index[b]! + db]!;
      sum[c]! += axes[c]![index[c]! + dc]!;
      count++;
    }
  }
  if (count === 0) return undefined;
  // Exactly in the plane, which the sum of mirrored crossings misses by rounding.
  return [index[0] === 0 ? 0 : sum[0] / count, sum[1] / count, sum[2] / count];
}

/** Triangles across the grid edges along `axis`, around each of which lie four cells. Those beyond the plane are left out. */
function addFaces(
  faces: number[],
  values: Float64Array,
  vertexOf: Int32Array,
  axis: number,
  counts: readonly number[],
  strides: readonly number[],
): void {
  const b = (axis + 1) % 3;
  const c = (axis + 2) % 3;
  for (let i = 0; i + 1 < counts[axis]!; i++)
    for (let j = 1; j + 1 < counts[b]!; j++)
      for (let k = 1; k + 1 < counts[c]!; k++) {
        const from = i * strides[axis]! + j * strides[b]! + k * strides[c]!;
        const inside = values[from]! < 0;
        if (inside === values[from + strides[axis]!]! < 0) continue;
        const ring = [from - strides[b]! - strides[c]!, from - strides[c]!, from, from - strides[b]!];
        // b x c = axis: this order is counter-clockwise seen from +axis, where outside is when `from` is inside.
        const [p, q, r, s] = (inside ? ring : ring.reverse()).map((cell) => vertexOf[cell]!) as [
          number,
          number,
          number,
          number,
        ];
        faces.push(p, q, r, p, r, s);
      }
}
