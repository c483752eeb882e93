/** @file One picture of a scene: background, shaded person, obstacle, then what a lens and a sensor do to it. */
import { createRaster, rasterizeMesh } from "../../src/geometry/rasterize.ts";
import { createImage, type Image } from "../../src/image/image.ts";
import type { Random } from "../../src/random.ts";
import type { Surface } from "./appearance.ts";
import { type Background, paintBackground, paintObstacle, type Shadow } from "./background.ts";
import type { Figure } from "./figure.ts";
import { projectInto, type View, type Viewpoint } from "./viewpoint.ts";

/** Light and sensor of a scene. */
export interface Exposure {
  /** Unit vector towards the light in camera space, and what the light and the surroundings add. */
  readonly toLight: readonly [number, number, number];
  readonly direct: number;
  readonly ambient: number;
  /** Factor on each channel. */
  readonly tint: readonly [number, number, number];
  /** Weight of a pixel's neighbours on either side, 0..0.25 (0.25: binomial blur). */
  readonly blur: number;
  /** Standard deviation of the noise, in 0..255 steps. */
  readonly noise: number;
}

/** Draws light and sensor. */
export function createExposure(random: Random): Exposure {
  const azimuth = random.uniform(-2, 2);
  const elevation = random.uniform(0.1, 1.3);
  const gain = random.uniform(0.85, 1.3);
  const ambient = random.uniform(0.3, 0.7);
  return {
    toLight: [Math.sin(azimuth) * Math.cos(elevation), -Math.sin(elevation), -Math.cos(azimuth) * Math.cos(elevation)],
    direct: 1.1 - ambient,
    ambient,
    tint: [gain * random.uniform(0.9, 1.1), gain, gain * random.uniform(0.9, 1.1)],
    blur: random.uniform(0, 0.2),
    noise: random.uniform(0, 5),
  };
}

/** What a picture shows. The figure is posed in camera space. */
export interface Shot {
  readonly figure: Figure;
  readonly surface: Surface;
  readonly background: Background;
  readonly exposure: Exposure;
  readonly viewpoint: Viewpoint;
  readonly view: View;
  readonly shadow: Shadow;
  /** Decides the sensor's noise; another one for each frame. */
  readonly noiseSeed: number;
}

/** Draws shots of one size; its buffers are reused from picture to picture. */
export type Renderer = (shot: Shot) => Image;

/** Samples per pixel and axis on the person: edges are smooth and fine cloth does not flicker. */
const FINE = 2;

/** A renderer of `width` x `height` pictures. */
export function createRenderer(width: number, height: number): Renderer {
  const raster = createRaster(FINE * width, FINE * height, true);
  const colours = new Float32Array(3 * width * height);
  const row = new Float32Array(3 * Math.max(width, height));
  let projected = new Float32Array(0);
  let normals = new Float32Array(0);
  return (shot) => {
    const { figure, view } = shot;
    if (projected.length !== figure.vertices.length) {
      projected = new Float32Array(figure.vertices.length);
      normals = new Float32Array(figure.vertices.length);
    }
    // Sample (i, j) of a pixel lies at +-1/4 pixel of its centre.
    const fine = {
      ...view,
      focal: FINE * view.focal,
      cx: FINE * (view.cx + 0.5) - 0.5,
      cy: FINE * (view.cy + 0.5) - 0.5,
    };
    projectInto(figure.vertices, fine, projected);
    const seen = rasterizeMesh(projected, figure.faces, raster.width, raster.height, {
      barycentric: true,
      perspective: true,
      into: raster,
    });
    vertexNormals(figure.vertices, figure.faces, normals);
    paintBackground(shot.background, shot.viewpoint, view, shot.shadow, colours);
    paintPerson(
      shot,
      { face: seen.face, depth: seen.depth, barycentric: raster.barycentric!, normals, width },
      colours,
    );
    paintObstacle(shot.background, shot.viewpoint, view, colours);
    blurRows(colours, width, height, shot.exposure.blur, row);
    return develop(colours, width, height, shot.exposure, shot.noiseSeed);
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
}

const colour = new Float64Array(3);

function paintPerson({ figure, surface, exposure, view }: Shot, fragments: Fragments, out: Float32Array): void {
  const { face, depth, barycentric, normals, width } = fragments;
  const { faces, surface: rest } = figure;
  const [lx, ly, lz] = exposure.toLight;
  const share = 1 / FINE ** 2;
  const wide = FINE * width;
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
    const direct = Math.max(0, (facing + 0.2) / 1.2);
    const sky = 1 - (0.25 * ny) / length;
    const light = exposure.direct * direct + exposure.ambient * sky;
    surface(
      u * rest[a]! + v * rest[b]! + w * rest[c]!,
      u * rest[a + 1]! + v * rest[b + 1]! + w * rest[c + 1]!,
      u * rest[a + 2]! + v * rest[b + 2]! + w * rest[c + 2]!,
      (0.7 * depth[p]!) / view.focal,
      colour,
    );
    const y = Math.floor(p / wide);
    const o = 3 * (Math.floor(y / FINE) * width + Math.floor((p - y * wide) / FINE));
    // A pixel's samples come in turn; each takes its share from what was behind. The first one of a pixel that was not
    // touched yet scales the background down, which is the same as adding shares at the end.
    blend(out, o, light, share, firstShare(face, p, wide));
  }
}

/** How many of the four samples of this sample's pixel the person covers, if this is the first of them; else 0. */
function firstShare(face: Int32Array, p: number, wide: number): number {
  const column = p % wide;
  const left = p - (column % FINE);
  const top = left - (Math.floor(p / wide) % FINE) * wide;
  let count = 0;
  let first = -1;
  for (let j = 0; j < FINE; j++) {
    for (let i = 0; i < FINE; i++) {
      const at = top + j * wide + i;
      if (face[at]! < 0) continue;
      if (first < 0) first = at;
      count++;
    }
  }
  return first === p ? count : 0;
}

function blend(out: Float32Array, o: number, light: number, share: number, covered: number): void {
  const keep = covered > 0 ? 1 - covered * share : 1;
  for (let c = 0; c < 3; c++) out[o + c] = out[o + c]! * keep + share * light * colour[c]!;
}

/** Blur by (w, 1 - 2w, w) along rows, then columns, in place. */
function blurRows(data: Float32Array, width: number, height: number, w: number, line: Float32Array): void {
  if (w < 0.01) return;
  const pass = (count: number, length: number, start: number, step: number) => {
    for (let k = 0; k < count; k++) {
      const base = k * start;
      for (let i = 0; i < length; i++) for (let c = 0; c < 3; c++) line[3 * i + c] = data[base + i * step + c]!;
      for (let i = 1; i < length - 1; i++) {
        for (let c = 0; c < 3; c++)
          data[base + i * step + c] =
            (1 - 2 * w) * line[3 * i + c]! + w * (line[3 * i + c - 3]! + line[3 * i + c + 3]!);
      }
    }
  };
  pass(height, width, 3 * width, 3);
  pass(width, height, 3, 3 * width);
}

/** Colours as bytes, with tint and noise (sum of two uniform numbers, from a xorshift generator). */
function develop(colours: Float32Array, width: number, height: number, exposure: Exposure, seed: number): Image {
  const image = createImage(height, width);
  const bytes = new Uint8ClampedArray(image.data.buffer);
  const { tint } = exposure;
  // Two uniform numbers in 0..65535 have a standard deviation of 26755 together.
  const size = exposure.noise / 26755;
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  for (let i = 0; i < bytes.length; i += 3) {
    for (let c = 0; c < 3; c++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const grain = ((state & 0xffff) + (state >>> 16) - 65535) * size;
      bytes[i + c] = 255 * colours[i + c]! * tint[c]! + grain;
    }
  }
  return image;
}
