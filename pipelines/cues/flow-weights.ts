/** @file Which vertices count where mesh flow and observed flow are compared. */
import { consistentAt } from "../../flow/consistency.ts";
import type { Field } from "../../src/geometry/sample.ts";

/** One direction of P pairs: the flow observed at points, and the maps of the flow back. */
export interface FlowAtPoints {
  /** [P*V*2] crop pixels. */
  readonly points: Float32Array;
  /** [P*V*2] crop pixels. */
  readonly observed: Float32Array;
  /** [P*size*size*2] pixels of the maps, which span the crops. */
  readonly back: Float32Array;
  readonly size: number;
  readonly cropSize: number;
}

/** `weights` [P*V] with 0 where flow and return flow contradict each other (consistentAt). */
export function consistentWeights(weights: Uint8Array, flow: FlowAtPoints): Uint8Array {
  const { points, observed, back, size, cropSize } = flow;
  const k = size / cropSize;
  const pairCount = back.length / (2 * size * size);
  const length = points.length / pairCount;
  const result = new Uint8Array(weights);
  for (let pair = 0; pair < pairCount; pair++) {
    const own = [pair * length, (pair + 1) * length] as const;
    const there = observed.subarray(...own).map((x) => x * k);
    const agree = consistentAt(toMap(points.subarray(...own), k), there, mapOf(back, size, pair));
    for (let v = 0; v < agree.length; v++) result[(pair * length) / 2 + v]! &= agree[v]!;
  }
  return result;
}

/** Crop pixels to pixels of a map of k times the crop's size. */
export function toMap(points: Float32Array, k: number): Float32Array {
  return points.map((x) => k * x + (k - 1) / 2);
}

/** Map number `pair` of [P*size*size*channels]. */
export function mapOf(maps: Float32Array, size: number, pair: number, channels = 2): Field {
  const length = channels * size * size;
  return { data: maps.subarray(pair * length, (pair + 1) * length), height: size, width: size, channels };
}
