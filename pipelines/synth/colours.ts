/** @file Colours of synthetic things: red, green, blue reflectance in 0..1. */
import type { Random } from "../../src/random.ts";

export type Colour = readonly [number, number, number];

/** Any hue; dull colours somewhat oftener than vivid ones, dark ones as often as light ones. */
export function randomColour(random: Random): Colour {
  return hueColour(random, 0.85 * random.next() ** 1.3, random.uniform(0.12, 1));
}

/** Any hue, mostly near grey: walls, floors, earth. */
export function mutedColour(random: Random): Colour {
  return hueColour(random, 0.6 * random.next() ** 2, random.uniform(0.15, 0.95));
}

function hueColour(random: Random, saturation: number, value: number): Colour {
  const hue = random.uniform(0, 2 * Math.PI);
  const channel = (shift: number) => value * (1 - saturation * (0.5 - 0.5 * Math.cos(hue + shift)));
  return [channel(0), channel(2.1), channel(4.2)];
}

/** A grey of that reflectance. */
export function grey(value: number): Colour {
  return [value, value, value];
}

/** A colour made lighter or darker. */
export function scaled([r, g, b]: Colour, factor: number): Colour {
  return [r * factor, g * factor, b * factor];
}
