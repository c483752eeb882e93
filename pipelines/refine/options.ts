/** @file The options of `refine`: one table that the function, the command line and the run's record read. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { cueSpec, parseCueOptions, parseCueWeights } from "../cues.ts";
import {
  CLIP_FLOW_OPTIONS,
  ENGINE_OPTION,
  LABELLED_COUNT_OPTION,
  MAX_PAIRS_OPTION,
  MODEL_OPTIONS,
  RESUME_OPTION,
  TRACK_OPTIONS,
} from "../shared-options.ts";

export const REFINE_OPTIONS = {
  ...MODEL_OPTIONS,
  regressor: {
    ...MODEL_OPTIONS.regressor,
    doc: "checkpoint of the single-frame regressor to refine, or default: the small one that is shipped",
  },
  preset: {
    kind: "choice",
    choices: ["default", "paper"],
    default: "default",
    doc: "where unset options and the cues' constants come from; paper: as published, without the later guards",
  },
  out: { kind: "text", value: "DIR", default: "runs/refine", doc: "run folder" },
  ...RESUME_OPTION,
  overwrite: { kind: "flag", doc: "start anew in a run folder that holds a run; its cache is kept and used" },
  ...TRACK_OPTIONS,
  ...MAX_PAIRS_OPTION,
  frameGap: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 60,
    doc: "frames from the first to the second of a pair; more where people move little from frame to frame",
  },
  neighbours: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 8,
    doc: "pairs are 1, 2 ... this many frame gaps apart; each further distance costs another flow per frame",
  },
  sequence: {
    kind: "integer",
    default: 2,
    min: 2,
    max: 256,
    doc: "frames in a row that are drawn together, each predicted once for all pairs among them; 2: single pairs",
  },
  cache: { kind: "text", value: "DIR", doc: "folder of crops and flow, to share between runs; OUT/cache unless given" },
  ...CLIP_FLOW_OPTIONS,
  flowCropSize: {
    kind: "integer",
    min: 64,
    max: 1024,
    doc: "side in pixels of the crops that flow is computed on; unless given twice the regressor's crop, at most 256",
  },
  anchor: {
    kind: "choice",
    choices: ["teacher", "labelled", "none"],
    default: "teacher",
    doc: "what keeps the network near its start: a frozen copy of it, labelled images in every step, or nothing",
  },
  labelled: {
    kind: "text",
    value: "FILE",
    doc: "labelled images for the labelled anchor: SPIN's .npz, EFT's .json, or a VIBE database as .npz",
  },
  images: { kind: "text", value: "DIR", doc: "folder that the image names of the labelled set are relative to" },
  ...LABELLED_COUNT_OPTION,
  augment: {
    kind: "number",
    default: 0.4,
    min: 0,
    max: 1,
    doc: "strength of the labelled images' augmentation (1: SPIN's turns, scales and colours, 0: none but flips)",
  },
  labelledBatch: { kind: "integer", default: 16, min: 1, max: 1024, doc: "labelled images per step" },
  context: {
    kind: "integer",
    default: 0,
    min: 0,
    max: 8,
    doc: "past predictions that modulate a frame's features (FiLM), 2 in the paper; 0 leaves the network as it is",
  },
  teacherDecay: {
    kind: "number",
    default: 1,
    min: 0,
    max: 1,
    doc: "share of the teacher's weights that stays after a step, the rest follows the network; 1: it stands still",
  },
  selfAugment: {
    kind: "number",
    default: 0.6,
    min: 0,
    max: 1,
    doc: "strength of the changes to the frames that the cue self compares (1: SPIN's turns, scales and colours)",
  },
  keypoints: {
    kind: "text",
    value: "FILE|DIR",
    doc: "2D keypoints for the cue keypoints: MotionCue's or COCO's JSON, a folder of them, or OpenPose's folder",
  },
  keypointsFrom: {
    kind: "text",
    value: "template:FILE",
    doc: "2D keypoints for the cue keypoints that a trained template finds in the videos (motioncue template train)",
  },
  cue: {
    kind: "list",
    value: "NAME=WEIGHT",
    default: ["flow=0.1"],
    doc: "a cue and the weight of its loss (NAME alone: that cue's usual weight); repeatable",
  },
  cueOption: {
    kind: "list",
    value: "CUE.OPTION=VALUE",
    default: [],
    doc: "an option of a cue, such as flow.erode=2 or teacher.camera=1; repeatable",
  },
  steps: { kind: "integer", default: 300, min: 0, max: 10_000_000, doc: "optimisation steps" },
  batch: { kind: "integer", default: 8, min: 1, max: 1024, doc: "pairs of nearest frames per step" },
  learningRate: { kind: "number", default: 1e-4, min: 0, max: 1, doc: "Adam's greatest step size" },
  schedule: {
    kind: "choice",
    choices: ["cosine", "constant"],
    default: "cosine",
    doc: "cosine: the step size rises for a twentieth of the steps, then falls to nothing; constant: as published",
  },
  beta1: { kind: "number", default: 0.9, min: 0, max: 0.9999, doc: "Adam's decay of the mean gradient" },
  gradientClip: {
    kind: "number",
    default: 1,
    min: 0,
    doc: "greatest Euclidean norm of a step's whole gradient, larger ones are scaled down to it; 0: no limit",
  },
  blend: {
    kind: "number",
    default: 0.5,
    min: 0,
    max: 1,
    doc: "share of the refined weights in the result, the rest is of those it began with: between them poses are often better than at either end; with --resume another share of a finished run",
  },
  checkpointEvery: { kind: "integer", default: 100, min: 1, max: 10_000_000, doc: "steps between checkpoints" },
  heldOutPairs: {
    kind: "integer",
    default: 160,
    min: 1,
    max: 100_000,
    doc: "most held-out pairs the flow residual before and after is measured on, evenly spread",
  },
  seed: { kind: "integer", default: 0, min: 0, max: 2 ** 31 - 1, doc: "of every random choice" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;

export type RefineOptions = OptionsOf<typeof REFINE_OPTIONS>;

/** What each preset sets; explicit options win. `paper`: arXiv 2402.02736 as its authors' configurations have it. */
export const REFINE_PRESETS: Readonly<Record<RefineOptions["preset"], Partial<RefineOptions>>> = {
  default: {},
  paper: {
    cue: ["flow=0.01"],
    boxScale: 1.3,
    anchor: "labelled",
    boxSmoothing: 0,
    flowUpdates: 20,
    flowCropSize: 640,
    steps: 100_000,
    batch: 16,
    labelledBatch: 16,
    learningRate: 1e-5,
    schedule: "constant",
    augment: 1,
    beta1: 0.5,
    gradientClip: 0,
    blend: 1,
    checkpointEvery: 1000,
  },
};

/** Options that may differ between a run and its resumption: no step depends on them. */
export const FREE_ON_RESUME: ReadonlySet<keyof RefineOptions> = new Set([
  "resume",
  "overwrite",
  "out",
  "cache",
  "blend",
]);

/** The complete options: table defaults, the preset's values, then what is given. Throws OptionError for impossible ones. */
export function completeRefineOptions(given: Partial<RefineOptions> = {}): RefineOptions {
  const preset = completeOptions(
    "refine",
    { preset: REFINE_OPTIONS.preset },
    { preset: given.preset ?? "default" },
  ).preset;
  const explicit = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options = completeOptions("refine", REFINE_OPTIONS, { ...REFINE_PRESETS[preset], ...explicit });
  checkNeeds(options);
  if (options.resume && options.overwrite) {
    throw new OptionError("refine", "--resume goes on with a run and --overwrite starts anew; give one of them");
  }
  return options;
}

const TEMPLATE = "template:";

/** The file that `--keypoints-from template:FILE` names. Throws OptionError for anything else. */
export function templatePath(choice: string): string {
  const path = choice.startsWith(TEMPLATE) ? choice.slice(TEMPLATE.length) : "";
  if (path) return path;
  throw new OptionError(
    "--keypoints-from",
    `expected template:FILE, a file of motioncue template train, got "${choice}"`,
  );
}

/** Throws OptionError where cues and files, or cues and frames, do not go together. */
function checkNeeds(options: RefineOptions): void {
  const cues = new Set(parseCueWeights(options.cue).keys());
  if (options.anchor !== "none") cues.add(options.anchor);
  const fail = (problem: string): never => {
    throw new OptionError("refine", problem);
  };
  const usesLabels = cues.has("labelled");
  if (usesLabels && options.labelled === undefined)
    fail("the labelled anchor needs labelled images; give --labelled FILE or --anchor teacher");
  if (!usesLabels && options.labelled !== undefined)
    fail(`--labelled is used by --anchor labelled only, got --anchor ${options.anchor}`);
  if (options.labelledCount !== undefined && options.labelled === undefined)
    fail("--labelled-count says how many people of --labelled are used; give --labelled too");
  if (options.images !== undefined && options.labelled === undefined)
    fail("--images says where the images of --labelled are; give --labelled too");
  const keypoints = [options.keypoints, options.keypointsFrom].filter((choice) => choice !== undefined);
  if (cues.has("keypoints") && keypoints.length === 0)
    fail("the cue keypoints needs a file of them; give --keypoints FILE or DIR, or --keypoints-from template:FILE");
  if (options.keypointsFrom !== undefined) templatePath(options.keypointsFrom);
  if (keypoints.length > 1) fail("--keypoints and --keypoints-from say two things; give one of them");
  if (!cues.has("keypoints") && keypoints.length > 0)
    fail("--keypoints and --keypoints-from are used by the cue keypoints only; give --cue keypoints too");
  if (!cues.has("teacher") && !cues.has("self") && options.teacherDecay < 1)
    fail("--teacher-decay is of the teacher; give --anchor teacher or --cue self, or leave it out");
  for (const cue of cues)
    if (cueSpec(cue).needs.includes("triples") && options.sequence < 3)
      fail(`the cue ${cue} looks at three frames in a row; give --sequence 3 or more`);
  if (options.context > 0 && options.sequence <= options.context)
    fail(`--context ${options.context} needs runs of more frames; give --sequence ${options.context + 2} or more`);
  for (const cue of parseCueOptions(options.cueOption).keys())
    if (!cues.has(cue)) fail(`--cue-option names the cue ${cue}, which is not used; give --cue ${cue} too`);
}
