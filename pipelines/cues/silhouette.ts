/** @file How far inside its silhouette each vertex of a mesh lies, on the host and without gradient. */
import { createRaster, rasterizeMesh } from "../../src/geometry/rasterize.ts";
import { type ProjectedMeshes, rasterVertices } from "./visibility.ts";

/**
 * Distance [F*V], in crop pixels, from each vertex to the nearest pixel of a raster of side `size` that does not show its
 * mesh; beyond the crop counts as mesh. 0 for vertices that fall on such a pixel, Infinity where none is nearer than
 * `reach` crop pixels.
 */
export function silhouetteDistances(meshes: ProjectedMeshes, size: number, reach: number): Float32Array {
  const { faces, frameCount, cropSize, depth } = meshes;
  const vertexCount = depth.length / frameCount;
  const vertices = rasterVertices(meshes, size);
  const into = createRaster(size, size);
  const along = new Int32Array(size * size);
  const radius = Math.ceil((reach * size) / cropSize);
  const result = new Float32Array(depth.length);
  for (let frame = 0; frame < frameCount; frame++) {
    const own = vertices.subarray(3 * frame * vertexCount, 3 * (frame + 1) * vertexCount);
    const { face } = rasterizeMesh(own, faces, size, size, { into });
    rowDistances(face, size, along);
    for (let v = 0; v < vertexCount; v++) {
      const x = Math.min(size - 1, Math.max(0, Math.round(own[3 * v]!)));
      const y = Math.min(size - 1, Math.max(0, Math.round(own[3 * v + 1]!)));
      let least = Number.POSITIVE_INFINITY;
      for (let row = Math.max(0, y - radius); row <= Math.min(size - 1, y + radius); row++) {
        const d = along[row * size + x]!;
        if (d < size) least = Math.min(least, d * d + (row - y) ** 2);
      }
      const distance = (Math.sqrt(least) * cropSize) / size;
      result[frame * vertexCount + v] = distance < reach ? distance : Number.POSITIVE_INFINITY;
    }
  }
  return result;
}

/** Per pixel [size*size] the distance to the nearest pixel of its row that shows no face, `size` where there is none. */
function rowDistances(face: Int32Array, size: number, into: Int32Array): void {
  for (let y = 0; y < size; y++) {
    const begin = y * size;
    for (let x = 0, d = size; x < size; x++) {
      d = face[begin + x]! < 0 ? 0 : Math.min(size, d + 1);
      into[begin + x] = d;
    }
    for (let x = size - 1, d = size; x >= 0; x--) {
      d = Math.min(into[begin + x]!, d + 1);
      into[begin + x] = d;
    }
  }
}
