/** @file Cloth: two or three colours mixed by a pattern of the rest body's space, with grain so that it can be followed. */
import type { Random } from "../../src/random.ts";
import type { Surface } from "./appearance.ts";
import { type Colour, grey, randomColour } from "./colours.ts";
import { bandLimit, type Noise, smoothStep } from "./noise.ts";

const PATTERNS = ["plain", "stripes", "bands", "checks", "dots", "patches", "weave"] as const;

/** Patterns that only the rich world has. */
const RICH_PATTERNS = [
  ...PATTERNS,
  "plain",
  "plaid",
  "slant",
  "zigzag",
  "camouflage",
  "fade",
  "halves",
  "rings",
] as const;
type Pattern = (typeof RICH_PATTERNS)[number];

/**
 * A cloth: `first` and another colour mixed by a pattern, and fine grain everywhere so that even plain cloth can be
 * followed. `rich`: more patterns, finer and coarser ones.
 */
export function createCloth(random: Random, noise: Noise, first: Colour, rich = false): Surface {
  const pattern: Pattern = random.pick(rich ? RICH_PATTERNS : PATTERNS);
  const second = random.next() < 0.5 ? grey(random.uniform(0.05, 0.95)) : randomColour(random);
  const period = rich ? 0.02 * 12 ** random.next() : random.uniform(0.05, 0.14);
  const [grain, wear] = rich
    ? [random.uniform(0.02, 0.2), random.uniform(0.03, 0.3)]
    : [random.uniform(0.06, 0.22), random.uniform(0.08, 0.25)];
  const mix = patternMix(pattern, noise, period);
  return (x, y, z, pixel, out) => {
    const m = mix(x, y, z) * bandLimit(period / 2, pixel);
    let shade = 1 + wear * noise.solid(9 * x, 9 * y, 9 * z);
    const middle = bandLimit(0.022, pixel);
    if (middle > 0) shade += grain * middle * noise.solid(45 * x, 45 * y, 45 * z);
    const fine = bandLimit(0.008, pixel);
    if (fine > 0) shade += grain * fine * noise.solid(130 * x, 130 * y, 130 * z);
    for (let c = 0; c < 3; c++) out[c] = (first[c]! + m * (second[c]! - first[c]!)) * shade;
  };
}

/** How much of the second colour is at a point, 0..1. */
function patternMix(pattern: Pattern, noise: Noise, period: number): (x: number, y: number, z: number) => number {
  const wave = (u: number) => smoothStep(-0.25, 0.25, Math.sin((2 * Math.PI * u) / period));
  switch (pattern) {
    case "plain":
      return () => 0;
    case "stripes":
      return (x, _y, z) => wave(x + 0.5 * z);
    case "bands":
      return (_x, y) => wave(y);
    case "checks":
      return (x, y, z) => 0.5 * (wave(x + 0.4 * z) + wave(y));
    case "dots":
      return (x, y, z) => {
        const near = (u: number) => u / period - Math.round(u / period);
        return smoothStep(0.34, 0.24, Math.hypot(near(x), near(y), 0.5 * near(z)));
      };
    case "patches":
      return (x, y, z) =>
        smoothStep(-0.1, 0.1, noise.solid((1.2 * x) / period, (1.2 * y) / period, (1.2 * z) / period));
    case "weave":
      return (x, y, z) => 0.5 + 0.5 * noise.solid((6 * x) / period, (1.5 * y) / period, (6 * z) / period);
    case "plaid":
      return (x, y, z) => {
        const across = 0.5 * wave(x + 0.4 * z) + 0.5 * wave(y);
        return 0.75 * across + 0.25 * wave(3.3 * y) * wave(3.3 * (x + 0.4 * z));
      };
    case "slant":
      return (x, y, z) => wave(0.7 * (x + y) + 0.3 * z);
    case "zigzag":
      return (x, y) => wave(y + 0.5 * period * Math.abs(((x / period) % 2) - Math.sign(x)));
    case "camouflage":
      return (x, y, z) => {
        const s = 0.7 / period;
        const blot = noise.solid(s * x, s * y, s * z) + 0.5 * noise.solid(2.3 * s * x + 9, 2.3 * s * y, 2.3 * s * z);
        return smoothStep(-0.3, -0.25, blot) * 0.45 + smoothStep(0.15, 0.2, blot) * 0.55;
      };
    case "fade":
      return (_x, y) => smoothStep(0.35, -0.35, y);
    case "halves":
      return (x) => smoothStep(-0.004, 0.004, x);
    case "rings":
      return (x, y, z) => wave(Math.hypot(x, y - 0.1, 0.4 * z));
    default:
      return pattern satisfies never;
  }
}
