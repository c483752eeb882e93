/** @file The motion cue: mesh flow should equal the flow observed in the images (arXiv 2402.02736), with guards. */
import { meshFlow } from "../../flow/mesh-flow.ts";
import { type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { samplesWithGradient } from "../../src/geometry/sample.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import type { Cue, CueReport, CueSpec, PairOf } from "./cue.ts";
import { type FlowMeasure, type FlowReading, flowResidual, type PairMeasure, readFlows } from "./flow-agreement.ts";
import { PENALTIES, penalised, penalisedNumber } from "./robust.ts";

export const FLOW_CUE_OPTIONS = {
  normalise: {
    kind: "flag",
    default: true,
    doc: "Divide a pair's error by its squared mean flow, so that slow and fast pairs weigh alike.",
  },
  minFlow: {
    kind: "number",
    min: 0,
    default: 0.5,
    doc: "Least mean flow to divide by, px at a 224 px crop; keeps nearly static pairs from blowing up.",
  },
  rejectAbove: {
    kind: "number",
    min: 0,
    default: 50,
    doc: "Drop a pair with a visible flow this long, px at a 224 px crop (scene cuts, failed flow); 0 keeps all.",
  },
  robust: {
    kind: "choice",
    choices: PENALTIES,
    default: "charbonnier",
    doc: "none: squared distance; so that outliers pull less, charbonnier: linear, gmof: constant beyond robustSize.",
  },
  robustSize: {
    kind: "number",
    min: 0.01,
    default: 1,
    doc: "Distance at which the robust penalty leaves the square, px at a 224 px crop.",
  },
  consistency: {
    kind: "flag",
    default: true,
    doc: "Use only vertices where the observed flow passes the forward-backward check.",
  },
  erode: {
    kind: "number",
    min: 0,
    default: 0,
    doc: "Leave out vertices nearer to the silhouette than this, px at a 224 px crop.",
  },
  detach: {
    kind: "choice",
    choices: ["none", "source", "sampling"],
    default: "none",
    doc: "Where gradient stops: nowhere, at the frame a flow starts from, or at the position where flow is read.",
  },
} as const satisfies OptionTable;
export type FlowCueOptions = OptionsOf<typeof FLOW_CUE_OPTIONS>;

/** The crop size that lengths in options refer to. */
const REFERENCE_SIZE = 224;
/** Below this (px) a mean flow is no number to divide by: the pair is left out when minFlow allows it to be reached. */
const STATIC = 1e-6;

export const flowCueSpec: CueSpec<typeof FLOW_CUE_OPTIONS> = {
  name: "flow",
  doc: "Mesh flow should equal observed flow at visible vertices.",
  weight: 0.01,
  needs: ["flow"],
  options: FLOW_CUE_OPTIONS,
  presets: { default: {}, paper: { minFlow: 0, robust: "none", consistency: false } },
  create: createFlowCue,
};

/**
 * The cue whose value is half the sum of the forward and the backward pair loss. Numbers in its report: `kept` and
 * `rejected` pairs, pairs with nothing visible (`unseen`) or without motion (`static`), each counted once per
 * direction; `residual` (px) and `relativeResidual` before any rejection (flowResidual). `perPair` is the pair's
 * contribution to the mean.
 */
export function createFlowCue(options: FlowCueOptions): Cue {
  return {
    name: "flow",
    needs: ["flow"],
    loss(inputs) {
      const scale = inputs.cropSize / REFERENCE_SIZE;
      const read = readFlows("cue flow", inputs, {
        consistency: options.consistency,
        erode: options.erode * scale,
      });
      const [first, second] = [inputs.predicted.first.pixels, inputs.predicted.second.pixels];
      const direction = (from: Tensor3D, to: Tensor3D, reading: FlowReading): DirectionLoss => {
        const source = options.detach === "source" ? tf.tensor3d(reading.pixels, from.shape) : from;
        const observed =
          options.detach === "none"
            ? samplesWithGradient(reading.observed, from, reading.pixels)
            : tf.tensor3d(reading.observed.values, from.shape);
        return pairLoss(meshFlow(source, to), observed, reading.measure, options, scale);
      };
      const forward = direction(first, second, read.first);
      const backward = direction(second, first, read.second);
      return {
        value: tf.mul<tf.Scalar>(tf.add(forward.value, backward.value), 0.5),
        report: report({ first: read.first.measure, second: read.second.measure }, forward, backward),
      };
    },
  };
}

/** What became of each pair. */
export type PairFate = "kept" | "rejected" | "unseen" | "static";

/** One direction's loss: the mean over kept pairs, each pair's part [P] (NaN unless kept) and fate. */
export interface DirectionLoss {
  readonly value: tf.Scalar;
  readonly perPair: Float32Array;
  readonly fates: readonly PairFate[];
}

/**
 * The pair loss of one direction: per pair, the mean of rho(|mesh - observed|^2) over the vertices that count, divided by
 * max(mean flow, minFlow)^2 if normalised; the mean over pairs that are kept. The normaliser, the counts and the
 * rejection carry no gradient. 0, and connected to both flows, when no pair is kept. `scale` is cropSize / 224. Source:
 * Flow2DLoss of the paper's released code; the penalties are in robust.ts.
 */
export function pairLoss(
  mesh: Tensor3D,
  observed: Tensor3D,
  measure: FlowMeasure,
  options: FlowCueOptions,
  scale = 1,
): DirectionLoss {
  const fates = measure.pairs.map((pair) => fateOf(pair, options, scale));
  const kept = fates.filter((fate) => fate === "kept").length;
  const factors = measure.pairs.map((pair, i) =>
    fates[i] === "kept" ? 1 / (pair.seen * normaliser(pair, options, scale) ** 2) : 0,
  );
  const vertexCount = measure.weights.length / Math.max(1, measure.pairs.length);
  const rows = Float32Array.from(
    measure.weights,
    (w, v) => (w * factors[Math.floor(v / vertexCount)]!) / Math.max(1, kept),
  );
  const squared = tf.sum(tf.square(tf.sub(mesh, observed)), 2) as Tensor2D;
  const robust = penalised(options.robust, squared, options.robustSize * scale);
  const value = tf.sum<tf.Scalar>(tf.mul(robust, tf.tensor(rows, squared.shape)));
  return { value, perPair: pairParts(measure, factors, fates, options, scale), fates };
}

function fateOf(pair: PairMeasure, options: FlowCueOptions, scale: number): PairFate {
  if (pair.seen === 0) return "unseen";
  if (options.rejectAbove > 0 && pair.maxFlow >= options.rejectAbove * scale) return "rejected";
  return normaliser(pair, options, scale) < STATIC ? "static" : "kept";
}

function normaliser(pair: PairMeasure, options: FlowCueOptions, scale: number): number {
  return options.normalise ? Math.max(pair.meanFlow, options.minFlow * scale) : 1;
}

function pairParts(
  measure: FlowMeasure,
  factors: readonly number[],
  fates: readonly PairFate[],
  options: FlowCueOptions,
  scale: number,
): Float32Array {
  const vertexCount = measure.weights.length / Math.max(1, factors.length);
  return Float32Array.from(factors, (factor, pair) => {
    if (fates[pair] !== "kept") return Number.NaN;
    let sum = 0;
    for (let v = pair * vertexCount; v < (pair + 1) * vertexCount; v++) {
      if (!measure.weights[v]) continue;
      sum += penalisedNumber(options.robust, measure.squared[v]!, options.robustSize * scale);
    }
    return sum * factor;
  });
}

function report(measured: PairOf<FlowMeasure>, forward: DirectionLoss, backward: DirectionLoss): CueReport {
  const perPair = forward.perPair.map((f, i) => {
    const both = [f, backward.perPair[i]!].filter((e) => !Number.isNaN(e));
    return both.reduce((sum, e) => sum + e, 0) / both.length;
  });
  const fates = [...forward.fates, ...backward.fates];
  const count = (fate: PairFate): number => fates.filter((f) => f === fate).length;
  const residual = flowResidual(measured);
  return {
    perPair,
    numbers: {
      kept: count("kept"),
      rejected: count("rejected"),
      unseen: count("unseen"),
      static: count("static"),
      residual: residual.pixels,
      relativeResidual: residual.relative,
    },
  };
}
