/** @file Which vertices of a batch of meshes can be seen, on the host and without gradient. */
import { hostFunctions } from "../engine/custom.ts";
import { ShapeError } from "../errors.ts";
import { checkFaces, createRaster, type Raster, rasterizeMesh, vertexVisibility } from "./rasterize.ts";

/** M meshes with the same faces. */
export interface MeshBatch {
  /** [M*V*3] x and y in pixels, (0,0) being the centre of the top-left pixel, and a depth, smaller is nearer. */
  readonly vertices: Float32Array;
  readonly vertexCount: number;
  /** [F*3] */
  readonly faces: Uint32Array;
}

/**
 * 1 for each vertex [M*V] inside the picture of `width` x `height` that belongs to a face which wins at least one of its
 * pixels; with `erode` > 0 only for those around which the square up to `erode` pixels away shows the mesh everywhere
 * (beyond the picture counts as mesh). Throws ShapeError for lengths that do not fit and indices out of range.
 */
export function visibleVertices(meshes: MeshBatch, width: number, height: number, erode = 0): Uint8Array {
  const { vertices, vertexCount, faces } = meshes;
  if (vertexCount < 1 || vertices.length % (3 * vertexCount) !== 0)
    throw new ShapeError("visibleVertices vertices", `[M*${vertexCount}*3]`, [vertices.length]);
  checkFaces("visibleVertices", faces, vertexCount);
  const seen = new Uint8Array(vertices.length / 3);
  const native = hostFunctions();
  if (native) native.visibleVertices(vertices, vertexCount, faces, width, height, erode, seen);
  else markVisible(vertices, vertexCount, faces, width, height, erode, seen);
  return seen;
}

/** The work of `visibleVertices`, mesh by mesh. */
export function markVisible(
  vertices: Float32Array,
  vertexCount: number,
  faces: Uint32Array,
  width: number,
  height: number,
  erode: number,
  seen: Uint8Array,
): void {
  const into = createRaster(width, height);
  for (let first = 0; first < seen.length; first += vertexCount) {
    const own = vertices.subarray(3 * first, 3 * (first + vertexCount));
    const raster = rasterizeMesh(own, faces, width, height, { into });
    const marks = vertexVisibility(raster, faces, vertexCount, own);
    if (erode > 0) keepInterior(marks, own, raster, erode);
    seen.set(marks, first);
  }
}

/** Clears `seen` where the square of `radius` pixels around a vertex shows anything but the mesh. */
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
