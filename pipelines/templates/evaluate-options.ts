/** @file The options of `template evaluate`. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { ENGINE_OPTION } from "../shared-options.ts";
import { LOOKING_OPTIONS, WINDOW_OF_FILE } from "./infer-options.ts";
import { WINDOW_OPTIONS } from "./train-options.ts";

export const EVALUATE_TEMPLATE_OPTIONS = {
  template: { kind: "list", value: "FILE", default: [], doc: "a trained estimator; repeatable, one row each" },
  training: {
    kind: "text",
    value: "DIR",
    doc: "footage with truth, other than what is measured on, that constant poses and the regression protocol learn from; unless given, constant poses know the measured frames, and there is no regression",
  },
  tracks: {
    kind: "text",
    value: "FILE|DIR",
    doc: "who is where: a tracks file, a folder of them, full or motion; unless given, the files beside the videos",
  },
  ...WINDOW_OF_FILE,
  maxFrames: WINDOW_OPTIONS.maxFrames,
  occlusion: { kind: "flag", doc: "also measure with 10 to 40 % of the picture's cells hidden" },
  flipTest: LOOKING_OPTIONS.flipTest,
  shiftTest: LOOKING_OPTIONS.shiftTest,
  iterations: {
    ...LOOKING_OPTIONS.iterations,
    default: 4,
    doc: "looks in the occlusion test, where an estimator can look again",
  },
  batch: { kind: "integer", default: 16, min: 1, max: 1024, doc: "crops that the network sees at once" },
  cache: { kind: "text", value: "DIR", default: "runs/template-cache", doc: "folder of prepared crops" },
  out: { kind: "text", value: "FILE", doc: "also write the figures there, as JSON" },
  seed: { kind: "integer", default: 1, min: 0, doc: "of hidden cells" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type EvaluateTemplateOptions = OptionsOf<typeof EVALUATE_TEMPLATE_OPTIONS>;

/** The complete options; throws OptionError, also where no template is named. */
export function completeEvaluateTemplateOptions(given: Partial<EvaluateTemplateOptions>): EvaluateTemplateOptions {
  const options = completeOptions("template evaluate", EVALUATE_TEMPLATE_OPTIONS, given);
  if (options.template.length === 0)
    throw new OptionError("template evaluate", "expected --template FILE, got none; see motioncue template train");
  return options;
}
