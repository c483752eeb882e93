/** @file Which vertices of predicted meshes the camera sees, on the host and without gradient. */
import { createRaster, type Raster, rasterizeMesh, vertexVisibility } from "../../src/geometry/rasterize.ts";

/** Meshes of P frames, projected: `pixels` [P*V*2] in a crop of side `cropSize`, `depth` [P*V], smaller is nearer. */
export interface ProjectedMeshes {
  readonly pixels: Float32Array;
  readonly depth: Float32Array;
  readonly faces: Uint32Array;
  readonly frameCount: number;
  readonly cropSize: number;
}

/**
 * 1 for each vertex [P*V] inside the crop that belongs to a face which wins at least one pixel of a raster of side
 * `size` (a larger raster misses fewer small faces); with `erode` > 0 only for those whose surroundings up to `erode`
 * crop pixels show the body too, since a wrong silhouette samples the background's flow. Source: research notes B.3
 * (per-vertex visibility).
 */
export function visibleVertices(meshes: ProjectedMeshes, size: number, erode = 0): Uint8Array {
  const { pixels, depth, faces, frameCount, cropSize } = meshes;
  const vertexCount = depth.length / frameCount;
  const scale = size / cropSize;
  const offset = (scale - 1) / 2;
  const vertices = new Float32Array(3 * vertexCount);
  const visible = new Uint8Array(frameCount * vertexCount);
  const into = createRaster(size, size);
  for (let frame = 0; frame < frameCount; frame++) {
    const first = frame * vertexCount;
    for (let v = 0; v < vertexCount; v++) {
      vertices[3 * v] = scale * pixels[2 * (first + v)]! + offset;
      vertices[3 * v + 1] = scale * pixels[2 * (first + v) + 1]! + offset;
      vertices[3 * v + 2] = depth[first + v]!;
    }
    const raster = rasterizeMesh(vertices, faces, size, size, { into });
    const seen = vertexVisibility(raster, faces, vertexCount, vertices);
    if (erode > 0) keepInterior(seen, vertices, raster, Math.max(1, Math.round(erode * scale)));
    visible.set(seen, first);
  }
  return visible;
}

/**
 * Clears `seen` where the square of `radius` pixels around a vertex shows anything but body; beyond the crop counts as
 * body.
 */
function keepInterior(seen: Uint8Array, vertices: Float32Array, raster: Raster, radius: number): void {
  const { width, height } = raster;
  const holes = holeSums(raster);
  const count = (x0: number, y0: number, x1: number, y1: number): number =>
    holes[y1 * (width + 1) + x1]! -
    holes[y0 * (width + 1) + x1]! -
    holes[y1 * (width + 1) + x0]! +
    holes[y0 * (width + 1) + x0]!;
  for (let v = 0; v < seen.length; v++) {
    if (!seen[v]) continue;
    const x = Math.round(vertices[3 * v]!);
    const y = Math.round(vertices[3 * v + 1]!);
    const empty = count(
      Math.max(0, x - radius),
      Math.max(0, y - radius),
      Math.min(width, x + radius + 1),
      Math.min(height, y + radius + 1),
    );
    if (empty > 0) seen[v] = 0;
  }
}

/** Summed-area table [(H+1)*(W+1)] of the pixels that show no face. */
function holeSums({ face, width, height }: Raster): Int32Array {
  const sums = new Int32Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += face[y * width + x]! < 0 ? 1 : 0;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1]! + row;
    }
  }
  return sums;
}
