/** @file The options of `render`. */
import { flowEstimators } from "../flow/estimators.ts";
import { ENGINE_CHOICES } from "../src/engine/engine.ts";
import { CAMERA_CONVENTIONS } from "../src/geometry/camera.ts";
import type { OptionsOf, OptionTable } from "../src/options.ts";
import { BOX_SMOOTHING } from "./track-squares.ts";

export const RENDER_OPTIONS = {
  regressor: { kind: "text", value: "FILE", default: "default", doc: "the regressor, or default: the shipped one" },
  compare: { kind: "text", value: "FILE", doc: "a second regressor, shown in a second row" },
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
  out: { kind: "text", value: "FILE", default: "debug.mp4", doc: "video to write" },
  tracks: {
    kind: "text",
    value: "FILE|DIR",
    default: "motion",
    doc: "who is where: a tracks file, a folder of them, full (the whole frame) or motion (what moves against the camera)",
  },
  track: { kind: "integer", min: 0, doc: "id of the person to show; unless given, the one seen in most frames" },
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
  size: { kind: "integer", default: 256, min: 64, max: 1024, doc: "side of each panel, on which flow is computed too" },
  maxFrames: { kind: "integer", min: 1, doc: "stop after so many frames" },
  flow: {
    kind: "choice",
    choices: Object.keys(flowEstimators),
    default: "motioncue",
    doc: "flow network; all but motioncue need --flow-weights",
  },
  flowWeights: { kind: "text", value: "FILE", doc: "weights of the flow network; unless given, the shipped ones" },
  flowUpdates: {
    kind: "integer",
    min: 1,
    max: 64,
    doc: "updates of the flow network, more is finer and slower; unless given what suits the network",
  },
  engine: { kind: "choice", choices: ENGINE_CHOICES, default: "auto", doc: "numeric engine" },
} as const satisfies OptionTable;

export type RenderOptions = OptionsOf<typeof RENDER_OPTIONS>;
