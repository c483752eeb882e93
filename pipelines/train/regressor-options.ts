/** @file The options of training a regressor, and which of them a run that goes on takes from the run it continues. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { readRunOptions, runFolder } from "../run/folder.ts";
import { BODY_OPTION, ENGINE_OPTION, LABELLED_COUNT_OPTION, RESUME_OPTION } from "../shared-options.ts";
import { SPLITS } from "../synth/splits.ts";
import { SCENE_STYLES } from "../synth/world.ts";

/** Options of `motioncue train regressor`. */
export const TRAIN_REGRESSOR_OPTIONS = {
  out: { kind: "text", value: "RUN", default: "runs/train-regressor", doc: "run folder" },
  ...RESUME_OPTION,
  overwrite: { kind: "flag", doc: "begin anew in a folder that holds a run" },
  stills: { kind: "integer", min: 1, default: 2000, doc: "labelled synthetic pictures to train on" },
  labelled: {
    kind: "text",
    value: "FILE",
    doc: "train on this data set (SPIN's .npz, EFT's .json, or a VIBE database as .npz) instead; needs images",
  },
  images: { kind: "text", value: "DIR", doc: "folder of the data set's pictures" },
  ...LABELLED_COUNT_OPTION,
  style: {
    kind: "choice",
    choices: SCENE_STYLES,
    default: "demo",
    doc: "what synthetic pictures look like, those to measure on too; world: richer clothes, light and places",
  },
  split: {
    kind: "choice",
    choices: SPLITS,
    doc: "part of the world that synthetic people to train on are of; those to measure on are then of validation",
  },
  heldOut: { kind: "integer", min: 1, default: 256, doc: "synthetic pictures to measure on, never trained on" },
  ...BODY_OPTION,
  initial: {
    kind: "text",
    value: "FILE",
    doc: "regressor to begin with, in place of new weights; the network is then the file's, at this crop size",
  },
  backbone: {
    kind: "choice",
    choices: ["resnet18", "resnet50", "hrnet", "landmarks"],
    default: "resnet18",
    doc: "feature network; landmarks learns most in few steps",
  },
  width: {
    kind: "integer",
    min: 1,
    max: 256,
    default: 24,
    doc: "channels after the first convolution (published: 64)",
  },
  hidden: { kind: "integer", min: 1, max: 8192, default: 512, doc: "width of the head" },
  cropSize: { kind: "integer", min: 32, max: 1024, default: 128, doc: "side of the network's input, px" },
  steps: { kind: "integer", min: 1, default: 20000, doc: "optimisation steps" },
  batch: { kind: "integer", min: 2, default: 32, doc: "pictures per step; batch norm uses their statistics" },
  learningRate: {
    kind: "number",
    min: 0,
    default: 0.001,
    doc: "highest Adam step; rises at first, then falls as a cosine",
  },
  warmUp: { kind: "integer", min: 0, default: 300, doc: "steps in which the learning rate rises" },
  gradientClip: { kind: "number", min: 0, default: 3, doc: "largest norm of the gradient; 0: any" },
  landmarkWeight: {
    kind: "number",
    min: 0,
    default: 0.2,
    doc: "of the lesson that landmarks are joints, for the backbone of that name",
  },
  dropout: { kind: "number", min: 0, max: 0.9, default: 0, doc: "share of the head's activations that are zeroed" },
  augment: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.4,
    doc: "strength of turning, scaling and tinting; 1 is what networks trained for days are given",
  },
  evaluateEvery: { kind: "integer", min: 1, default: 1000, doc: "steps between measurements on held-out pictures" },
  checkpointEvery: { kind: "integer", min: 1, default: 1000, doc: "steps between checkpoints" },
  seed: { kind: "integer", min: 0, default: 1, doc: "seed of weights, pictures and order" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type TrainRegressorOptions = OptionsOf<typeof TRAIN_REGRESSOR_OPTIONS>;

/** Options that may differ when a run goes on: they do not change what a step does. */
const FREE_ON_RESUME: readonly string[] = ["out", "resume", "overwrite"];

/**
 * The complete options of a job. With `resume` those the run was begun with: OptionError where there is no run, or where
 * another value is given now.
 */
export async function completeTrainOptions(given: Partial<TrainRegressorOptions>): Promise<TrainRegressorOptions> {
  const where = "train regressor";
  const options = completeOptions(where, TRAIN_REGRESSOR_OPTIONS, given);
  if (options.labelledCount !== undefined && options.labelled === undefined)
    throw new OptionError("--labelled-count", "says how many people of --labelled are used; give --labelled too");
  if (!options.resume) return options;
  const saved = await readRunOptions(runFolder(options.out));
  if (!saved)
    throw new OptionError("--resume", `${options.out} holds no run to go on with; leave --resume out to begin one`);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || FREE_ON_RESUME.includes(name) || value === saved[name]) continue;
    throw new OptionError(
      where,
      `the run was begun with ${name} ${saved[name]}, got ${value}; begin another run for that`,
    );
  }
  return completeOptions(where, TRAIN_REGRESSOR_OPTIONS, {
    ...(saved as Partial<TrainRegressorOptions>),
    out: options.out,
    resume: true,
    overwrite: false,
  });
}
