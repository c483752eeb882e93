/** @file What a refinement loads before it begins, and what stands for it in checkpoints. */
import { dirname } from "node:path";
import type { FlowEstimator } from "../flow/estimator.ts";
import { flowEstimators, loadFlowEstimator } from "../flow/estimators.ts";
import { loadBody } from "../smpl/load-body.ts";
import { loadRegressor, type Regressor } from "../smpl/regressor.ts";
import { parametersToHost } from "../src/nn/parameters.ts";
import { tensorDigest } from "./checkpoint.ts";
import { fileDigest } from "./content-key.ts";
import { createCue, cueSpec, parseCueWeights } from "./cues.ts";
import type { LabelledSource } from "./labelled-anchor.ts";
import { labelledSource, openLabelledDataset } from "./labelled-dataset.ts";
import type { RefineOptions } from "./refine-options.ts";
import type { RefineModels } from "./refine-step.ts";

/** The networks of a run, and digests of the files that its options name. */
export interface LoadedModels extends RefineModels {
  readonly inputs: Readonly<Record<string, string>>;
  /** Where a cue needs labelled images. */
  readonly labelled: LabelledSource | undefined;
  dispose(): void;
}

/** Loads regressor, body, teacher and cues. Throws FormatError or OptionError for what cannot be used. */
export async function loadModels(options: RefineOptions): Promise<LoadedModels> {
  const weights = parseCueWeights(options.cue);
  if (options.anchor !== "none" && !weights.has(options.anchor))
    weights.set(options.anchor, cueSpec(options.anchor).weight);
  const used = [...weights].filter(([, weight]) => weight > 0);
  const cues = used.map(([name, weight]) => ({ cue: createCue(name, options.preset), weight }));
  const load = () => loadRegressor(options.regressor, options.camera ? { camera: options.camera } : {});
  const body = await loadBody(options.body);
  const regressor = await load();
  const teacher = cues.some(({ cue }) => cue.needs.includes("teacher")) ? await load() : undefined;
  const labelled = options.labelled === undefined ? undefined : await openLabelled(options, regressor);
  const { vTemplate, shapeDirs, poseDirs, jointRegressor, lbsWeights } = body.host;
  const arrays = Object.entries({ vTemplate, shapeDirs, poseDirs, jointRegressor, lbsWeights });
  return {
    regressor,
    body,
    teacher,
    cues,
    labelled,
    inputs: {
      regressor: await regressorDigest(regressor),
      body: tensorDigest(
        arrays.map(([name, data]) => [name, { dtype: "float32", shape: [data.length], data }] as const),
      ),
      ...(options.labelled === undefined ? {} : { labels: await fileDigest(options.labelled) }),
    },
    dispose() {
      regressor.dispose();
      teacher?.dispose();
      body.dispose();
    },
  };
}

/** Image names are relative to --images, else to the folder that the labels are in. */
async function openLabelled(
  { labelled, images, augment }: RefineOptions,
  regressor: Regressor,
): Promise<LabelledSource> {
  const dataset = await openLabelledDataset(labelled!, images ?? dirname(labelled!));
  return labelledSource(dataset, regressor.spec.cropSize, augment);
}

/** A flow network, what stands for it and its weights in cache keys, and how many updates it makes. */
export interface LoadedFlow {
  readonly estimator: FlowEstimator;
  readonly identity: string;
  readonly updates: number;
}

/** Loads the flow network that options name. Throws OptionError for an unknown name, FormatError for wrong weights. */
export async function loadFlow(
  options: Pick<RefineOptions, "flow" | "flowWeights" | "flowUpdates">,
): Promise<LoadedFlow> {
  const estimator = await loadFlowEstimator(options.flow, options.flowWeights);
  const kind = flowEstimators[options.flow]!;
  const file = options.flowWeights ?? kind.weights;
  return {
    estimator,
    identity: `${options.flow} ${file ? await fileDigest(file) : ""}`,
    updates: options.flowUpdates ?? kind.updates,
  };
}

async function regressorDigest(regressor: Regressor): Promise<string> {
  const weights = await parametersToHost(regressor.parameters);
  return `${tensorDigest(weights)} ${JSON.stringify(regressor.spec)}`;
}

/** Side of the crops that flow is computed on: what is asked for, else twice the regressor's crop, at most 256 or the crop. */
export function flowCropSize(asked: number | undefined, cropSize: number): number {
  return asked ?? Math.max(cropSize, Math.min(2 * cropSize, 256));
}
