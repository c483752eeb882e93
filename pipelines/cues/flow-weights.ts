/** @file How much each vertex counts where mesh flow and observed flow are compared. */
import { consistentAt } from "../../flow/consistency.ts";
import { type Field, sampleBilinear } from "../../src/geometry/sample.ts";

/** One per vertex: 0 or 1, or anything between. */
export type VertexWeights = Uint8Array | Float32Array;

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
  const result = new Uint8Array(weights);
  forEachPair(flow, ({ at, there, back, first }) => {
    const agree = consistentAt(at, there, back);
    for (let v = 0; v < agree.length; v++) result[first + v]! &= agree[v]!;
  });
  return result;
}

/**
 * `weights` [P*V] times 1 / (1 + (e / unit)^2), e being the distance in crop pixels by which flow and return flow miss the
 * start, |F12(x) + F21(x + F12(x))|: flow that is uncertain counts less, and half where it misses by `unit`.
 */
export function certainWeights(weights: VertexWeights, flow: FlowAtPoints, unit: number): Float32Array {
  const result = Float32Array.from(weights);
  const k = flow.size / flow.cropSize;
  forEachPair(flow, ({ at, there, back, first }) => {
    const targets = at.map((x, i) => x + there[i]!);
    const { values } = sampleBilinear(back, targets);
    for (let v = 0; v < at.length / 2; v++) {
      const [ex, ey] = [there[2 * v]! + values[2 * v]!, there[2 * v + 1]! + values[2 * v + 1]!];
      result[first + v]! /= 1 + (ex * ex + ey * ey) / (k * unit) ** 2;
    }
  });
  return result;
}

/** `weights` [P*V] times min(1, d / width), d being the vertices' distances to the silhouette, in the unit of `width`. */
export function interiorWeights(weights: VertexWeights, distances: Float32Array, width: number): Float32Array {
  return Float32Array.from(weights, (w, v) => w * Math.min(1, distances[v]! / width));
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

/** One pair's points and flow in pixels of its map, and the place of its first vertex. */
interface PairPart {
  readonly at: Float32Array;
  readonly there: Float32Array;
  readonly back: Field;
  readonly first: number;
}

function forEachPair({ points, observed, back, size, cropSize }: FlowAtPoints, use: (part: PairPart) => void): void {
  const k = size / cropSize;
  const pairCount = back.length / (2 * size * size);
  const length = points.length / pairCount;
  for (let pair = 0; pair < pairCount; pair++) {
    const own = [pair * length, (pair + 1) * length] as const;
    use({
      at: toMap(points.subarray(...own), k),
      there: observed.subarray(...own).map((x) => x * k),
      back: mapOf(back, size, pair),
      first: (pair * length) / 2,
    });
  }
}
