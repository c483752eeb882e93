/** @file Inductive prior tuning (Yoo and Russakovsky 2023): arms down, coarse to fine, pixel and perceptual losses, mirrored pairs. */
import { completeOptions } from "../../src/options.ts";
import { DEFAULT_TRAINING, type TemplateEstimatorKind } from "../estimator.ts";
import { createPartEstimator, PUBLISHED_PARTS, partOptions } from "../part-estimator.ts";

const OPTIONS = partOptions({ template: "standing", steps: "two" });

export const hpe: TemplateEstimatorKind = {
  doc: "the template with its arms down, moved coarse to fine, pixels compared too (Yoo and Russakovsky, ICCVW 2023)",
  options: OPTIONS,
  presets: { paper: { ...PUBLISHED_PARTS, template: "arms-down", pixelWeight: 1 }, default: {} },
  training: {
    paper: { learningRate: 1e-3, batchSize: 48, epochs: 50, reference: "frame", mirrored: true },
    default: { ...DEFAULT_TRAINING, mirrored: true },
  },
  create: (options, setting = {}) => createPartEstimator(completeOptions("hpe", OPTIONS, options), setting),
};
