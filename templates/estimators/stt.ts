/** @file Shape template transforming (Schmidtke et al. 2021): one step, arms out, perceptual loss. */
import { completeOptions } from "../../src/options.ts";
import { DEFAULT_TRAINING, type TemplateEstimatorKind } from "../estimator.ts";
import { createPartEstimator, PUBLISHED_PARTS, partOptions } from "../part-estimator.ts";

const OPTIONS = partOptions({ template: "standing", steps: "one" });

export const stt: TemplateEstimatorKind = {
  doc: "a hand-made template of 18 parts, moved to explain each frame (Schmidtke et al., CVPR 2021)",
  options: OPTIONS,
  presets: { paper: { ...PUBLISHED_PARTS, template: "arms-out" }, default: {} },
  training: {
    paper: { learningRate: 1e-4, batchSize: 48, epochs: 50, reference: "frame", mirrored: false },
    default: { ...DEFAULT_TRAINING, mirrored: true },
  },
  create: (options, setting = {}) => createPartEstimator(completeOptions("stt", OPTIONS, options), setting),
};
