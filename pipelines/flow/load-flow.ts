/** @file The flow network that a command's options name, and how it is used. */
import type { FlowEstimator } from "../../flow/estimator.ts";
import { flowEstimators, loadFlowEstimator } from "../../flow/estimators.ts";
import { fileDigest } from "../run/content-key.ts";
import type { FlowNetworkOptions } from "../shared-options.ts";

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

/** Side of the crops that flow is computed on: what is asked for, else twice the regressor's crop, at most 256 or the crop. */
export function flowCropSize(asked: number | undefined, cropSize: number): number {
  return asked ?? Math.max(cropSize, Math.min(2 * cropSize, 256));
}
