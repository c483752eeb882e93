/** @file The blur that a moving camera leaves on everything that stands still. */
import { toCamera, type View, type Viewpoint } from "./viewpoint.ts";

/**
 * Blurs `colours` [H*W*3], seen from `middle` with `depth` [H*W] metres behind each pixel, along the way that each point
 * takes in the picture while the camera goes from `first` to `last`. In place.
 */
export type Smear = (
  colours: Float32Array,
  depth: Float32Array,
  view: View,
  middle: Viewpoint,
  first: Viewpoint,
  last: Viewpoint,
) => void;

/** Ways shorter than this leave no trace, and longer ones are cut. Pixels. */
const SHORTEST = 0.6;
const LONGEST = 24;

/** A smear for pictures of `width` x `height`; its buffer is reused. */
export function createSmear(width: number, height: number): Smear {
  const sharp = new Float32Array(3 * width * height);
  return (colours, depth, view, middle, first, last) => {
    const { focal, cx, cy } = view;
    const r = middle.rotation;
    const [px, py, pz] = middle.position;
    if (isStill(first, last, view)) return;
    sharp.set(colours);
    for (let y = 0, p = 0; y < height; y++) {
      for (let x = 0; x < width; x++, p++) {
        const z = depth[p]!;
        const a = ((x - cx) / focal) * z;
        const b = ((y - cy) / focal) * z;
        const wx = px + r[0]! * a + r[3]! * b + r[6]! * z;
        const wy = py + r[1]! * a + r[4]! * b + r[7]! * z;
        const wz = pz + r[2]! * a + r[5]! * b + r[8]! * z;
        const from = toCamera(first, wx, wy, wz);
        const to = toCamera(last, wx, wy, wz);
        const dx = focal * (to[0] / to[2] - from[0] / from[2]);
        const dy = focal * (to[1] / to[2] - from[1] / from[2]);
        const way = Math.hypot(dx, dy);
        if (!(way > SHORTEST)) continue;
        average(sharp, width, height, x, y, dx, dy, way, colours, 3 * p);
      }
    }
  };
}

/** Whether the camera moves so little that a point 1 m away and one at infinity keep their pixels. */
function isStill(first: Viewpoint, last: Viewpoint, { focal }: View): boolean {
  let [turn, step] = [0, 0];
  for (let i = 0; i < 9; i++) turn = Math.max(turn, Math.abs(first.rotation[i]! - last.rotation[i]!));
  for (let k = 0; k < 3; k++) step = Math.max(step, Math.abs(first.position[k]! - last.position[k]!));
  return focal * (turn + step) < SHORTEST;
}

function average(
  from: Float32Array,
  width: number,
  height: number,
  x: number,
  y: number,
  dx: number,
  dy: number,
  way: number,
  out: Float32Array,
  o: number,
): void {
  const shorter = Math.min(1, LONGEST / way);
  const taps = Math.ceil(way * shorter) + 1;
  let [red, green, blue] = [0, 0, 0];
  for (let k = 0; k < taps; k++) {
    const s = (k / (taps - 1) - 0.5) * shorter;
    const u = Math.min(width - 1, Math.max(0, Math.round(x + s * dx)));
    const v = Math.min(height - 1, Math.max(0, Math.round(y + s * dy)));
    const at = 3 * (v * width + u);
    red += from[at]!;
    green += from[at + 1]!;
    blue += from[at + 2]!;
  }
  out[o] = red / taps;
  out[o + 1] = green / taps;
  out[o + 2] = blue / taps;
}
