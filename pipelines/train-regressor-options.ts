/** @file The options of training a regressor, and which of them a run that goes on takes from the run it continues. */
import { OptionError } from "../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../src/options.ts";
import { readRunOptions, runFolder } from "./run-folder.ts";

/** Options of `motioncue train regressor`. */
export const TRAIN_REGRESSOR_OPTIONS = {
  out: { kind: "text", value: "RUN", default: "runs/train-regressor", doc: "Run folder." },
  resume: { kind: "flag", doc: "Go on from the folder's last checkpoint." },
  overwrite: { kind: "flag", doc: "Begin anew in a folder that holds a run." },
  stills: { kind: "integer", min: 1, default: 2000, doc: "Labelled synthetic pictures to train on." },
  labelled: { kind: "text", value: "FILE", doc: "Train on this data set (.npz, SPIN format) instead; needs images." },
  images: { kind: "text", value: "DIR", doc: "Folder of the data set's pictures." },
  heldOut: { kind: "integer", min: 1, default: 256, doc: "Synthetic pictures to measure on, never trained on." },
  body: { kind: "text", value: "FILE", default: "default", doc: "Body model." },
  backbone: { kind: "choice", choices: ["resnet18", "resnet50"], default: "resnet18", doc: "Feature network." },
  width: {
    kind: "integer",
    min: 1,
    max: 256,
    default: 24,
    doc: "Channels after the first convolution (published: 64).",
  },
  hidden: { kind: "integer", min: 1, max: 8192, default: 512, doc: "Width of the head." },
  cropSize: { kind: "integer", min: 32, max: 1024, default: 128, doc: "Side of the network's input, px." },
  steps: { kind: "integer", min: 1, default: 20000, doc: "Optimisation steps." },
  batch: { kind: "integer", min: 2, default: 32, doc: "Pictures per step; batch norm uses their statistics." },
  learningRate: {
    kind: "number",
    min: 0,
    default: 0.001,
    doc: "Highest Adam step; rises at first, then falls as a cosine.",
  },
  warmUp: { kind: "integer", min: 0, default: 300, doc: "Steps in which the learning rate rises." },
  gradientClip: { kind: "number", min: 0, default: 30, doc: "Largest norm of the gradient; 0: any." },
  dropout: { kind: "number", min: 0, max: 0.9, default: 0, doc: "Share of the head's activations that are zeroed." },
  augment: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.4,
    doc: "Strength of turning, scaling and tinting; 1 is what networks trained for days are given.",
  },
  evaluateEvery: { kind: "integer", min: 1, default: 1000, doc: "Steps between measurements on held-out pictures." },
  checkpointEvery: { kind: "integer", min: 1, default: 1000, doc: "Steps between checkpoints." },
  seed: { kind: "integer", min: 0, default: 1, doc: "Seed of weights, pictures and order." },
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
