/** @file The options of `template infer`. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { ENGINE_OPTION } from "../shared-options.ts";
import { WINDOW_OPTIONS } from "./train-options.ts";

/** How many times an estimator looks, where it can look again. */
export const ITERATIONS_OPTION = {
  iterations: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 64,
    doc: "how often the picture is looked at; ppl looks again at what it reconstructs, which helps where parts are hidden",
  },
} as const satisfies OptionTable;

/** boxScale of a run is written into its file. */
export const BOX_SCALE_OF_FILE = {
  boxScale: {
    kind: "number",
    min: 0.5,
    max: 4,
    doc: "side of the square windows over the longer side of the boxes in them; unless given, as in training",
  },
} as const satisfies OptionTable;

export const INFER_TEMPLATE_OPTIONS = {
  template: { kind: "text", value: "FILE", doc: "the trained estimator: template.safetensors of a run" },
  out: { kind: "text", value: "DIR", default: "runs/template-infer", doc: "folder for NAME.keypoints.json" },
  tracks: WINDOW_OPTIONS.tracks,
  ...BOX_SCALE_OF_FILE,
  facing: {
    kind: "choice",
    choices: ["camera", "away"],
    default: "camera",
    doc: "which way people look: a template knows the picture's left only, and files name the person's",
  },
  ...ITERATIONS_OPTION,
  overlay: { kind: "flag", doc: "also draw the keypoints over the video (NAME.overlay.mp4)" },
  batch: { kind: "integer", default: 16, min: 1, max: 1024, doc: "crops that the network sees at once" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type InferTemplateOptions = OptionsOf<typeof INFER_TEMPLATE_OPTIONS>;

/** The complete options; throws OptionError, also where no template is named. */
export function completeInferTemplateOptions(
  given: Partial<InferTemplateOptions>,
): InferTemplateOptions & { readonly template: string } {
  const options = completeOptions("template infer", INFER_TEMPLATE_OPTIONS, given);
  if (options.template === undefined)
    throw new OptionError("template infer", "expected --template FILE, got none; see motioncue template train");
  return { ...options, template: options.template };
}

/** The box scale that a file's estimator was trained with, as its header says, else the usual one. */
export function boxScaleOf(metadata: Readonly<Record<string, string>>): number {
  try {
    const { boxScale } = JSON.parse(metadata["recipe"] ?? "") as { boxScale?: unknown };
    if (typeof boxScale === "number" && boxScale >= 0.5 && boxScale <= 4) return boxScale;
  } catch {
    // A file of another maker.
  }
  return WINDOW_OPTIONS.boxScale.default;
}
