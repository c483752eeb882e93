/** @file Smooth value noise in two and three dimensions: the raw material of clothes, skin and backgrounds. */
import type { Random } from "../../src/random.ts";

/** A field of smooth random values in -1..1 that repeats every 256 units along each axis; lattice spacing 1. */
export interface Noise {
  /** Value at (x, y). */
  plane(x: number, y: number): number;
  /** Value at (x, y, z). */
  solid(x: number, y: number, z: number): number;
  /** One of 256 equally likely values in 0..1, the same for the whole unit cell with integer corner (x, y). */
  cell(x: number, y: number): number;
}

const SIZE = 256;
const MASK = SIZE - 1;
const INDICES: readonly number[] = Array.from({ length: SIZE }, (_, i) => i);
const values = Float64Array.from(INDICES, (i) => (2 * i + 1) / SIZE - 1);

/** A noise field drawn from `random` (one table of 256 values and one permutation). */
export function createNoise(random: Random): Noise {
  // Repeated, so that an index plus one row needs no wrapping.
  const permutation = new Uint8Array(2 * SIZE);
  permutation.set(random.shuffle(INDICES));
  permutation.copyWithin(SIZE, 0, SIZE);

  const plane = (x: number, y: number): number => {
    const floorX = Math.floor(x);
    const floorY = Math.floor(y);
    const u = fade(x - floorX);
    const v = fade(y - floorY);
    const ix = floorX & MASK;
    const iy = floorY & MASK;
    const a = permutation[ix]! + iy;
    const b = permutation[ix + 1]! + iy;
    const n00 = values[permutation[a]!]!;
    const n10 = values[permutation[b]!]!;
    const left = n00 + v * (values[permutation[a + 1]!]! - n00);
    return left + u * (n10 + v * (values[permutation[b + 1]!]! - n10) - left);
  };
  const slice = (ix: number, iy: number, iz: number, u: number, v: number): number => {
    const turn = permutation[iz]!;
    const a = permutation[(ix + turn) & MASK]! + iy;
    const b = permutation[(ix + 1 + turn) & MASK]! + iy;
    const n00 = values[permutation[a]!]!;
    const n10 = values[permutation[b]!]!;
    const low = n00 + v * (values[permutation[a + 1]!]! - n00);
    return low + u * (n10 + v * (values[permutation[b + 1]!]! - n10) - low);
  };
  const solid = (x: number, y: number, z: number): number => {
    const floorX = Math.floor(x);
    const floorY = Math.floor(y);
    const floorZ = Math.floor(z);
    const u = fade(x - floorX);
    const v = fade(y - floorY);
    const ix = floorX & MASK;
    const iy = floorY & MASK;
    const iz = floorZ & MASK;
    const near = slice(ix, iy, iz, u, v);
    return near + fade(z - floorZ) * (slice(ix, iy, iz + 1, u, v) - near);
  };
  const cell = (x: number, y: number): number => permutation[permutation[x & MASK]! + (y & MASK)]! / SIZE;
  return { plane, solid, cell };
}

function fade(t: number): number {
  return t * t * (3 - 2 * t);
}

/** 0 below `low`, 1 above `high`, smooth between (cubic). `low` may be above `high`: then it falls. */
export function smoothStep(low: number, high: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

/** How much of a pattern with features of size `feature` is left when a pixel covers `pixel` (same unit): 1 .. 0. */
export function bandLimit(feature: number, pixel: number): number {
  return smoothStep(0.8, 2.2, feature / pixel);
}
