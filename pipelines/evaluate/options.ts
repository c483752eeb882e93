/** @file The options of `evaluate`. */
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { CLIP_FLOW_OPTIONS, ENGINE_OPTION, MAX_PAIRS_OPTION, MODEL_OPTIONS, TRACK_OPTIONS } from "../shared-options.ts";
import { CROP_SCALE } from "../synth/stills.ts";

export const EVALUATE_OPTIONS = {
  ...MODEL_OPTIONS,
  compare: { kind: "text", value: "FILE", doc: "a second regressor, in a second column" },
  images: {
    kind: "text",
    value: "DIR",
    doc: "folder that a data set's image names are relative to; its own unless given",
  },
  tracks: {
    kind: "text",
    value: "FILE|DIR",
    doc: "who is where in the videos: a tracks file, a folder of them, full or motion; unless given, the videos' folder",
  },
  boxScale: {
    ...TRACK_OPTIONS.boxScale,
    default: CROP_SCALE,
    doc: "side of the square crop over the longer side of the person's box, in videos",
  },
  ...MAX_PAIRS_OPTION,
  cache: {
    kind: "text",
    value: "DIR",
    default: "runs/evaluate/cache",
    doc: "folder for crops and flow of videos, which a second run need not compute again",
  },
  ...CLIP_FLOW_OPTIONS,
  flow: { ...CLIP_FLOW_OPTIONS.flow, doc: `what gives the flow residual; ${CLIP_FLOW_OPTIONS.flow.doc}` },
  batch: { kind: "integer", default: 16, min: 1, max: 1024, doc: "frames that the network sees at once" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;

export type EvaluateFilesOptions = OptionsOf<typeof EVALUATE_OPTIONS>;
