/** @file What moves against the camera between two pictures, and the box of the largest thing that does. */
import { type Affine, cameraMotion, warp } from "./camera-motion.ts";
import type { Grey } from "./grey.ts";

/** How fast each pixel of the first picture moves against the camera. */
export interface MovingRegion {
  /** About the pixels of motion along the brightness gradient, never too large; 0 where nothing can be seen. */
  readonly speed: Grey;
  /** The camera's own motion: from pixels of the first picture to the second's. */
  readonly camera: Affine;
  /** False where most of the picture does not follow the camera: a cut, a flash, or no camera motion was found. */
  readonly isReliable: boolean;
}

/** A box in pixels of the small picture, by its outer edges. */
export interface RegionBox {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Side of the window over which speed is averaged is 2 * RADIUS + 1. */
const RADIUS = 2;
/** Brightness noise in levels: weaker gradients say nothing about motion. */
const NOISE = 4;
const CAMERA_LIMIT = 0.3;
const SPEED_FLOOR = 0.25;
const SPEED_OVER_MEDIAN = 4;
const SMALLEST_SHARE = 0.002;
/** How much more a region counts that lies where the last one lay. */
const LOYALTY = 2;

/** The speed at which each pixel of `from` moves to `to` (same size) when the camera's motion is taken away. */
export function movingRegion(from: Grey, to: Grey): MovingRegion {
  const camera = cameraMotion(from, to);
  const seen = warp(to, camera);
  const { height, width, data } = from;
  const change = new Float32Array(height * width);
  const structure = new Float32Array(height * width);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const difference = seen[i]! - data[i]!;
      if (Number.isNaN(difference)) continue;
      const gradient = ((data[i + 1]! - data[i - 1]!) / 2) ** 2 + ((data[i + width]! - data[i - width]!) / 2) ** 2;
      change[i] = Math.abs(difference) * Math.sqrt(gradient);
      structure[i] = gradient;
    }
  }
  const [changes, structures] = [boxMean(change, height, width), boxMean(structure, height, width)];
  const speed = changes.map((value, i) => value / (structures[i]! + NOISE ** 2));
  return { speed: { height, width, data: speed }, camera, isReliable: median(speed) < CAMERA_LIMIT };
}

/** The greatest speed at each pixel over several pictures; `toPicture` maps this picture's pixels to each of theirs. */
export function greatestSpeed(parts: readonly { readonly speed: Grey; readonly toPicture: Affine }[]): Grey {
  const { height, width } = parts[0]!.speed;
  const data = new Float32Array(height * width);
  for (const { speed, toPicture } of parts) {
    const seen = warp(speed, toPicture);
    for (let i = 0; i < data.length; i++) if (seen[i]! > data[i]!) data[i] = seen[i]!;
  }
  return { height, width, data };
}

/** The box of the connected region that moves most, by area and speed; one near `last` is preferred. Undefined if nothing moves. */
export function movingBox(speed: Grey, last?: RegionBox): RegionBox | undefined {
  const { height, width, data } = speed;
  const threshold = Math.max(SPEED_FLOOR, SPEED_OVER_MEDIAN * median(data));
  const open = data.map((value) => (value > threshold ? 1 : 0));
  let best: RegionBox | undefined;
  let bestScore = 0;
  for (let start = 0; start < data.length; start++) {
    if (!open[start]) continue;
    const region = takeRegion(speed, open, start);
    if (region.area < SMALLEST_SHARE * height * width) continue;
    const score = region.mass * (1 + (last ? LOYALTY * overlap(region.box, last) : 0));
    if (score > bestScore) [best, bestScore] = [region.box, score];
  }
  return best && shrunk(best, RADIUS / 2, height, width);
}

/** Intersection over union of two boxes. */
export function overlap(a: RegionBox, b: RegionBox): number {
  const w = Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0);
  const h = Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0);
  if (w <= 0 || h <= 0) return 0;
  const area = (box: RegionBox) => (box.x1 - box.x0) * (box.y1 - box.y0);
  return (w * h) / (area(a) + area(b) - w * h);
}

/** Empties the open region around `start` (8 neighbours) and says what it was. */
function takeRegion(
  { width, height, data }: Grey,
  open: Float32Array,
  start: number,
): { readonly box: RegionBox; readonly area: number; readonly mass: number } {
  const stack = [start];
  open[start] = 0;
  let [x0, y0, x1, y1, area, mass] = [width, height, 0, 0, 0, 0];
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    const [x, y] = [i % width, Math.floor(i / width)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
    area++;
    mass += Math.min(1, data[i]!);
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const at = v * width + u;
        if (!open[at]) continue;
        open[at] = 0;
        stack.push(at);
      }
    }
  }
  return { box: { x0: x0 - 0.5, y0: y0 - 0.5, x1: x1 + 0.5, y1: y1 + 0.5 }, area, mass };
}

/** Averaging has widened the region by `by`, except where the picture ends. */
function shrunk({ x0, y0, x1, y1 }: RegionBox, by: number, height: number, width: number): RegionBox {
  if (x1 - x0 <= 4 * by || y1 - y0 <= 4 * by) return { x0, y0, x1, y1 };
  return {
    x0: x0 > 1 ? x0 + by : -0.5,
    y0: y0 > 1 ? y0 + by : -0.5,
    x1: x1 < width - 2 ? x1 - by : width - 0.5,
    y1: y1 < height - 2 ? y1 - by : height - 0.5,
  };
}

/** Mean over the window around each pixel; the window is cut off at the picture's edge. */
function boxMean(values: Float32Array, height: number, width: number): Float32Array {
  const rows = new Float32Array(values.length);
  const out = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [Math.max(0, x - RADIUS), Math.min(width - 1, x + RADIUS)];
      let sum = 0;
      for (let u = from; u <= to; u++) sum += values[y * width + u]!;
      rows[y * width + x] = sum / (to - from + 1);
    }
  }
  for (let y = 0; y < height; y++) {
    const [from, to] = [Math.max(0, y - RADIUS), Math.min(height - 1, y + RADIUS)];
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let v = from; v <= to; v++) sum += rows[v * width + x]!;
      out[y * width + x] = sum / (to - from + 1);
    }
  }
  return out;
}

function median(values: Float32Array): number {
  return values.slice().sort()[values.length >> 1] ?? 0;
}
