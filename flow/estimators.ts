/** @file The flow estimators by name. */
import { OptionError } from "../src/errors.ts";
import { suggestion } from "../src/options.ts";
import type { FlowEstimator } from "./estimator.ts";
import { motioncueFlow } from "./estimators/motioncue.ts";
import { neuflowV2 } from "./estimators/neuflow-v2.ts";
import { raftLarge } from "./estimators/raft-large.ts";
import { raftSmall } from "./estimators/raft-small.ts";
import type { WeightLayout } from "./weight-layout.ts";

/** How one estimator is loaded. */
export interface FlowEstimatorKind {
  /** One sentence for help and `doctor`. */
  readonly doc: string;
  /** Updates that are a good compromise between speed and quality. */
  readonly updates: number;
  /** The weight file that is shipped, where there is one. */
  readonly weights?: string;
  /** How its weight files lay it out, the authors' own first. A network of many sizes needs the file's `metadata` to tell. */
  layouts(metadata?: Readonly<Record<string, string>>): readonly WeightLayout[];
  /** Loads it from a weight file, or from the shipped one where there is one; throws FormatError or OptionError. */
  load(weightsPath?: string): Promise<FlowEstimator>;
}

export const flowEstimators: Readonly<Record<string, FlowEstimatorKind>> = {
  motioncue: motioncueFlow,
  "raft-small": raftSmall,
  "raft-large": raftLarge,
  "neuflow-v2": neuflowV2,
};

/** The estimator `name` of the registry with weights from a file, else the shipped ones. */
export async function loadFlowEstimator(name: string, weightsPath?: string): Promise<FlowEstimator> {
  const kind = Object.hasOwn(flowEstimators, name) ? flowEstimators[name] : undefined;
  if (!kind)
    throw new OptionError("flow", `unknown flow estimator "${name}"${suggestion(name, Object.keys(flowEstimators))}`);
  return kind.load(weightsPath);
}
