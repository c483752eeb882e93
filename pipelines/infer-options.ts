/** @file The options of `infer`. */
import { ENGINE_CHOICES } from "../src/engine/engine.ts";
import { OptionError } from "../src/errors.ts";
import { CAMERA_CONVENTIONS } from "../src/geometry/camera.ts";
import { completeOptions, type OptionsOf, type OptionTable, suggestion } from "../src/options.ts";
import { predictionFormats } from "./predictions.ts";
import { BOX_SMOOTHING } from "./track-squares.ts";

export const INFER_OPTIONS = {
  regressor: { kind: "text", value: "FILE", default: "default", doc: "the regressor, or default: the shipped one" },
  camera: {
    kind: "choice",
    choices: CAMERA_CONVENTIONS,
    doc: "how a PyTorch checkpoint's camera (s, t) projects; MotionCue's own files say so themselves",
  },
  body: {
    kind: "text",
    value: "FILE",
    default: "default",
    doc: "body model (.npz in SMPL's layout), or default: the procedural body",
  },
  out: { kind: "text", value: "DIR", default: "runs/infer", doc: "folder for the results" },
  format: {
    kind: "list",
    value: Object.keys(predictionFormats).join("|"),
    default: ["npz"],
    doc: "file format of the results; repeatable",
  },
  overlay: { kind: "flag", doc: "also draw the meshes over pictures (.png) and videos (.mp4)" },
  tracks: {
    kind: "text",
    value: "FILE|DIR",
    default: "motion",
    doc: "who is where: a tracks file, a folder of them, full (the whole frame) or motion (in videos: what moves against the camera)",
  },
  boxScale: {
    kind: "number",
    default: 1.2,
    min: 0.5,
    max: 4,
    doc: "side of the square crop over the longer side of the person's box",
  },
  boxSmoothing: {
    kind: "number",
    default: BOX_SMOOTHING,
    min: 0,
    max: 10,
    doc: "seconds over which a person's boxes are steadied, since detections shake; 0 takes them as they are",
  },
  batch: { kind: "integer", default: 8, min: 1, max: 256, doc: "crops that the network sees at once" },
  engine: { kind: "choice", choices: ENGINE_CHOICES, default: "auto", doc: "numeric engine" },
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
