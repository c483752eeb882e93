/** @file The flow network that a command's options name, or the truth, and how it is used. */
import type { FlowEstimator } from "../../flow/estimator.ts";
import { flowEstimators, loadFlowEstimator } from "../../flow/estimators.ts";
import { OptionError } from "../../src/errors.ts";
import type { FlowSource } from "../clips/flow-source.ts";
import { trueFlowSource } from "../clips/true-flow.ts";
import { fileDigest } from "../run/content-key.ts";
import { type FlowNetworkOptions, TRUE_FLOW } from "../shared-options.ts";

/** A flow network, what stands for it and its weights in cache keys, and how many updates it makes. */
export interface LoadedFlow {
  readonly estimator: FlowEstimator;
  readonly identity: string;
  readonly updates: number;
}

/** Loads the flow network that options name. Throws OptionError for an unknown name, FormatError for wrong weights. */
export async function loadFlow(options: FlowNetworkOptions): Promise<LoadedFlow> {
  const estimator = await loadFlowEstimator(options.flow, options.flowWeights);
  const kind = flowEstimators[options.flow]!;
  const file = options.flowWeights ?? kind.weights;
  return {
    estimator,
    identity: `${options.flow} ${file ? await fileDigest(file) : ""}`,
    updates: options.flowUpdates ?? kind.updates,
  };
}

/** What gives the flow of clips, what stands for it in cache keys, and how many updates a network makes. */
export interface ClipFlow extends Pick<LoadedFlow, "identity" | "updates"> {
  readonly source: FlowEstimator | FlowSource;
  dispose(): void;
}

/** As loadFlow; and the true flow of videos that `synth` made. Throws OptionError for weights or updates of the truth. */
export async function loadClipFlow(options: FlowNetworkOptions): Promise<ClipFlow> {
  if (options.flow !== TRUE_FLOW) {
    const { estimator, identity, updates } = await loadFlow(options);
    return { source: estimator, identity, updates, dispose: () => estimator.dispose() };
  }
  if (options.flowWeights !== undefined || options.flowUpdates !== undefined)
    throw new OptionError("--flow truth", "has no weights and no updates; leave --flow-weights and --flow-updates out");
  return { source: trueFlowSource, identity: TRUE_FLOW, updates: 0, dispose: () => {} };
}

/** Side of the crops that flow is computed on: what is asked for, else twice the regressor's crop, at most 256 or the crop. */
export function flowCropSize(asked: number | undefined, cropSize: number): number {
  return asked ?? Math.max(cropSize, Math.min(2 * cropSize, 256));
}
