/**
 * @file Options that several commands have: groups that their tables spread in. Where a command means something else by
 * one, its table says so after the group: `...TRACK_OPTIONS, tracks: { ...TRACK_OPTIONS.tracks, doc: "..." }`.
 */
import { flowEstimators } from "../flow/estimators.ts";
import { ENGINE_CHOICES, PRECISIONS } from "../src/engine/engine.ts";
import { CAMERA_CONVENTIONS } from "../src/geometry/camera.ts";
import type { OptionsOf, OptionTable } from "../src/options.ts";
import { BOX_SMOOTHING } from "./clips/track-squares.ts";

export const ENGINE_OPTION = {
  engine: { kind: "choice", choices: ENGINE_CHOICES, default: "auto", doc: "numeric engine" },
  precision: {
    kind: "choice",
    choices: PRECISIONS,
    default: "fp32",
    doc: "what convolutions compute in; bf16 is about twice as fast where the processor has it, and rounds to 3 digits",
  },
} as const satisfies OptionTable;

export const RESUME_OPTION = {
  resume: { kind: "flag", doc: "go on from the last checkpoint of the run folder" },
} as const satisfies OptionTable;

export const BODY_OPTION = {
  body: {
    kind: "text",
    value: "FILE",
    default: "default",
    doc: "body model (SMPL's .pkl, or .npz with its arrays), or default: the procedural body",
  },
} as const satisfies OptionTable;

/** The network and the body that it predicts. */
export const MODEL_OPTIONS = {
  regressor: { kind: "text", value: "FILE", default: "default", doc: "the regressor, or default: the shipped one" },
  camera: {
    kind: "choice",
    choices: CAMERA_CONVENTIONS,
    doc: "how the camera (s, t) projects, for checkpoints that do not tell (SPIN and EFT look alike); most are known by their keys",
  },
  ...BODY_OPTION,
} as const satisfies OptionTable;

/** How much of a labelled set is used. */
export const LABELLED_COUNT_OPTION = {
  labelledCount: {
    kind: "integer",
    min: 1,
    doc: "use only the first so many people of the labelled set; unless given, all of them",
  },
} as const satisfies OptionTable;

/** Who is cropped of a video, and how. */
export const TRACK_OPTIONS = {
  tracks: {
    kind: "text",
    value: "FILE|DIR",
    default: "motion",
    doc: "who is where: a tracks file, a folder of them, full (the whole frame) or motion (what moves against the camera)",
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
} as const satisfies OptionTable;

export const MAX_PAIRS_OPTION = {
  maxPairs: {
    kind: "integer",
    default: 2000,
    min: 1,
    max: 1_000_000,
    doc: "most pairs of frames taken of one track, evenly spread; bounds disk and preparation time",
  },
} as const satisfies OptionTable;

/** The network that observes flow. */
export const FLOW_NETWORK_OPTIONS = {
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
    doc: "updates of the flow network, more is finer and slower; unless given, what suits the network",
  },
} as const satisfies OptionTable;
export type FlowNetworkOptions = OptionsOf<typeof FLOW_NETWORK_OPTIONS>;

/** The name by which true flow is asked for in place of a network's. */
export const TRUE_FLOW = "truth";

/** What gives the flow of clips. */
export const CLIP_FLOW_OPTIONS = {
  ...FLOW_NETWORK_OPTIONS,
  flow: {
    ...FLOW_NETWORK_OPTIONS.flow,
    choices: [...FLOW_NETWORK_OPTIONS.flow.choices, TRUE_FLOW],
    doc: `${FLOW_NETWORK_OPTIONS.flow.doc}; truth: the NAME.flow.npz that synth --truth flow writes beside each video`,
  },
} as const satisfies OptionTable;
