/** @file Draws the two frames of a synthetic scene and its exact flow. */
import { applyMap, type Layer, type PlaneMap } from "./layer.ts";
import { TEXTURE_SIZE } from "./textures.ts";

/** Two frames [S,S,3] (RGB, 0..1) and the flow [S,S,2] (px) from the first to the second. */
export interface FlowPair {
  readonly size: number;
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly flow: Float32Array;
}

/** The scene in both frames. Flow is that of the topmost layer at each pixel's centre, also where it leaves the picture. */
export function renderPair(layers: readonly Layer[], size: number): FlowPair {
  const pair: FlowPair = {
    size,
    first: new Float32Array(size * size * 3),
    second: new Float32Array(size * size * 3),
    flow: new Float32Array(size * size * 2),
  };
  for (const layer of layers) {
    drawFirst(pair, layer);
    drawSecond(pair, layer);
  }
  return pair;
}

function drawFirst({ size, first, flow }: FlowPair, layer: Layer): void {
  const [x0, y0, x1, y1] = clipped(layer.box, size);
  const m = layer.motion;
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const d = layer.distance ? layer.distance(x, y) : -1e9;
      if (d >= 0.5) continue;
      paint(first, 3 * (y * size + x), layer, x, y, d);
      if (d > 0) continue;
      const at = 2 * (y * size + x);
      const w = 1 / (m[6]! * x + m[7]! * y + m[8]!);
      flow[at] = (m[0]! * x + m[1]! * y + m[2]!) * w - x;
      flow[at + 1] = (m[3]! * x + m[4]! * y + m[5]!) * w - y;
    }
  }
}

function drawSecond({ size, second }: FlowPair, layer: Layer): void {
  const [x0, y0, x1, y1] = layer.distance
    ? clipped(mappedBox(layer.box, layer.motion), size)
    : clipped(layer.box, size);
  const m = layer.inverse;
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const w = 1 / (m[6]! * x + m[7]! * y + m[8]!);
      const px = (m[0]! * x + m[1]! * y + m[2]!) * w;
      const py = (m[3]! * x + m[4]! * y + m[5]!) * w;
      const d = layer.distance ? layer.distance(px, py) : -1e9;
      if (d < 0.5) paint(second, 3 * (y * size + x), layer, px, py, d);
    }
  }
}

/** Blends the layer's colour at the first frame's point (x, y) over `image[at..at+2]`. */
function paint(image: Float32Array, at: number, layer: Layer, x: number, y: number, d: number): void {
  const { toTexture: t, texture, tint, roundness } = layer;
  const alpha = d > -0.5 ? 0.5 - d : 1;
  let light = 1;
  if (roundness > 0 && d > -roundness) {
    const rim = 1 + d / roundness;
    light = 1 - 0.55 * rim * rim;
  }
  const u = mirrored(t[0] * x + t[1] * y + t[2]);
  const v = mirrored(t[3] * x + t[4] * y + t[5]);
  const [iu, iv] = [Math.floor(u), Math.floor(v)];
  const [fu, fv] = [u - iu, v - iv];
  const a = 3 * (iv * TEXTURE_SIZE + iu);
  const b = a + 3 * TEXTURE_SIZE;
  for (let c = 0; c < 3; c++) {
    const top = texture[a + c]! + fu * (texture[a + 3 + c]! - texture[a + c]!);
    const bottom = texture[b + c]! + fu * (texture[b + 3 + c]! - texture[b + c]!);
    const colour = (top + fv * (bottom - top)) * tint[c]! * light;
    image[at + c]! += alpha * (colour - image[at + c]!);
  }
}

/** A texture coordinate folded into [0, size - 1): the plane is covered by mirrored copies. */
function mirrored(u: number): number {
  const last = TEXTURE_SIZE - 1 - 1e-6;
  const period = 2 * last;
  const inside = u - period * Math.floor(u / period);
  return inside < last ? inside : period - inside;
}

type Box = readonly [number, number, number, number];

function clipped([x0, y0, x1, y1]: Box, size: number): Box {
  const low = (v: number) => Math.max(0, Math.floor(v - 1));
  const high = (v: number) => Math.min(size - 1, Math.ceil(v + 1));
  return [low(x0), low(y0), high(x1), high(y1)];
}

function mappedBox([x0, y0, x1, y1]: Box, map: PlaneMap): Box {
  const corners = [applyMap(map, x0, y0), applyMap(map, x1, y0), applyMap(map, x0, y1), applyMap(map, x1, y1)];
  const [xs, ys] = [corners.map((p) => p[0]), corners.map((p) => p[1])];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
