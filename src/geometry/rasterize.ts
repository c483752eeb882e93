/** @file A z-buffer for triangle meshes on the host: which face each pixel sees, how far away, and where inside the face. */
import { hostFunctions } from "../engine/custom.ts";
import { ShapeError } from "../errors.ts";

/** What each pixel sees, row by row from the top. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** [H*W] index of the nearest face, -1 where there is none. */
  readonly face: Int32Array;
  /** [H*W] depth of that face at the pixel's centre, Infinity where there is none. */
  readonly depth: Float32Array;
  /** [H*W*3] weights of the face's three corners at the pixel's centre (they sum to 1), zeros where there is none. */
  readonly barycentric?: Float32Array;
}

export interface RasterizeOptions {
  /** Fill `barycentric` too. */
  readonly barycentric?: boolean;
  /**
   * The third coordinate is a camera depth Z > 0 behind a perspective projection: then 1/Z is what is linear on the
   * picture, and depth and barycentric weights are corrected for it. Faces with a corner at Z <= 0 are left out.
   */
  readonly perspective?: boolean;
  /** A raster of the same size to overwrite instead of allocating one. */
  readonly into?: Raster;
}

/** A raster that sees nothing. */
export function createRaster(width: number, height: number, barycentric = false): Raster {
  const face = new Int32Array(width * height).fill(-1);
  const depth = new Float32Array(width * height).fill(Number.POSITIVE_INFINITY);
  return { width, height, face, depth, ...(barycentric ? { barycentric: new Float32Array(3 * width * height) } : {}) };
}

/**
 * Rasterises a mesh. `vertices` [V*3]: x right and y down in pixels, (0, 0) being the centre of the top-left pixel, and a
 * depth, smaller is nearer; `faces` [F*3]. A face covers the pixels whose centre it contains, from either side; of equal
 * depths the first face wins. Faces with a non-finite corner or without area are left out.
 * Throws ShapeError for lengths that are no multiple of 3, indices out of range, or an `into` of another size.
 */
export function rasterizeMesh(
  vertices: Float32Array,
  faces: Uint32Array,
  width: number,
  height: number,
  options: RasterizeOptions = {},
): Raster {
  const raster = prepare(vertices, faces, width, height, options);
  const { face, depth } = raster;
  const barycentric = raster.barycentric ?? null;
  const perspective = options.perspective ?? false;
  const fill = hostFunctions()?.rasterize ?? drawFaces;
  fill(vertices, faces, width, height, perspective, face, depth, barycentric);
  return raster;
}

/** The work of `rasterizeMesh` on an empty picture, for engines that cannot do it; theirs agrees to the last bit. */
export function drawFaces(
  vertices: Float32Array,
  faces: Uint32Array,
  width: number,
  height: number,
  perspective: boolean,
  face: Int32Array,
  depth: Float32Array,
  barycentric: Float32Array | null,
): void {
  for (let f = 0, at = 0; at < faces.length; f++, at += 3) {
    const a = 3 * faces[at]!;
    const b = 3 * faces[at + 1]!;
    const c = 3 * faces[at + 2]!;
    const ax = vertices[a]!;
    const ay = vertices[a + 1]!;
    const bx = vertices[b]!;
    const by = vertices[b + 1]!;
    const cx = vertices[c]!;
    const cy = vertices[c + 1]!;
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    // False for NaN and infinity too.
    if (!(area !== 0 && area - area === 0)) continue;
    const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx)));
    const right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx)));
    const top = Math.max(0, Math.ceil(Math.min(ay, by, cy)));
    const bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy)));
    if (!(left <= right && top <= bottom)) continue;

    const az = vertices[a + 2]!;
    const bz = vertices[b + 2]!;
    const cz = vertices[c + 2]!;
    if (!(az + bz + cz - (az + bz + cz) === 0)) continue;
    if (perspective && !(az > 0 && bz > 0 && cz > 0)) continue;
    // What is linear on the picture: the depth itself, or its inverse.
    const az1 = perspective ? 1 / az : az;
    const bz1 = perspective ? 1 / bz : bz;
    const cz1 = perspective ? 1 / cz : cz;

    // Edge functions, positive inside whatever the winding. They stay undivided up to the test: for corners at whole
    // pixels they are exact, so that two faces with a common edge leave no hole between them.
    const sign = area > 0 ? 1 : -1;
    const inverse = sign / area;
    const ux = (by - cy) * sign;
    const vx = (cy - ay) * sign;
    const wx = (ay - by) * sign;
    for (let y = top; y <= bottom; y++) {
      // Afresh in each row so that rounding does not add up.
      let u = ((cx - bx) * (y - by) - (cy - by) * (left - bx)) * sign;
      let v = ((ax - cx) * (y - cy) - (ay - cy) * (left - cx)) * sign;
      let w = ((bx - ax) * (y - ay) - (by - ay) * (left - ax)) * sign;
      for (let x = left, pixel = y * width + left; x <= right; x++, pixel++, u += ux, v += vx, w += wx) {
        if (u < 0 || v < 0 || w < 0) continue;
        const linear = (u * az1 + v * bz1 + w * cz1) * inverse;
        const z = perspective ? 1 / linear : linear;
        if (z >= depth[pixel]!) continue;
        depth[pixel] = z;
        face[pixel] = f;
        if (!barycentric) continue;
        const scale = perspective ? z * inverse : inverse;
        barycentric[3 * pixel] = u * scale * (perspective ? az1 : 1);
        barycentric[3 * pixel + 1] = v * scale * (perspective ? bz1 : 1);
        barycentric[3 * pixel + 2] = w * scale * (perspective ? cz1 : 1);
      }
    }
  }
}

/**
 * 1 for each of the `vertexCount` vertices that lies inside the picture (its pixels' outer edges: -0.5 <= x < W - 0.5) and
 * belongs to a face that wins at least one pixel, else 0 (research: per-vertex visibility of the flow loss).
 */
export function vertexVisibility(
  raster: Raster,
  faces: Uint32Array,
  vertexCount: number,
  vertices: Float32Array,
  width: number = raster.width,
  height: number = raster.height,
): Uint8Array {
  const seen = new Uint8Array(vertexCount);
  for (const f of raster.face) {
    if (f < 0) continue;
    seen[faces[3 * f]!] = 1;
    seen[faces[3 * f + 1]!] = 1;
    seen[faces[3 * f + 2]!] = 1;
  }
  for (let v = 0; v < vertexCount; v++) {
    const x = vertices[3 * v]!;
    const y = vertices[3 * v + 1]!;
    if (!(x >= -0.5 && x < width - 0.5 && y >= -0.5 && y < height - 0.5)) seen[v] = 0;
  }
  return seen;
}

/** Throws ShapeError where `faces` is not [F*3] indices below `vertexCount`. */
export function checkFaces(where: string, faces: Uint32Array, vertexCount: number): void {
  if (faces.length % 3 !== 0) throw new ShapeError(`${where} faces`, "[F*3]", [faces.length]);
  for (let i = 0; i < faces.length; i++) {
    if (faces[i]! >= vertexCount) throw new ShapeError(`${where} faces`, `indices below ${vertexCount}`, [faces[i]!]);
  }
}

/** An empty raster to draw on, after the arguments were checked. */
function prepare(
  vertices: Float32Array,
  faces: Uint32Array,
  width: number,
  height: number,
  options: RasterizeOptions,
): Raster {
  if (vertices.length % 3 !== 0) throw new ShapeError("rasterizeMesh vertices", "[V*3]", [vertices.length]);
  checkFaces("rasterizeMesh", faces, vertices.length / 3);
  const { into } = options;
  if (!into) return createRaster(width, height, options.barycentric);
  if (into.width !== width || into.height !== height || (options.barycentric && !into.barycentric))
    throw new ShapeError("rasterizeMesh into", `a raster of ${width} x ${height}`, [into.width, into.height]);
  into.face.fill(-1);
  into.depth.fill(Number.POSITIVE_INFINITY);
  into.barycentric?.fill(0);
  return into;
}
