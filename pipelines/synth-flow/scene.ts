/** @file Random scenes: a moving background, moving objects and figures with swinging limbs. */
import type { Random } from "../../src/random.ts";
import { figureLayers } from "./figure.ts";
import { applyMap, compose, invert, type Layer, type PlaneMap, type Point, similarity } from "./layer.ts";
import { moved, randomAppearance } from "./scene-appearance.ts";
import { blob, capsule, plate, type Shape } from "./shapes.ts";
import type { Texture } from "./textures.ts";

/** Fastest motion of a scene, in px at a side of 128: log-uniform between these. */
const SPEED_RANGE = [1, 28] as const;

/** The layers of a random scene of `size` x `size` px, lowest first. `textures` is what it may wear. */
export function randomScene(random: Random, size: number, textures: readonly Texture[]): Layer[] {
  const speed = Math.exp(random.uniform(...(SPEED_RANGE.map(Math.log) as [number, number]))) * (size / 128);
  const camera = cameraMotion(random, size, random.next() < 0.2 ? 0 : speed * random.next());
  const layers = [background(random, size, random.pick(textures), camera)];
  const objects = random.integer(4);
  for (let i = 0; i < objects; i++) layers.push(object(random, size, random.pick(textures), camera, speed));
  const figures = random.next() < 0.75 ? 1 + random.integer(2) : 0;
  for (let i = 0; i < figures; i++) layers.push(...figureLayers(random, size, textures, camera, speed));
  if (random.next() < 0.15) layers.push(object(random, size, random.pick(textures), camera, speed));
  return layers;
}

function cameraMotion(random: Random, size: number, speed: number): PlaneMap {
  const centre: Point = [size / 2, size / 2];
  const turn = (random.normal() * speed * 0.5) / size;
  const zoom = 1 + (random.normal() * speed * 0.5) / size;
  const map = similarity(centre, moved(random, centre, speed), zoom * Math.cos(turn), zoom * Math.sin(turn));
  const tilt = (speed * 0.4) / size ** 2;
  const [gx, gy] = [random.normal() * tilt, random.normal() * tilt];
  const perspective = Float64Array.of(1, 0, 0, 0, 1, 0, gx, gy, 1 - (gx + gy) * (size / 2));
  return compose(map, perspective);
}

function background(random: Random, size: number, texture: Texture, motion: PlaneMap): Layer {
  const inverse = invert(motion);
  return { ...randomAppearance(random, texture), roundness: 0, box: [0, 0, size - 1, size - 1], motion, inverse };
}

function object(random: Random, size: number, texture: Texture, camera: PlaneMap, speed: number): Layer {
  const centre: Point = [random.uniform(0, size), random.uniform(0, size)];
  const reach = size * Math.exp(random.uniform(Math.log(0.04), Math.log(0.3)));
  const shape = randomShape(random, centre, reach);
  const base = random.next() < 0.5 ? applyMap(camera, ...(centre as [number, number])) : centre;
  const turn = Math.max(-0.5, Math.min(0.5, (random.normal() * speed * 0.25) / reach));
  const zoom = 1 + Math.max(-0.15, Math.min(0.15, (random.normal() * speed * 0.1) / reach));
  const target = moved(random, base, speed * random.next());
  const motion = similarity(centre, target, zoom * Math.cos(turn), zoom * Math.sin(turn));
  return {
    ...randomAppearance(random, texture),
    ...shape,
    roundness: random.next() < 0.3 ? reach * random.uniform(0.3, 0.8) : 0,
    motion,
    inverse: invert(motion),
  };
}

function randomShape(random: Random, centre: Point, reach: number): Shape {
  const kind = random.next();
  if (kind < 0.4) return blob(random, centre, reach);
  if (kind < 0.7) {
    const [hx, hy] = [reach * random.uniform(0.3, 1), reach * random.uniform(0.3, 1)];
    return plate(centre, hx, hy, random.uniform(0, Math.PI), Math.min(hx, hy) * random.uniform(0, 1));
  }
  const end = moved(random, centre, reach * random.uniform(0.5, 3));
  const width = reach * random.uniform(0.15, 0.6);
  return capsule(centre, end, width, width * random.uniform(0.3, 1));
}
