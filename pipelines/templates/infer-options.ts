/** @file The options of `template infer`. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { ENGINE_OPTION } from "../shared-options.ts";
import { WINDOW_OPTIONS } from "./train-options.ts";
import type { WindowShape } from "./windows.ts";

/** How an estimator looks. */
export const LOOKING_OPTIONS = {
  flipTest: {
    kind: "choice",
    choices: ["yes", "no"],
    default: "yes",
    doc: "whether what is found in the picture's mirror image counts as much; it takes twice as long",
  },
  shiftTest: {
    kind: "choice",
    choices: ["yes", "no"],
    default: "yes",
    doc: "whether what is found in the picture moved by a pixel each way counts as much; it takes five times as long",
  },
  iterations: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 64,
    doc: "how often the picture is looked at; ppl looks again at what it reconstructs, which helps where parts are hidden",
  },
} as const satisfies OptionTable;

/** The windows' shape in a run is written into its file. */
export const WINDOW_OF_FILE = {
  boxScale: {
    kind: "number",
    min: 0.5,
    max: 4,
    doc: "side of the square windows over the longer side of the boxes in them; unless given, as in training",
  },
  windowGrowth: {
    kind: "number",
    min: 1,
    max: 100,
    doc: "how many times as long as the longest of its boxes all boxes in a window may be together; unless given, as in training",
  },
} as const satisfies OptionTable;

export const INFER_TEMPLATE_OPTIONS = {
  template: { kind: "text", value: "FILE", doc: "the trained estimator: template.safetensors of a run" },
  out: { kind: "text", value: "DIR", default: "runs/template-infer", doc: "folder for NAME.keypoints.json" },
  tracks: WINDOW_OPTIONS.tracks,
  ...WINDOW_OF_FILE,
  facing: {
    kind: "choice",
    choices: ["camera", "away"],
    default: "camera",
    doc: "which way people look: a template knows the picture's left only, and files name the person's",
  },
  ...LOOKING_OPTIONS,
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

/** The windows that a file's estimator was trained with, as its header says, else the usual ones; what is given wins. */
export function windowShapeOf(
  metadata: Readonly<Record<string, string>>,
  given: { readonly [name in keyof WindowShape]?: number | undefined } = {},
): WindowShape {
  const told = recipeOf(metadata);
  const pick = (name: keyof WindowShape): number => {
    const { min, max } = WINDOW_OF_FILE[name];
    const value = given[name] ?? told[name];
    return typeof value === "number" && value >= min && value <= max ? value : WINDOW_OPTIONS[name].default;
  };
  return { boxScale: pick("boxScale"), windowGrowth: pick("windowGrowth") };
}

function recipeOf(metadata: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = JSON.parse(metadata["recipe"] ?? "");
    if (typeof found === "object" && found !== null) return found as Record<string, unknown>;
  } catch {
    // A file of another maker.
  }
  return {};
}
