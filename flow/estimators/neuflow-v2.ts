/** @file NeuFlow v2 with weights that the user passes: the official checkpoints. */
import { OptionError } from "../../src/errors.ts";
import { clipEstimator } from "../estimator.ts";
import { createNeuflow, type NeuflowFrames, type NeuflowItems } from "../neuflow.ts";
import { neuflowLayout } from "../neuflow-config.ts";
import { neuflowParameters } from "../neuflow-weights.ts";
import { readWeightFile } from "../weight-file.ts";

export const neuflowV2 = {
  doc: "NeuFlow v2 (Zhang et al. 2024): about RAFT-large's accuracy in a fraction of its time; needs an official weight file",
  updates: 8,
  layouts: () => [neuflowLayout()],
  load: async (weightsPath?: string) => {
    if (!weightsPath) throw new OptionError("neuflow-v2", "expected a weight file, got none; pass --flow-weights FILE");
    const network = createNeuflow(neuflowParameters(weightsPath, await readWeightFile(weightsPath)));
    return clipEstimator<NeuflowFrames, NeuflowItems>("neuflow-v2", {
      multiple: 16,
      least: 16,
      ...network,
    });
  },
};
