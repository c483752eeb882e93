/** @file The shadow that a person casts on the floor. */
import { createRaster, type Raster, rasterizeMesh } from "../../src/geometry/rasterize.ts";
import { projectInto, type View, type Viewpoint } from "./viewpoint.ts";

/** Draws shadows for pictures of one size; its buffers are reused. */
export interface ShadowCaster {
  /**
   * How much of the direct light each pixel lacks where it shows the floor, [H*W], 0..1, with soft edges. `vertices` [V*3]
   * in camera space, `toLight` (unit, world axes) above the horizon.
   */
  cast(
    vertices: Float32Array,
    faces: Uint32Array,
    toLight: readonly [number, number, number],
    from: Viewpoint,
    view: View,
  ): Float32Array;
}

/** A caster for pictures of `width` x `height`. */
export function createShadowCaster(width: number, height: number): ShadowCaster {
  const raster: Raster = createRaster(width, height);
  const mask = new Float32Array(width * height);
  const line = new Float32Array(Math.max(width, height));
  let flat = new Float32Array(0);
  return {
    cast(vertices, faces, [lx, ly, lz], { rotation: r, position }, view) {
      if (flat.length !== vertices.length) flat = new Float32Array(vertices.length);
      // The floor is y = 0: a point (x, y, z) of the world falls to (x, y, z) - y / ly * l. In camera axes that is a step
      // along the turned light.
      const light = [0, 3, 6].map((row) => r[row]! * lx + r[row + 1]! * ly + r[row + 2]! * lz);
      for (let i = 0; i < vertices.length; i += 3) {
        const up = r[1]! * vertices[i]! + r[4]! * vertices[i + 1]! + r[7]! * vertices[i + 2]! + position[1];
        const step = Math.max(0, up) / Math.max(0.05, ly);
        for (let k = 0; k < 3; k++) flat[i + k] = vertices[i + k]! - step * light[k]!;
      }
      projectInto(flat, view, flat);
      const { face } = rasterizeMesh(flat, faces, width, height, { perspective: true, into: raster });
      for (let p = 0; p < mask.length; p++) mask[p] = face[p]! < 0 ? 0 : 1;
      soften(mask, width, height, line);
      return mask;
    },
  };
}

/** Blur by (1, 2, 1) / 4 along rows and columns, in place. */
function soften(mask: Float32Array, width: number, height: number, line: Float32Array): void {
  const pass = (count: number, length: number, start: number, step: number) => {
    for (let k = 0; k < count; k++) {
      for (let i = 0; i < length; i++) line[i] = mask[k * start + i * step]!;
      for (let i = 1; i < length - 1; i++)
        mask[k * start + i * step] = 0.5 * line[i]! + 0.25 * (line[i - 1]! + line[i + 1]!);
    }
  };
  pass(height, width, width, 1);
  pass(width, height, 1, width);
}
