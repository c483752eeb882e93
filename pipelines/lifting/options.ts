/** @file The options of training, measuring and using lifters. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { readRunOptions, runFolder } from "../run/folder.ts";
import { BODY_OPTION, ENGINE_OPTION, RESUME_OPTION } from "../shared-options.ts";

/** Where poses come from. */
const POSE_OPTIONS = {
  ...BODY_OPTION,
  motions: { kind: "text", value: "DIR", doc: "folder of recorded motion (.bvh); unless given, generated motion only" },
  recorded: { kind: "number", default: 0.5, min: 0, max: 1, doc: "share of people who move as recorded" },
  frames: { kind: "integer", default: 8, min: 2, max: 1000, doc: "poses of each person, 1/25 s apart" },
  heldOut: { kind: "integer", default: 300, min: 1, max: 1_000_000, doc: "people to measure on, their motions never trained on" }, // biome-ignore format: one line
  seed: { kind: "integer", default: 1, min: 0, max: 2 ** 31 - 1, doc: "of every random choice" },
} as const satisfies OptionTable;

/** Options of `motioncue lift train`. */
export const LIFT_TRAIN_OPTIONS = {
  out: { kind: "text", value: "RUN", default: "runs/lift", doc: "run folder" },
  ...RESUME_OPTION,
  overwrite: { kind: "flag", doc: "begin anew in a folder that holds a run" },
  labels: {
    kind: "choice",
    choices: ["3d", "none"],
    default: "3d",
    doc: "3d: learn from the poses in space (Martinez et al. 2017); none: from 2D poses alone (Chen et al. 2019)",
  },
  sides: {
    kind: "choice",
    choices: ["picture", "person"],
    doc: "whether left and right joints are sides of the picture, as templates see them, or known to be the person's; unless given, picture with labels and person without, since 2D poses named by the picture do not tell front from back",
  },
  people: { kind: "integer", default: 2000, min: 1, max: 1_000_000, doc: "people to train on" },
  ...POSE_OPTIONS,
  width: { kind: "integer", default: 1024, min: 1, max: 8192, doc: "numbers in each layer; 1024 as published" },
  blocks: { kind: "integer", default: 2, min: 1, max: 32, doc: "residual blocks; 2 as published" },
  output: {
    kind: "choice",
    choices: ["points", "depths"],
    doc: "what the network says of a joint: its place in space (with 3D labels only), or its depth along the ray; unless given, points with labels",
  },
  dropout: {
    kind: "number",
    min: 0,
    max: 0.9,
    doc: "share of numbers that are zeroed, 0.5 as published with labels; unless given, 0.1 with labels and 0 without",
  },
  noise: { kind: "number", default: 0, min: 0, max: 1, doc: "deviation of noise on the 2D points, as a share of the pose's size; templates err by 0.1 to 0.3" }, // biome-ignore format: one line
  critics: { kind: "choice", choices: ["pose", "pose-and-motion"], default: "pose-and-motion", doc: "without labels: what critics look at" }, // biome-ignore format: one line
  criticWidth: { kind: "integer", default: 256, min: 1, max: 8192, doc: "numbers in each layer of the critics" },
  spaceWeight: { kind: "number", default: 0.001, min: 0, doc: "without labels: weight of skeletons before and after" },
  planeWeight: { kind: "number", default: 10, min: 0, doc: "without labels: weight of points before and after" },
  criticWeight: { kind: "number", default: 1, min: 0, doc: "without labels: weight of what critics say of a pose" },
  motionWeight: { kind: "number", default: 1, min: 0, doc: "without labels: weight of what critics say of a motion" },
  steps: { kind: "integer", default: 20000, min: 1, max: 10_000_000, doc: "optimisation steps" },
  batch: { kind: "integer", default: 256, min: 2, max: 65536, doc: "poses per step; without labels pairs of two" },
  learningRate: {
    kind: "number",
    min: 0,
    max: 1,
    doc: "Adam's greatest step size, which falls as a cosine; unless given, 0.001 with labels and 0.0003 without",
  },
  criticRate: { kind: "number", default: 2e-4, min: 0, max: 1, doc: "that of the critics" },
  gradientClip: { kind: "number", default: 1, min: 0, doc: "greatest norm of a step's gradient; 0: any" },
  evaluateEvery: { kind: "integer", default: 2000, min: 1, max: 10_000_000, doc: "steps between measurements" },
  checkpointEvery: { kind: "integer", default: 2000, min: 1, max: 10_000_000, doc: "steps between checkpoints" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
/** What the command line gives. */
export type LiftTrainTable = OptionsOf<typeof LIFT_TRAIN_OPTIONS>;

/** What is unset in the table follows from whether there are labels. */
export type LiftTrainOptions = LiftTrainTable & {
  readonly [K in "sides" | "output" | "dropout" | "learningRate"]: NonNullable<LiftTrainTable[K]>;
};

const BY_LABELS = {
  "3d": { sides: "picture", output: "points", dropout: 0.1, learningRate: 1e-3 },
  none: { sides: "person", output: "depths", dropout: 0, learningRate: 3e-4 },
} as const;

/** Options of `motioncue lift evaluate`. */
export const LIFT_EVALUATE_OPTIONS = {
  ...POSE_OPTIONS,
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type LiftEvaluateOptions = OptionsOf<typeof LIFT_EVALUATE_OPTIONS>;

/** Options of `motioncue lift infer`. */
export const LIFT_INFER_OPTIONS = {
  out: { kind: "text", value: "FILE", doc: "where to write the skeletons (.json); unless given, NAME.skeletons.json beside the keypoints" }, // biome-ignore format: one line
  minConfidence: { kind: "number", default: 0.1, min: 0, max: 1, doc: "frames with a keypoint below this confidence are left out" }, // biome-ignore format: one line
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type LiftInferOptions = OptionsOf<typeof LIFT_INFER_OPTIONS>;

const FREE_ON_RESUME: readonly string[] = ["out", "resume", "overwrite"];

/**
 * The complete options of a training. With `resume` those the run was begun with: OptionError where there is no run, or where
 * another value is given now, and for what does not go together.
 */
export async function completeLiftOptions(given: Partial<LiftTrainTable>): Promise<LiftTrainOptions> {
  const where = "lift train";
  const asked = completeOptions(where, LIFT_TRAIN_OPTIONS, given);
  const saved = asked.resume ? await readRunOptions(runFolder(asked.out)) : undefined;
  if (asked.resume && !saved)
    throw new OptionError("--resume", `${asked.out} holds no run to go on with; leave --resume out to begin one`);
  for (const [name, value] of Object.entries(given)) {
    if (!saved || value === undefined || FREE_ON_RESUME.includes(name) || value === saved[name]) continue;
    throw new OptionError(where, `the run was begun with ${name} ${saved[name]}, got ${value}; begin another run for that`); // biome-ignore format: one line
  }
  const free = { out: asked.out, resume: asked.resume, overwrite: asked.overwrite };
  const usual = BY_LABELS[saved ? (saved as LiftTrainTable).labels : asked.labels];
  const explicit = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const table = completeOptions(where, LIFT_TRAIN_OPTIONS, { ...usual, ...(saved ?? explicit), ...free });
  const options = table as LiftTrainOptions;
  if (options.labels === "none" && options.output === "points")
    throw new OptionError(where, "without labels a joint lies on its ray; give --output depths or leave it out");
  if (options.resume && options.overwrite)
    throw new OptionError(where, "--resume goes on with a run and --overwrite starts anew; give one of them");
  return options;
}
