/** @file What all layers of a synthetic scene draw at random: their look, and places nearby. */
import type { Random } from "../../src/random.ts";
import type { Layer, Point } from "./layer.ts";
import type { Texture } from "./textures.ts";

/** Appearance that all kinds of layers share: how the texture lies on the shape, and its tint. */
export function randomAppearance(random: Random, texture: Texture): Pick<Layer, "texture" | "toTexture" | "tint"> {
  const scale = 2 ** random.uniform(-0.7, 0.8);
  const angle = random.uniform(0, 2 * Math.PI);
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const light = random.uniform(0.6, 1.25);
  const channel = () => light * random.uniform(0.85, 1.15);
  return {
    texture,
    toTexture: [c, -s, random.uniform(0, 512), s, c, random.uniform(0, 512)],
    tint: [channel(), channel(), channel()],
  };
}

/** A point `distance` px away from `from` in a random direction. */
export function moved(random: Random, from: Point, distance: number): Point {
  const angle = random.uniform(0, 2 * Math.PI);
  return [from[0] + distance * Math.cos(angle), from[1] + distance * Math.sin(angle)];
}
