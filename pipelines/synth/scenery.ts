/**
 * @file Surroundings of the rich world: rooms and open places, quiet or cluttered, with things and passers-by behind the
 * person and before.
 */
import type { Random } from "../../src/random.ts";
import { type Background, createPlane } from "./background.ts";
import { BOARD_SHAPES, type Board, type Plane } from "./boards.ts";
import { type Colour, grey, mutedColour, randomColour } from "./colours.ts";
import { bandLimit, createNoise, smoothStep } from "./noise.ts";

/** The room that a person takes in the course of a scene, metres of the world. */
export interface Space {
  readonly x0: number;
  readonly x1: number;
  readonly z0: number;
  readonly z1: number;
  /** The nearest that the camera comes, as z. */
  readonly cameraZ: number;
}

/** Draws surroundings that leave `space` free; `obstacles` is the chance of something before the person. */
export function createScenery(random: Random, obstacles: number, space: Space): Background {
  const isOpen = random.next() < 0.5;
  const wallDistance = (isOpen ? random.uniform(3, 25) : random.uniform(0.5, 3.5)) - Math.min(0, space.z0) + 0.3;
  const front = space.z1 + 0.45;
  const behind = createThings(random, random.integer(8), 0.8 - wallDistance, space.z0 - 0.5, space);
  // Nearer to the camera a thing would hide all of the person.
  const nearest = Math.min(space.cameraZ - 0.9, front + 0.45 * (space.cameraZ - front));
  const before =
    random.next() < obstacles ? createThings(random, 1 + random.integer(2), front, nearest, space, true) : [];
  return {
    wallDistance,
    wall: createSurface(random),
    floor: createSurface(random),
    boards: [...behind, ...before].sort((a, b) => a.z - b.z),
    front,
    ...(isOpen && random.next() < 0.75 ? createHorizon(random, wallDistance) : {}),
  };
}

/** A wall's or floor's texture: like the plain world's, or quieter, or of boards, or of rough natural patches. */
function createSurface(random: Random): Plane {
  const kind = random.next();
  if (kind < 0.35) return createPlane(random, random.uniform(0.4, 1.6));
  if (kind < 0.6) return createPaint(random);
  return kind < 0.8 ? createPlanks(random) : createGround(random);
}

/** One colour, a little uneven: what gives flow little to hold on to. */
function createPaint(random: Random): Plane {
  const noise = createNoise(random);
  const paint = mutedColour(random);
  const [broad, fine] = [random.uniform(0.02, 0.15), random.uniform(0.01, 0.1)];
  return (u, v, pixel, out) => {
    const grain = fine * noise.plane(35 * u, 35 * v) * bandLimit(0.03, pixel);
    const shade = 1 + broad * noise.plane(0.7 * u, 0.7 * v) + grain;
    for (let c = 0; c < 3; c++) out[c] = paint[c]! * shade;
  };
}

/** Parallel boards, each with its own shade and grain; lying or standing. */
function createPlanks(random: Random): Plane {
  const noise = createNoise(random);
  const wood = mutedColour(random);
  const [width, spread, isUpright] = [random.uniform(0.06, 0.3), random.uniform(0.05, 0.35), random.next() < 0.5];
  return (u, v, pixel, out) => {
    const [along, across] = isUpright ? [v, u] : [u, v];
    const plank = Math.floor(across / width);
    const own = noise.cell(plank, Math.floor(along / (9 * width) + noise.cell(plank, 3)));
    const grain = 0.12 * noise.plane(2.5 * along, 40 * across) * bandLimit(0.025, pixel);
    const near = Math.min(across / width - plank, plank + 1 - across / width) * width;
    const seam = 1 - 0.5 * smoothStep(0.008 + pixel, 0.004, near) * bandLimit(width / 2, pixel);
    for (let c = 0; c < 3; c++) out[c] = wood[c]! * (1 + spread * (own - 0.5) + grain) * seam;
  };
}

/** Patches of three colours with rough edges over six octaves: grass, sand, leaves, plaster. */
function createGround(random: Random): Plane {
  const noise = createNoise(random);
  const [a, b, d] = [mutedColour(random), mutedColour(random), mutedColour(random)];
  const scale = random.uniform(0.3, 2);
  const roughness = random.uniform(0.5, 0.75);
  return (u, v, pixel, out) => {
    let [sum, size, frequency] = [0, 0.55, scale];
    for (let k = 0; k < 6; k++, size *= roughness, frequency *= 2.1) {
      const left = bandLimit(0.5 / frequency, pixel);
      if (left <= 0) break;
      sum += size * left * noise.plane(frequency * u + 7 * k, frequency * v);
    }
    const first = smoothStep(-0.4, 0.3, sum);
    const second = smoothStep(0.1, 0.6, sum);
    for (let c = 0; c < 3; c++) {
      const base = a[c]! + first * (b[c]! - a[c]!);
      out[c] = (base + second * (d[c]! - base)) * (1 + 0.5 * sum);
    }
  };
}

/** A wall that ends in a skyline of roofs or hills, and a sky with clouds. */
function createHorizon(random: Random, distance: number): Pick<Background, "wallTop" | "sky"> {
  const noise = createNoise(random);
  const height = 1 + distance * random.uniform(0.02, 0.3);
  const rough = random.uniform(0.1, 0.6) * height;
  const [isRoofs, width] = [random.next() < 0.5, random.uniform(0.1, 0.4) * distance];
  const zenith: Colour = [random.uniform(0.3, 0.7), random.uniform(0.5, 0.8), random.uniform(0.75, 1)];
  const haze = grey(random.uniform(0.75, 1));
  const clouds = random.uniform(0, 1);
  return {
    wallTop: isRoofs
      ? (u) => height + rough * (2 * noise.cell(Math.floor(u / width), 5) - 1)
      : (u) => height + rough * (noise.plane(u / width, 3.3) + 0.3 * noise.plane((7 * u) / width, 8.1)),
    sky: (u, v, _pixel, out) => {
      const up = smoothStep(-0.1, 0.9, v);
      const cloud = clouds * smoothStep(0, 0.7, noise.plane(3 * u, 7 * v) + 0.5 * noise.plane(8 * u, 17 * v) + 0.1);
      for (let c = 0; c < 3; c++) {
        const clear = haze[c]! + up * (zenith[c]! - haze[c]!);
        out[c] = clear + cloud * (0.97 - clear);
      }
    },
  };
}

const SHAPES = Object.keys(BOARD_SHAPES) as (keyof typeof BOARD_SHAPES)[];

/** Things at depths between `far` and `near`; those before the person cover some of it, but never all. */
function createThings(
  random: Random,
  count: number,
  far: number,
  near: number,
  space: Space,
  isBefore = false,
): Board[] {
  if (near - far < 0.15) return [];
  return Array.from({ length: count }, () => {
    const z = random.uniform(far, near);
    const kind = random.pick(SHAPES);
    const noise = createNoise(random);
    const isMoving = random.next() < (kind === "passer" ? 0.85 : 0.1);
    const height = kind === "passer" ? random.uniform(1.5, 1.9) : random.uniform(0.3, isBefore ? 1.1 : 2.2);
    const tall = kind === "pole" || (kind === "bars" && random.next() < 0.5) ? random.uniform(1.8, 4) : height;
    const width = WIDTHS[kind](random);
    const reach = isBefore ? 0.55 : 2.5;
    const middle = random.uniform(space.x0 - reach, space.x1 + reach);
    const y0 = kind === "disc" ? random.uniform(0, 1.2) : 0;
    const cut = { x0: middle - width / 2, x1: middle + width / 2, y0, y1: y0 + (kind === "disc" ? width : tall) };
    const shape = BOARD_SHAPES[kind](cut, noise);
    const speed = isMoving ? random.pick([-1, 1]) * random.uniform(0.3, 1.6) : 0;
    return { ...cut, z, shape, speed, plane: random.next() < 0.5 ? createSurface(random) : createPlain(random) };
  });
}

const WIDTHS: Readonly<Record<keyof typeof BOARD_SHAPES, (random: Random) => number>> = {
  box: (random) => random.uniform(0.15, 1),
  pole: (random) => random.uniform(0.05, 0.22),
  disc: (random) => random.uniform(0.15, 0.6),
  cone: (random) => random.uniform(0.2, 0.7),
  plant: (random) => random.uniform(0.4, 1),
  bars: (random) => random.uniform(0.4, 1.5),
  passer: (random) => random.uniform(0.4, 0.6),
};

function createPlain(random: Random): Plane {
  const noise = createNoise(random);
  const own = randomColour(random);
  const grain = random.uniform(0.02, 0.2);
  return (u, v, pixel, out) => {
    const shade = 1 + grain * noise.plane(20 * u, 20 * v) * bandLimit(0.05, pixel);
    for (let c = 0; c < 3; c++) out[c] = own[c]! * shade;
  };
}
