/** @file Which vertices of predicted meshes the camera sees, on the host and without gradient. */
import { visibleVertices as visibleInPictures } from "../../src/geometry/visible-vertices.ts";

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
  const { depth, faces, frameCount, cropSize } = meshes;
  const radius = erode > 0 ? Math.max(1, Math.round((erode * size) / cropSize)) : 0;
  const vertexCount = depth.length / frameCount;
  return visibleInPictures({ vertices: rasterVertices(meshes, size), vertexCount, faces }, size, size, radius);
}

/** Vertices [P*V*3] as rasterisers take them: x and y in pixels of a raster of side `size` that spans the crop, and depth. */
export function rasterVertices({ pixels, depth, cropSize }: ProjectedMeshes, size: number): Float32Array {
  const scale = size / cropSize;
  const offset = (scale - 1) / 2;
  const vertices = new Float32Array(3 * depth.length);
  for (let v = 0; v < depth.length; v++) {
    vertices[3 * v] = scale * pixels[2 * v]! + offset;
    vertices[3 * v + 1] = scale * pixels[2 * v + 1]! + offset;
    vertices[3 * v + 2] = depth[v]!;
  }
  return vertices;
}
