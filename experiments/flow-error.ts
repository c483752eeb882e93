/** @file Endpoint errors of flow networks on pairs whose flow is known: held-out synthetic ones, and Middlebury's. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { FlowEstimator } from "../flow/estimator.ts";
import { readFlo } from "../flow/flo-file.ts";
import { createFlowField, endpointError, type FlowField, flowFieldFrom } from "../flow/flow-field.ts";
import { loadFlow } from "../pipelines/flow/load-flow.ts";
import type { Context } from "../pipelines/run/context.ts";
import { createWorld } from "../pipelines/synth/world.ts";
import { createFlowPairs, type FlowPairs } from "../pipelines/synth-flow/dataset.ts";
import { createPeoplePairs } from "../pipelines/synth-flow/people.ts";
import { proceduralBody } from "../smpl/procedural-body.ts";
import { type EngineInfo, startEngine } from "../src/engine/engine.ts";
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { imagesToTensor } from "../src/image/image.ts";
import { readPng } from "../src/image/png.ts";
import type { ExperimentOptions } from "./options.ts";
import { type ResultHead, resultHead, resultsFolder, writeResult } from "./results.ts";
import type { ResultBody } from "./rows.ts";

export const FLOW_ERROR = {
  name: "flow-error",
  doc: "How far from the truth is the shipped flow network, beside RAFT-small with its published weights?",
  split: "test",
} as const;

/** Two pictures [2,H,W,3] in 0..1 and the flow between them. */
interface KnownPair {
  readonly images: Tensor4D;
  readonly flow: FlowField;
}

/** Pairs of one kind; pictures are disposed by whoever asks. */
interface KnownPairs {
  readonly kind: string;
  readonly count: number;
  pair(index: number): Promise<KnownPair>;
}

/** Mean endpoint errors in px over the known pixels of all pairs of a kind. */
export interface FlowErrorRow {
  readonly pairs: string;
  readonly count: number;
  /** Of no flow at all. */
  readonly zero: number;
  readonly motioncue: number;
  /** Null where the published weights are not at hand. */
  readonly raftSmall: number | null;
  /** The first over the second. */
  readonly ratio: number | null;
}

export interface FlowErrorResult extends ResultHead {
  readonly body: ResultBody<FlowErrorRow>;
}

/** How much is measured: synthetic pairs of each kind, their side in px and seed; updates of the networks, as published. */
export interface FlowErrorDesign {
  readonly pairs: number;
  readonly size: number;
  readonly seed: number;
  readonly updates: { readonly motioncue: number; readonly "raft-small": number };
  /** Folder of Middlebury's training pairs. */
  readonly middlebury: string;
}
const DESIGN: FlowErrorDesign = {
  pairs: 64,
  size: 160,
  seed: 9,
  updates: { motioncue: 12, "raft-small": 20 },
  middlebury: "../shared/data/flow",
};
const MIDDLEBURY = { RubberWhale: "rubberwhale", Dimetrodon: "Dimetrodon", Grove2: "Grove2" } as const;

/** Measures both networks on all pairs that are at hand, and writes the result. */
export async function runFlowError(
  options: ExperimentOptions,
  context: Context,
  design: FlowErrorDesign = DESIGN,
): Promise<{ readonly result: FlowErrorResult; readonly path: string }> {
  const engine = await startEngine("auto", "fp32");
  const sets = knownPairs({ ...design, pairs: Math.max(1, Math.round(options.scale * design.pairs)) }, context);
  const weights = join(options.weights, "raft-small.pth");
  const published = existsSync(weights);
  if (!published) context.log.warn(`${weights} is not there: RAFT-small is left out`);
  const ours = await errorsOf("motioncue", undefined, sets, design, context);
  const theirs = published ? await errorsOf("raft-small", weights, sets, design, context) : undefined;
  const rows = sets.map(({ kind, count }, i): FlowErrorRow => {
    const [{ error, zero }, other] = [ours[i]!, theirs?.[i]];
    const ratio = other ? error / other.error : null;
    return { pairs: kind, count, zero, motioncue: error, raftSmall: other?.error ?? null, ratio };
  });
  const networks: { readonly engine: EngineInfo }[] = [{ engine }, ...(theirs ? [{ engine }] : [])];
  const head = resultHead(FLOW_ERROR, { ...options, seeds: [design.seed] }, { done: networks, total: 2, failed: [] });
  const { middlebury: _folder, ...data } = design;
  const result = { ...head, command: `npm run experiment -- ${FLOW_ERROR.name}`, data, body: { rows } };
  return { result, path: await writeResult(resultsFolder(options), result) };
}

function knownPairs({ pairs: count, size, seed, middlebury }: FlowErrorDesign, context: Context): KnownPairs[] {
  const made = (kind: string, pairs: FlowPairs): KnownPairs => ({
    kind,
    count,
    pair: async (index) => {
      const { first, second, flow } = pairs(index, size);
      const pixels = new Float32Array(2 * first.length);
      pixels.set(first);
      pixels.set(second, first.length);
      return { images: tf.tensor4d(pixels, [2, size, size, 3]), flow: flowFieldFrom(flow, size, size) };
    },
  });
  const real = Object.entries(MIDDLEBURY).flatMap(([kind, name]): KnownPairs[] => {
    const folder = join(middlebury, name);
    if (!existsSync(folder)) {
      context.log.warn(`${folder} is not there: ${kind} is left out`);
      return [];
    }
    const pair = async (): Promise<KnownPair> => {
      const images = await Promise.all(["frame10.png", "frame11.png"].map((file) => readPng(join(folder, file))));
      return { images: imagesToTensor(images), flow: await readFlo(join(folder, "flow10.flo")) };
    };
    return [{ kind, count: 1, pair }];
  });
  return [
    made("synthetic people", createPeoplePairs(createWorld(proceduralBody()), seed, "test")),
    made("synthetic shapes", createFlowPairs(seed, "held-out")),
    ...real,
  ];
}

async function errorsOf(
  flow: keyof FlowErrorDesign["updates"],
  flowWeights: string | undefined,
  sets: readonly KnownPairs[],
  { updates }: FlowErrorDesign,
  context: Context,
): Promise<{ readonly error: number; readonly zero: number }[]> {
  const { estimator } = await loadFlow({ flow, flowWeights, flowUpdates: undefined });
  const progress = context.progress(flow, { total: sets.reduce((sum, { count }) => sum + count, 0), unit: "pairs" });
  const found: { error: number; zero: number }[] = [];
  let done = 0;
  try {
    for (const { count, pair } of sets) {
      let [error, zero, pixels] = [0, 0, 0];
      for (let i = 0; i < count; i++) {
        context.signal.throwIfAborted();
        const { images, flow: truth } = await pair(i);
        const measured = endpointError(flowOf(estimator, images, updates[flow]), truth);
        const [height, width] = truth.shape as [number, number, number];
        error += measured.epe * measured.pixels;
        zero += endpointError(createFlowField(height, width), truth).epe * measured.pixels;
        pixels += measured.pixels;
        images.dispose();
        progress.update(++done);
      }
      found.push({ error: error / pixels, zero: zero / pixels });
    }
  } finally {
    progress.finish();
    estimator.dispose();
  }
  return found;
}

function flowOf(estimator: FlowEstimator, images: Tensor4D, updates: number): FlowField {
  const { forward, backward } = estimator.clipFlows(images, [[0, 1]], updates);
  const [, height, width] = forward.shape;
  const flow = flowFieldFrom(forward.dataSync<"float32">(), height, width);
  forward.dispose();
  backward.dispose();
  return flow;
}
