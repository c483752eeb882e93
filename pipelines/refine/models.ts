/** @file What a refinement loads before it begins, and what stands for it in checkpoints. */
import { dirname } from "node:path";
import { loadBody } from "../../smpl/load-body.ts";
import { loadRegressor, type Regressor, withContext } from "../../smpl/regressor.ts";
import { parametersToHost } from "../../src/nn/parameters.ts";
import { createCue, cueSpec, parseCueOptions, parseCueWeights } from "../cues.ts";
import { openLabelledDataset } from "../labelled/dataset.ts";
import { type LabelledSource, labelledSource } from "../labelled/source.ts";
import { tensorDigest } from "../run/checkpoint.ts";
import { fileDigest } from "../run/content-key.ts";
import type { RefineOptions } from "./options.ts";
import type { RefineModels } from "./step.ts";

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
  const chosen = parseCueOptions(options.cueOption);
  const used = [...weights].filter(([, weight]) => weight > 0);
  const cues = used.map(([name, weight]) => ({ cue: createCue(name, options.preset, chosen.get(name)), weight }));
  const load = () => loadRegressor(options.regressor, options.camera ? { camera: options.camera } : {});
  const body = await loadBody(options.body);
  const loaded = await load();
  const adds = options.context > 0 && loaded.spec.context !== options.context;
  const regressor = adds ? withContext(loaded, options.context, options.seed) : loaded;
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
  { labelled, images, labelledCount, augment }: RefineOptions,
  regressor: Regressor,
): Promise<LabelledSource> {
  const dataset = await openLabelledDataset(labelled!, images ?? dirname(labelled!), labelledCount);
  return labelledSource(dataset, regressor.spec.cropSize, augment);
}

async function regressorDigest(regressor: Regressor): Promise<string> {
  const weights = await parametersToHost(regressor.parameters);
  return `${tensorDigest(weights)} ${JSON.stringify(regressor.spec)}`;
}
