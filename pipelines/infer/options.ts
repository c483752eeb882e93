/** @file The options of `infer`. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable, suggestion } from "../../src/options.ts";
import { predictionFormats } from "../export/predictions.ts";
import { ENGINE_OPTION, MODEL_OPTIONS, TRACK_OPTIONS } from "../shared-options.ts";

export const INFER_OPTIONS = {
  ...MODEL_OPTIONS,
  out: { kind: "text", value: "DIR", default: "runs/infer", doc: "folder for the results" },
  format: {
    kind: "list",
    value: Object.keys(predictionFormats).join("|"),
    default: ["npz"],
    doc: "file format of the results; repeatable",
  },
  overlay: { kind: "flag", doc: "also draw the meshes over pictures (.png) and videos (.mp4)" },
  ...TRACK_OPTIONS,
  tracks: {
    ...TRACK_OPTIONS.tracks,
    doc: "who is where: a tracks file, a folder of them, full (the whole frame) or motion (in videos: what moves against the camera)",
  },
  batch: { kind: "integer", default: 8, min: 1, max: 256, doc: "crops that the network sees at once" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;

export type InferOptions = OptionsOf<typeof INFER_OPTIONS>;

/** The complete, checked options. Throws OptionError. */
export function completeInferOptions(given: Partial<InferOptions>): InferOptions {
  const options = completeOptions("infer", INFER_OPTIONS, given);
  const known = Object.keys(predictionFormats);
  for (const format of options.format) {
    if (!known.includes(format))
      throw new OptionError("--format", `unknown format "${format}"${suggestion(format, known)}`);
  }
  if (options.format.length === 0 && !options.overlay)
    throw new OptionError("infer", "nothing to write: give a --format or --overlay");
  return options;
}
