/** @file Light, lens and sensor of a scene. */
import type { Random } from "../../src/random.ts";
import type { Colour } from "./colours.ts";
import type { Viewpoint } from "./viewpoint.ts";

/** Light and sensor of a scene. */
export interface Exposure {
  /** Unit vector towards the light and what the light and the surroundings add. In camera space, or the world's with `rich`. */
  readonly toLight: readonly [number, number, number];
  readonly direct: number;
  readonly ambient: number;
  /** Factor on each channel. */
  readonly tint: Colour;
  /** Weight of a pixel's neighbours on either side, 0..0.25 (0.25: binomial blur). */
  readonly blur: number;
  /** Standard deviation of the noise, in 0..255 steps. */
  readonly noise: number;
  readonly rich?: RichLight;
}

/** What light and camera do in the rich world only. */
export interface RichLight {
  /** Colours of the light and of the surroundings. */
  readonly sun: Colour;
  readonly sky: Colour;
  /** Share of the direct light that a cast shadow takes, 0..1. */
  readonly shadow: number;
  /** -0.5..0.5: middle tones are moved apart (positive) or together. */
  readonly contrast: number;
  /** Share of light that the picture's corners lose. */
  readonly vignette: number;
  /** Exposure wavers by this share, at this angular frequency (radians per second). */
  readonly flicker: number;
  readonly flickerRate: number;
  /** Share of the noise that grows with the root of the signal. */
  readonly shot: number;
  /** Seconds that the shutter is open. */
  readonly shutter: number;
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

/**
 * Draws light and sensor of the rich world: light from anywhere above the floor, against the camera too, hard or soft, warm
 * or cold; shutters of up to 1/40 s; noise from none to that of a dark room.
 */
export function createRichExposure(random: Random): Exposure {
  const azimuth = random.uniform(-Math.PI, Math.PI);
  const elevation = random.uniform(0.15, 1.4);
  const gain = random.uniform(0.75, 1.35);
  const ambient = random.uniform(0.15, 0.8);
  const warmth = random.normal(0, 0.1);
  const flat = Math.cos(elevation);
  return {
    toLight: [flat * Math.sin(azimuth), Math.sin(elevation), flat * Math.cos(azimuth)],
    direct: 1.25 - ambient,
    ambient,
    tint: [gain * random.uniform(0.9, 1.1), gain, gain * random.uniform(0.9, 1.1)],
    blur: random.uniform(0, 0.25),
    noise: 9 * random.next() ** 2,
    rich: {
      sun: [1 + warmth, 1, 1 - warmth],
      sky: [1 - 0.7 * warmth, 1, 1 + 0.7 * warmth],
      shadow: random.next() < 0.7 ? random.uniform(0.3, 1) : 0,
      contrast: random.uniform(-0.3, 0.4),
      vignette: random.next() < 0.4 ? random.uniform(0, 0.45) : 0,
      flicker: random.next() < 0.2 ? random.uniform(0, 0.06) : 0,
      flickerRate: random.uniform(1, 40),
      shot: random.next(),
      shutter: random.next() < 0.25 ? 0 : random.uniform(0.002, 0.025),
    },
  };
}

/** What a moment's light does to surfaces, by their side. */
export interface Lighting {
  /** Unit vector towards the light in camera space. */
  readonly toLight: readonly [number, number, number];
  readonly sun: Colour;
  readonly sky: Colour;
  /** Factors on floor, wall and floor in shadow; undefined where surroundings are not lit (the plain world). */
  readonly surroundings?: { readonly floor: Colour; readonly wall: Colour; readonly shade: Colour };
}

const WHITE: Colour = [1, 1, 1];

/** The light of a scene as seen from `from`. */
export function lightingFrom({ toLight, direct, ambient, rich }: Exposure, from: Viewpoint): Lighting {
  if (!rich) return { toLight, sun: WHITE, sky: WHITE };
  const r = from.rotation;
  const [x, y, z] = toLight;
  const turn = (row: number) => r[row]! * x + r[row + 1]! * y + r[row + 2]! * z;
  const { sun, sky, shadow } = rich;
  const lit = (facing: number): Colour => {
    const at = (c: number) => ambient * sky[c]! + direct * sun[c]! * facing;
    return [at(0), at(1), at(2)];
  };
  const [floor, wall] = [0.25 + 0.75 * Math.max(0, y), 0.3 + 0.7 * Math.max(0, z)];
  return {
    toLight: [turn(0), turn(3), turn(6)],
    sun,
    sky,
    surroundings: { floor: lit(floor), wall: lit(wall), shade: lit(floor * (1 - shadow)) },
  };
}
