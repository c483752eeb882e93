/** @file Procedural textures for synthetic motion: value noise of several scales, patterns with hard edges, near-plain cloth. */
import type { Random } from "../../src/random.ts";
import { createNoise } from "../synth/noise.ts";

/** Side of every texture, in texels. */
export const TEXTURE_SIZE = 256;

/** RGB in 0..1, [256,256,3]. */
export type Texture = Float32Array;

type Pattern = (x: number, y: number) => number;

/** A texture of a random kind and two or three random colours. */
export function makeTexture(random: Random): Texture {
  const noise = createNoise(random);
  const fractal = fractalOf(random, noise.plane);
  const pattern = patternOf(random, fractal);
  const colours = [randomColour(random), randomColour(random), randomColour(random)] as const;
  const grain = random.uniform(0, 0.12);
  const third = random.next() < 0.4 ? 0 : random.uniform(0.1, 0.6);
  const cell = 2 ** random.uniform(2, 6);
  const data = new Float32Array(TEXTURE_SIZE * TEXTURE_SIZE * 3);
  for (let y = 0, at = 0; y < TEXTURE_SIZE; y++) {
    for (let x = 0; x < TEXTURE_SIZE; x++, at += 3) {
      const mix = pattern(x, y);
      const other = third * (0.5 + 0.5 * noise.plane(x / cell + 71.3, y / cell + 17.9));
      const light = grain * noise.plane(x * 0.61 + 7.7, y * 0.61 + 3.1);
      for (let c = 0; c < 3; c++) {
        const base = colours[0][c]! + mix * (colours[1][c]! - colours[0][c]!);
        data[at + c] = Math.min(1, Math.max(0, base + other * (colours[2][c]! - base) + light));
      }
    }
  }
  return data;
}

/** Noise summed over octaves, in about 0..1. */
function fractalOf(random: Random, plane: Pattern): Pattern {
  const octaves = 1 + random.integer(4);
  const cell = 2 ** random.uniform(2.5, 6.5);
  const fall = random.uniform(0.4, 0.85);
  const total = Array.from({ length: octaves }, (_, k) => fall ** k).reduce((a, b) => a + b, 0);
  return (x, y) => {
    let sum = 0;
    for (let k = 0, weight = 1 / total, f = 1 / cell; k < octaves; k++, weight *= fall, f *= 2) {
      sum += weight * plane(x * f + 13.7 * k, y * f + 5.3 * k);
    }
    return Math.min(1, Math.max(0, 0.5 + 0.9 * sum));
  };
}

function patternOf(random: Random, fractal: Pattern): Pattern {
  const kind = random.next();
  const period = 2 ** random.uniform(2.5, 5.5);
  const angle = random.uniform(0, Math.PI);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const warp = random.uniform(0, 12);
  const wave = (u: number) => Math.abs(2 * (u / period - Math.floor(u / period)) - 1);
  if (kind < 0.4) return fractal;
  if (kind < 0.55) return (x, y) => edge((fractal(x, y) - 0.5) * 8);
  if (kind < 0.7) return (x, y) => edge((wave(x * cos + y * sin + warp * fractal(x, y)) - 0.5) * period * 0.5);
  if (kind < 0.8) {
    return (x, y) => {
      const [u, v] = [wave(x * cos + y * sin) - 0.5, wave(y * cos - x * sin) - 0.5];
      return 0.7 * edge(u * v * period) + 0.3 * fractal(x, y);
    };
  }
  const contrast = random.uniform(0.03, 0.3);
  return (x, y) => contrast * fractal(x, y);
}

/** A step of finite steepness from 0 to 1 around 0. */
function edge(t: number): number {
  return Math.min(1, Math.max(0, 0.5 + t));
}

function randomColour(random: Random): [number, number, number] {
  const grey = random.next();
  const strength = random.next() ** 2;
  const channel = () => Math.min(1, Math.max(0, grey + strength * random.uniform(-0.6, 0.6)));
  return [channel(), channel(), channel()];
}
