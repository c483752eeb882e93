/** @file What is behind and before the person: a wall, a floor and perhaps an obstacle, all textured and cluttered. */
import type { Random } from "../../src/random.ts";
import type { Board, Plane } from "./boards.ts";
import { type Colour, mutedColour, randomColour } from "./colours.ts";
import type { Lighting } from "./light.ts";
import { bandLimit, createNoise, type Noise, smoothStep } from "./noise.ts";
import type { View, Viewpoint } from "./viewpoint.ts";

/** The surroundings of a scene. */
export interface Background {
  /** The wall is the plane z = -wallDistance. */
  readonly wallDistance: number;
  readonly wall: Plane;
  readonly floor: Plane;
  /** What stands between wall and person and between person and camera, from far to near. */
  readonly boards: readonly Board[];
  /** Boards nearer than this plane are before the person. */
  readonly front: number;
  /** Height of the wall's top at x, metres, and what is above it; unless given, the wall has no end. */
  readonly wallTop?: (u: number) => number;
  readonly sky?: Plane;
}

/** Where the person stands, for the shadow on the floor. */
export interface Shadow {
  readonly x: number;
  readonly z: number;
  /** Metres. */
  readonly radius: number;
}

/** Draws surroundings; `obstacles` is the chance of an obstacle before the person. */
export function createBackground(random: Random, obstacles = 0.25): Background {
  const outdoors = random.next() < 0.4;
  const scene: Background = {
    wallDistance: outdoors ? random.uniform(4, 12) : random.uniform(0.8, 4),
    wall: createPlane(random, random.uniform(0.6, 1.6)),
    floor: createPlane(random, random.uniform(0.4, 1)),
    boards: [],
    front: 0,
  };
  return random.next() < obstacles ? { ...scene, boards: [createObstacle(random)] } : scene;
}

function createObstacle(random: Random): Board {
  const z = random.uniform(0.5, 1.2);
  const plane = createPlane(random, 0.5);
  const side = random.next() < 0.5 ? -1 : 1;
  if (random.next() < 0.4) {
    const x = side * random.uniform(0.1, 0.45);
    return { x0: x, x1: x + random.uniform(0.06, 0.22), y0: 0, y1: 4, z, plane };
  }
  const x = side * random.uniform(0, 0.5);
  const width = random.uniform(0.2, 0.6);
  return { x0: x - width, x1: x + width, y0: 0, y1: random.uniform(0.25, 0.75), z, plane };
}

/** A plane with colour gradients, noise of four sizes, objects of two sizes, and often tiles. */
export function createPlane(random: Random, contrast: number): Plane {
  const noise = createNoise(random);
  const [r0, g0, b0] = mutedColour(random);
  const [r1, g1, b1] = mutedColour(random);
  const [r2, g2, b2] = mutedColour(random);
  const frequencies = Float64Array.of(0.9, 2.9, 8.3, 23);
  const sizes = frequencies.map((frequency) => contrast * random.uniform(0.04, 0.3) * frequency ** -0.2);
  const large = createClutter(random, random.uniform(0.7, 1.6), random.uniform(0, 0.75));
  const small = createClutter(random, random.uniform(0.18, 0.45), random.uniform(0, 0.5));
  const tile = random.next() < 0.4 ? random.uniform(0.12, 0.7) : 0;
  const stretch = random.pick([1, 1, 2, 4]);
  return (u, v, pixel, out) => {
    let shade = 1;
    for (let k = 0; k < 4; k++) {
      const frequency = frequencies[k]!;
      const left = bandLimit(0.5 / frequency, pixel);
      if (left > 0) shade += sizes[k]! * left * noise.plane(frequency * u, frequency * stretch * v);
    }
    const broad = noise.plane(0.45 * u + 31.7, 0.45 * v);
    const blend = 0.5 + 0.5 * broad;
    const accent = 0.6 * smoothStep(0.25, 0.45, broad);
    const red = r0 + blend * (r1 - r0);
    const green = g0 + blend * (g1 - g0);
    const blue = b0 + blend * (b1 - b0);
    out[0] = (red + accent * (r2 - red)) * shade;
    out[1] = (green + accent * (g2 - green)) * shade;
    out[2] = (blue + accent * (b2 - blue)) * shade;
    large(u, v, pixel, out);
    small(u, v, pixel, out);
    if (tile > 0) grout(u / tile, v / tile, pixel / tile, out);
  };
}

function grout(u: number, v: number, pixel: number, out: Float64Array): void {
  const width = Math.max(0.04, 0.6 * pixel);
  const row = Math.floor(v);
  const x = u + 0.5 * (row & 1);
  const near = Math.min(Math.abs(x - Math.round(x)), v - row, row + 1 - v);
  if (near > 1.5 * width) return;
  const dark = 1 - 0.35 * smoothStep(1.5 * width, 0.5 * width, near) * bandLimit(0.5, pixel);
  out[0]! *= dark;
  out[1]! *= dark;
  out[2]! *= dark;
}

/** Rectangles and discs, at most one in each square of `size` metres, at a share `density` of them. */
function createClutter(random: Random, size: number, density: number): Plane {
  const noise: Noise = createNoise(random);
  const palette: readonly Colour[] = Array.from({ length: 8 }, () => randomColour(random));
  return (u, v, pixel, out) => {
    const i = Math.floor(u / size);
    const j = Math.floor(v / size);
    if (noise.cell(i, j) >= density) return;
    const width = 0.12 + 0.33 * noise.cell(i + 57, j);
    const height = 0.12 + 0.33 * noise.cell(i, j + 91);
    const x = Math.abs(u / size - i - (width + (1 - 2 * width) * noise.cell(i + 13, j + 7)));
    const y = Math.abs(v / size - j - (height + (1 - 2 * height) * noise.cell(i + 3, j + 29)));
    const round = noise.cell(i + 41, j + 17) > 0.6;
    const inside = round ? Math.min(width, height) - Math.sqrt(x * x + y * y) : Math.min(width - x, height - y);
    const softness = Math.max(0.004, (0.7 * pixel) / size);
    if (inside < -softness) return;
    const cover = 0.9 * smoothStep(-softness, softness, inside);
    const [red, green, blue] = palette[Math.floor(8 * noise.cell(i + 5, j + 71))]!;
    const grain = 1 + 0.25 * noise.plane((6 * u) / size, (6 * v) / size);
    out[0]! += cover * (red * grain - out[0]!);
    out[1]! += cover * (green * grain - out[1]!);
    out[2]! += cover * (blue * grain - out[2]!);
  };
}

/** Where a ray through the surroundings ends. */
export interface RayEnd {
  /** Along the camera's axis, metres. */
  depth: number;
  surface: "floor" | "wall" | "sky";
  /** The ray's direction in the world for one metre of depth. */
  dx: number;
  dy: number;
  dz: number;
}

/** A ray's end to be written by `castRay`. */
export function createRayEnd(): RayEnd {
  return { depth: 0, surface: "wall", dx: 0, dy: 0, dz: 0 };
}

/** The sky is this far away, metres: farther than any camera moves. */
const FAR = 1e4;

/** Follows the ray through (a, b, 1) of a camera to floor, wall or sky. */
export function castRay(
  { wallDistance, wallTop }: Background,
  from: Viewpoint,
  a: number,
  b: number,
  end: RayEnd,
): void {
  const r = from.rotation;
  const [px, py, pz] = from.position;
  end.dx = r[0]! * a + r[3]! * b + r[6]!;
  end.dy = r[1]! * a + r[4]! * b + r[7]!;
  end.dz = r[2]! * a + r[5]! * b + r[8]!;
  // Rays that run parallel to a plane never meet it.
  const toWall = end.dz < -1e-6 ? -(wallDistance + pz) / end.dz : 1e6;
  const toFloor = end.dy < -1e-6 ? -py / end.dy : 1e6;
  if (toFloor < toWall) {
    end.surface = "floor";
    end.depth = toFloor;
  } else {
    const above = wallTop !== undefined && py + toWall * end.dy > wallTop(px + toWall * end.dx);
    end.surface = above ? "sky" : "wall";
    end.depth = above ? FAR : toWall;
  }
}

const colour = new Float64Array(3);
const ray = createRayEnd();

/** What else a picture of the surroundings is painted with. */
export interface BackgroundLight extends Pick<Lighting, "surroundings"> {
  /** [H*W] how much of the direct light each pixel of the floor lacks, 0..1. */
  readonly shadow?: Float32Array;
  /** [H*W] filled with depths. */
  readonly depth?: Float32Array;
}

/** Paints wall, floor and sky as seen from `from` into `out` [H*W*3] (0..1). */
export function paintBackground(
  background: Background,
  from: Viewpoint,
  view: View,
  shadow: Shadow,
  out: Float32Array,
  { surroundings, shadow: cast, depth }: BackgroundLight = {},
): void {
  const [px, py, pz] = from.position;
  for (let y = 0, o = 0; y < view.height; y++) {
    const b = (y - view.cy) / view.focal;
    for (let x = 0; x < view.width; x++, o += 3) {
      castRay(background, from, (x - view.cx) / view.focal, b, ray);
      const reach = ray.depth;
      const pixel = reach / view.focal;
      if (ray.surface === "floor") {
        const u = px + reach * ray.dx;
        const v = pz + reach * ray.dz;
        background.floor(u, v, 1.6 * pixel, colour);
        if (surroundings) relight(surroundings.floor, surroundings.shade, cast ? cast[o / 3]! : 0);
        else darken(((u - shadow.x) ** 2 + (v - shadow.z) ** 2) / shadow.radius ** 2);
      } else if (ray.surface === "wall") {
        background.wall(px + reach * ray.dx, py + reach * ray.dy, pixel, colour);
        if (surroundings) relight(surroundings.wall, surroundings.wall, 0);
      } else background.sky?.(ray.dx / -ray.dz, ray.dy / -ray.dz, 1 / view.focal, colour);
      out[o] = colour[0]!;
      out[o + 1] = colour[1]!;
      out[o + 2] = colour[2]!;
      if (depth) depth[o / 3] = reach;
    }
  }
}

/** A soft dark spot about the place where a person stands; `away` is the squared distance in radii. */
function darken(away: number): void {
  const dark = away < 6 ? 1 - 0.45 * Math.exp(-away) : 1;
  for (let c = 0; c < 3; c++) colour[c]! *= dark;
}

function relight(lit: Colour, shade: Colour, share: number): void {
  for (let c = 0; c < 3; c++) colour[c]! *= lit[c]! + share * (shade[c]! - lit[c]!);
}
