/** @file The easiest pairs: one picture seen through two windows, so that everything moves alike. */
import type { Random } from "../../src/random.ts";
import type { FlowPairs } from "./dataset.ts";
import type { FlowPair } from "./render.ts";

/** Longest motion along an axis, px. */
const REACH = 14;

/** Pair number `index` of `size` x `size` px: windows of the first picture of a scene, moved by whole pixels. */
export function translatedPair(scenes: FlowPairs, index: number, size: number, random: Random): FlowPair {
  const whole = size + 2 * REACH;
  const { first: picture } = scenes(index, whole);
  const dx = random.integer(2 * REACH + 1) - REACH;
  const dy = random.integer(2 * REACH + 1) - REACH;
  const flow = new Float32Array(2 * size * size);
  for (let i = 0; i < flow.length; i += 2) {
    flow[i] = dx;
    flow[i + 1] = dy;
  }
  return {
    size,
    first: windowOf(picture, whole, REACH, REACH, size),
    second: windowOf(picture, whole, REACH - dx, REACH - dy, size),
    flow,
  };
}

/** The square of side `size` at (x, y) of an RGB picture that is `whole` wide. */
function windowOf(picture: Float32Array, whole: number, x: number, y: number, size: number): Float32Array {
  const out = new Float32Array(3 * size * size);
  for (let row = 0; row < size; row++) {
    const from = 3 * ((y + row) * whole + x);
    out.set(picture.subarray(from, from + 3 * size), 3 * row * size);
  }
  return out;
}
