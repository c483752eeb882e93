/** @file A shaded person as samples on a raster, added to a picture. */
import { createRaster, rasterizeMesh } from "../../src/geometry/rasterize.ts";
import type { Surface } from "./appearance.ts";
import type { Figure } from "./figure.ts";
import type { Exposure, Lighting } from "./light.ts";
import { projectInto, type View } from "./viewpoint.ts";

/** Who is drawn, in camera space, and in which light. */
export interface Sitter {
  readonly figure: Figure;
  readonly surface: Surface;
  readonly exposure: Exposure;
  readonly lighting: Lighting;
  readonly view: View;
}

/** Draws people with `fine` x `fine` samples a pixel; its buffers are reused. */
export interface PersonPainter {
  /** Paints over `out` [H*W*3], every sample taking its share from what was behind. */
  over(sitter: Sitter, out: Float32Array): void;
  /** Adds a share of the person's light to `out` and of its cover to `alpha` [H*W]: one of several times of one picture. */
  add(sitter: Sitter, share: number, out: Float32Array, alpha: Float32Array): void;
}

/** A painter for pictures of `width` x `height`. */
export function createPersonPainter(width: number, height: number, fine: number): PersonPainter {
  const raster = createRaster(fine * width, fine * height, true);
  let projected = new Float32Array(0);
  let normals = new Float32Array(0);
  function fragmentsOf({ figure, view }: Sitter): Fragments {
    if (projected.length !== figure.vertices.length) {
      projected = new Float32Array(figure.vertices.length);
      normals = new Float32Array(figure.vertices.length);
    }
    // With two samples an axis, sample (i, j) of a pixel lies at +-1/4 pixel of its centre.
    const finer = {
      ...view,
      focal: fine * view.focal,
      cx: fine * (view.cx + 0.5) - 0.5,
      cy: fine * (view.cy + 0.5) - 0.5,
    };
    projectInto(figure.vertices, finer, projected);
    rasterizeMesh(projected, figure.faces, raster.width, raster.height, {
      barycentric: true,
      perspective: true,
      into: raster,
    });
    vertexNormals(figure.vertices, figure.faces, normals);
    const { face, depth } = raster;
    return { face, depth, barycentric: raster.barycentric!, normals, width, fine };
  }
  return {
    over: (sitter, out) => paintPerson(sitter, fragmentsOf(sitter), 1 / fine ** 2, out),
    add: (sitter, share, out, alpha) => paintPerson(sitter, fragmentsOf(sitter), share / fine ** 2, out, alpha),
  };
}

/** Area-weighted vertex normals (outwards for counter-clockwise faces), not of unit length. */
function vertexNormals(vertices: Float32Array, faces: Uint32Array, normals: Float32Array): void {
  normals.fill(0);
  for (let f = 0; f < faces.length; f += 3) {
    const a = 3 * faces[f]!;
    const b = 3 * faces[f + 1]!;
    const c = 3 * faces[f + 2]!;
    const ux = vertices[b]! - vertices[a]!;
    const uy = vertices[b + 1]! - vertices[a + 1]!;
    const uz = vertices[b + 2]! - vertices[a + 2]!;
    const vx = vertices[c]! - vertices[a]!;
    const vy = vertices[c + 1]! - vertices[a + 1]!;
    const vz = vertices[c + 2]! - vertices[a + 2]!;
    const nx = uy * vz - uz * vy;
    const ny = uz * vx - ux * vz;
    const nz = ux * vy - uy * vx;
    for (let corner = 0; corner < 3; corner++) {
      const o = 3 * faces[f + corner]!;
      normals[o] = normals[o]! + nx;
      normals[o + 1] = normals[o + 1]! + ny;
      normals[o + 2] = normals[o + 2]! + nz;
    }
  }
}

interface Fragments {
  readonly face: Int32Array;
  readonly depth: Float32Array;
  readonly barycentric: Float32Array;
  readonly normals: Float32Array;
  /** Of the picture, not of the finer raster. */
  readonly width: number;
  readonly fine: number;
}

const colour = new Float64Array(3);

function paintPerson(
  { figure, surface, exposure, lighting, view }: Sitter,
  fragments: Fragments,
  share: number,
  out: Float32Array,
  alpha?: Float32Array,
): void {
  const { face, depth, barycentric, normals, width, fine } = fragments;
  const { faces, surface: rest } = figure;
  const [lx, ly, lz] = lighting.toLight;
  const { sun, sky } = lighting;
  const wide = fine * width;
  for (let p = 0; p < face.length; p++) {
    const f = face[p]!;
    if (f < 0) continue;
    const a = 3 * faces[3 * f]!;
    const b = 3 * faces[3 * f + 1]!;
    const c = 3 * faces[3 * f + 2]!;
    const u = barycentric[3 * p]!;
    const v = barycentric[3 * p + 1]!;
    const w = barycentric[3 * p + 2]!;
    const nx = u * normals[a]! + v * normals[b]! + w * normals[c]!;
    const ny = u * normals[a + 1]! + v * normals[b + 1]! + w * normals[c + 1]!;
    const nz = u * normals[a + 2]! + v * normals[b + 2]! + w * normals[c + 2]!;
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-20;
    const facing = (nx * lx + ny * ly + nz * lz) / length;
    // Half-wrapped: light that other things throw back reaches a little round the edge.
    const direct = exposure.direct * Math.max(0, (facing + 0.2) / 1.2);
    const ambient = exposure.ambient * (1 - (0.25 * ny) / length);
    surface(
      u * rest[a]! + v * rest[b]! + w * rest[c]!,
      u * rest[a + 1]! + v * rest[b + 1]! + w * rest[c + 1]!,
      u * rest[a + 2]! + v * rest[b + 2]! + w * rest[c + 2]!,
      (0.7 * depth[p]!) / view.focal,
      colour,
    );
    const y = Math.floor(p / wide);
    const pixel = Math.floor(y / fine) * width + Math.floor((p - y * wide) / fine);
    // A pixel's samples come in turn; each takes its share from what was behind. The first one of a pixel that was not
    // touched yet scales the background down, which is the same as adding shares at the end.
    let keep = 1;
    if (alpha) alpha[pixel]! += share;
    else {
      const covered = firstShare(face, p, wide, fine);
      if (covered > 0) keep = 1 - covered * share;
    }
    for (let k = 0; k < 3; k++) {
      const light = direct * sun[k]! + ambient * sky[k]!;
      const o = 3 * pixel + k;
      out[o] = out[o]! * keep + share * light * colour[k]!;
    }
  }
}

/** How many of the samples of this sample's pixel the person covers, if this is the first of them; else 0. */
function firstShare(face: Int32Array, p: number, wide: number, fine: number): number {
  const column = p % wide;
  const left = p - (column % fine);
  const top = left - (Math.floor(p / wide) % fine) * wide;
  let count = 0;
  let first = -1;
  for (let j = 0; j < fine; j++) {
    for (let i = 0; i < fine; i++) {
      const at = top + j * wide + i;
      if (face[at]! < 0) continue;
      if (first < 0) first = at;
      count++;
    }
  }
  return first === p ? count : 0;
}
