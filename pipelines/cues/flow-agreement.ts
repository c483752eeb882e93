/** @file How well observed flow and mesh flow agree at the visible vertices of pairs of frames, measured on the host. */
import type { Tensor4D } from "../../src/engine/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { type Samples, sampleBilinear } from "../../src/geometry/sample.ts";
import { type CueInputs, needed, type PairOf } from "./cue.ts";
import { consistentWeights, mapOf, toMap } from "./flow-weights.ts";
import { checkFinite, hostFloats, pairMeshes, seenInBoth } from "./pair-sight.ts";

/** One direction of one pair. Lengths are means or maxima over its visible vertices, in crop pixels; 0 without any. */
export interface PairMeasure {
  /** How many vertices count. */
  readonly seen: number;
  readonly meanFlow: number;
  readonly maxFlow: number;
  /** Mean distance between mesh flow and observed flow. */
  readonly residual: number;
}

/** One direction of P pairs. */
export interface FlowMeasure {
  /** [P*V] 1 for the vertices that count, 0 for the others. */
  readonly weights: Uint8Array;
  /** [P*V] squared distance between mesh flow and observed flow, px^2. */
  readonly squared: Float32Array;
  readonly pairs: readonly PairMeasure[];
}

export interface AgreementOptions {
  /** Count only vertices where observed flow and return flow agree. */
  readonly consistency?: boolean;
  /** Count only vertices whose surroundings up to this many crop pixels show the body too. */
  readonly erode?: number;
}

/** One direction of P pairs: the flow observed where the vertices of its first frame are, and how the mesh compares. */
export interface FlowReading {
  /** [P*V*2] where vertices were predicted, crop pixels. */
  readonly pixels: Float32Array;
  /** Observed flow there, crop pixels, with its slopes. */
  readonly observed: Samples;
  readonly measure: FlowMeasure;
}

/**
 * Both directions of all pairs. Throws NonFiniteError naming the pair (`where` begins the message) when a prediction or
 * a flow is NaN or infinite, MotionCueError when the inputs lack flow, ShapeError for maps that are not square.
 */
export function readFlows(where: string, inputs: CueInputs, options: AgreementOptions = {}): PairOf<FlowReading> {
  const flow = needed(where, inputs, "flow");
  const { pairs, cropSize } = inputs;
  const { pixels } = pairMeshes(where, inputs);
  const size = mapSize(where, flow.first, flow.second);
  const maps = { first: hostFloats(flow.first), second: hostFloats(flow.second) };
  const both = seenInBoth(where, inputs, size, options.erode);
  const direction = (from: "first" | "second", to: "first" | "second"): FlowReading => {
    const mesh = pixels[to].map((x, i) => x - pixels[from][i]!);
    const points = pixels[from];
    const observed = sampleFlow(maps[from], size, points, pairs.length, cropSize);
    checkFinite(where, "the observed flow is", pairs, observed.values);
    const at = { points, observed: observed.values, back: maps[to], size, cropSize };
    const weights = options.consistency ? consistentWeights(both, at) : both;
    return { pixels: points, observed, measure: compareFlows(mesh, observed.values, weights, pairs.length) };
  };
  return { first: direction("first", "second"), second: direction("second", "first") };
}

/** readFlows for who wants the figures alone. */
export function measureFlow(where: string, inputs: CueInputs, options: AgreementOptions = {}): PairOf<FlowMeasure> {
  const { first, second } = readFlows(where, inputs, options);
  return { first: first.measure, second: second.measure };
}

/**
 * Observed flow in crop pixels at points [P*V*2] of square crops, from maps [P*size*size*2] that span the same squares:
 * read at k times the point, divided by k = size / cropSize. Slopes are by crop pixels.
 */
export function sampleFlow(
  maps: Float32Array,
  size: number,
  points: Float32Array,
  pairCount: number,
  cropSize: number,
): Samples {
  const k = size / cropSize;
  const perPair = points.length / pairCount;
  const values = new Float32Array(points.length);
  const slopes = new Float32Array(2 * points.length);
  for (let pair = 0; pair < pairCount; pair++) {
    const at = toMap(points.subarray(pair * perPair, (pair + 1) * perPair), k);
    const samples = sampleBilinear(mapOf(maps, size, pair), at);
    for (let i = 0; i < perPair; i++) values[pair * perPair + i] = samples.values[i]! / k;
    slopes.set(samples.slopes, 2 * pair * perPair);
  }
  return { values, slopes };
}

/** Statistics of P pairs from flows [P*V*2] and weights [P*V]. */
export function compareFlows(
  meshFlow: Float32Array,
  observed: Float32Array,
  weights: Uint8Array,
  pairCount: number,
): FlowMeasure {
  const squared = new Float32Array(weights.length);
  const vertexCount = weights.length / pairCount;
  const pairs = Array.from({ length: pairCount }, (_, pair): PairMeasure => {
    let [seen, sum, maxFlow, residual] = [0, 0, 0, 0];
    for (let v = pair * vertexCount; v < (pair + 1) * vertexCount; v++) {
      const [fx, fy] = [observed[2 * v]!, observed[2 * v + 1]!];
      const [dx, dy] = [meshFlow[2 * v]! - fx, meshFlow[2 * v + 1]! - fy];
      squared[v] = dx * dx + dy * dy;
      if (!weights[v]) continue;
      const length = Math.sqrt(fx * fx + fy * fy);
      seen++;
      sum += length;
      residual += Math.sqrt(squared[v]!);
      maxFlow = Math.max(maxFlow, length);
    }
    const share = seen > 0 ? 1 / seen : 0;
    return { seen, meanFlow: sum * share, maxFlow, residual: residual * share };
  });
  return { weights, squared, pairs };
}

/** How far mesh flow is from observed flow over pairs with visible vertices, both directions. */
export interface FlowResidual {
  /**
   * Mean over pairs of the mean distance at visible vertices, in pixels of the regressor's crop. NaN without any pair.
   */
  readonly pixels: number;
  /**
   * That mean over the mean length of the observed flow at the same vertices: 0 is agreement, 1 as bad as a still mesh.
   */
  readonly relative: number;
  /** Mean length of the observed flow, crop pixels. */
  readonly meanFlow: number;
  /** Pairs, counted once per direction, that had visible vertices. */
  readonly count: number;
  /** [P] mean distance per pair in crop pixels, NaN without visible vertices. */
  readonly perPair: Float32Array;
}

/** The flow residual of measured pairs. Join several with joinResiduals. */
export function flowResidual({ first, second }: PairOf<FlowMeasure>): FlowResidual {
  const perPair = Float32Array.from(first.pairs, (pair, i) => {
    const used = [pair, second.pairs[i]!].filter((p) => p.seen > 0);
    return used.reduce((sum, p) => sum + p.residual, 0) / used.length;
  });
  const used = [...first.pairs, ...second.pairs].filter((pair) => pair.seen > 0);
  const residual = used.reduce((sum, p) => sum + p.residual, 0);
  const length = used.reduce((sum, p) => sum + p.meanFlow, 0);
  const count = used.length;
  return { pixels: residual / count, relative: residual / length, meanFlow: length / count, count, perPair };
}

/** The residual of all pairs of several batches, every pair weighing the same. */
export function joinResiduals(residuals: readonly FlowResidual[]): FlowResidual {
  const filled = residuals.filter((r) => r.count > 0);
  const count = filled.reduce((sum, r) => sum + r.count, 0);
  const total = (of: (r: FlowResidual) => number) => filled.reduce((sum, r) => sum + of(r) * r.count, 0);
  const [residual, length] = [total((r) => r.pixels), total((r) => r.meanFlow)];
  return {
    pixels: residual / count,
    relative: residual / length,
    meanFlow: length / count,
    count,
    perPair: Float32Array.from(residuals.flatMap((r) => Array.from(r.perPair))),
  };
}

function mapSize(where: string, first: Tensor4D, second: Tensor4D): number {
  const size = first.shape[1];
  for (const map of [first, second])
    if (map.shape[1] !== size || map.shape[2] !== size || map.shape[3] !== 2)
      throw new ShapeError(`${where} flow`, `[P,${size},${size},2]`, map.shape);
  return size;
}
