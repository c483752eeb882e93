/** @file The steps of a template's training, with checkpoints and pictures. */
import { join } from "node:path";
import { tf } from "../../src/engine/tf.ts";
import { NonFiniteError } from "../../src/errors.ts";
import { writePng } from "../../src/image/png.ts";
import { type Adam, createAdam } from "../../src/nn/adam.ts";
import { clipGradients, disposeGradients, valueAndGradients } from "../../src/nn/gradients.ts";
import { assignFromHost, parametersToHost } from "../../src/nn/parameters.ts";
import { createRandom } from "../../src/random.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import { loadTemplate, type PartTemplate } from "../../templates/part-template.ts";
import { type Checkpoint, saveCheckpoint } from "../run/checkpoint.ts";
import type { Context } from "../run/context.ts";
import type { RunFolder } from "../run/folder.ts";
import { warmCosine } from "../run/learning-rate.ts";
import { appendStep, forgetStepsAfter, readSteps, type StepReport } from "../run/step-records.ts";
import {
  type DrawnPair,
  drawPairs,
  type PairPixels,
  type PairSource,
  pairText,
  readPairs,
  trainingBatch,
} from "./pairs.ts";
import { trainingPicture } from "./pictures.ts";
import type { TemplateRecipe, TrainTemplateOptions } from "./train-options.ts";

/** Everything that steps need. */
export interface TemplateSteps {
  readonly options: TrainTemplateOptions;
  readonly recipe: TemplateRecipe;
  readonly folder: RunFolder;
  readonly estimator: TemplateEstimator;
  readonly source: PairSource;
  readonly steps: number;
  /** Digests that checkpoints keep. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Where to go on from. */
  readonly checkpoint: Checkpoint | undefined;
}

/** Pairs that pictures show. */
const SHOWN = 4;

/**
 * Takes the steps that are left; saves a checkpoint every so often, after the last one and when it is aborted, and
 * pictures as `pictures/step-<step>.png`. What a step does follows from the options and its number. Returns the seconds
 * that all steps took, and the mean loss of the last twentieth. Throws NonFiniteError.
 */
export async function runTemplateSteps(
  job: TemplateSteps,
  context: Context,
): Promise<{ readonly seconds: number; readonly loss: number }> {
  const { options, recipe, folder, estimator, steps, checkpoint } = job;
  const adam = createAdam({ learningRate: recipe.learningRate });
  const first = checkpoint?.step ?? 0;
  const progress = context.progress("template train", { total: steps, unit: "steps", start: first });
  const save = async (step: number) =>
    saveCheckpoint(folder.checkpoints, {
      step,
      weights: await parametersToHost(estimator.parameters),
      optimiser: await adam.state(),
      options: { ...options },
      inputs: job.inputs,
      before: null,
    });
  try {
    if (checkpoint) {
      assignFromHost(estimator.parameters, checkpoint.weights, "checkpoint");
      adam.restore(checkpoint.optimiser, "checkpoint");
    }
    await forgetStepsAfter(folder.metrics, first);
    for (let step = first + 1; step <= steps; step++) {
      const random = createRandom(options.seed, "pairs", step);
      const pixels = await readPairs(drawPairs(job.source, recipe.batch, recipe.mirrored, random));
      const report = takeStep(job, adam, pixels, step);
      await appendStep(folder.metrics, report);
      progress.update(step, `loss ${report.loss.toPrecision(3)}`);
      const isLast = step === steps;
      if (step % options.picturesEvery === 0 || isLast) await savePicture(job, step);
      if (step % options.checkpointEvery === 0 || isLast || context.signal.aborted) await save(step);
      context.signal.throwIfAborted();
    }
  } finally {
    progress.finish();
    adam.dispose();
  }
  const records = await readSteps(folder.metrics);
  const last = records.slice(-Math.ceil(records.length / 20));
  return {
    seconds: records.reduce((sum, { seconds }) => sum + seconds, 0),
    loss: last.reduce((sum, { loss }) => sum + loss, 0) / last.length,
  };
}

/** More than any norm, and a number that float32 holds. */
const NO_LIMIT = 1e30;

/** The place of the pictures of a step. */
export function picturePath(folder: RunFolder, step: number): string {
  return join(folder.path, "pictures", `step-${String(step).padStart(8, "0")}.png`);
}

function takeStep(
  { options, recipe, estimator, steps }: TemplateSteps,
  adam: Adam,
  pixels: PairPixels,
  step: number,
): StepReport {
  const began = performance.now();
  const batch = trainingBatch(pixels, createRandom(options.seed, "masks", step), recipe.jitter);
  let terms: Record<string, number> = {};
  const { value, gradients } = valueAndGradients(() => {
    const losses = Object.entries(estimator.loss(batch));
    const values = tf.stack(losses.map(([, loss]) => loss)).dataSync();
    terms = Object.fromEntries(losses.map(([name], i) => [name, values[i]!]));
    return losses.find(([name]) => name === "total")![1];
  }, estimator.parameters);
  tf.dispose(batch);
  const loss = value.dataSync()[0]!;
  const { gradients: clipped, norm } = clipGradients(gradients, options.gradientClip || NO_LIMIT);
  const gradientNorm = norm.dataSync()[0]!;
  tf.dispose([value, norm]);
  disposeGradients(gradients);
  const { total: _total, ...own } = terms;
  if (!Number.isFinite(loss + gradientNorm)) throw blame(own, gradientNorm, pixels.pairs, step);
  adam.step(estimator.parameters, clipped, templateRate(recipe, steps, step));
  disposeGradients(clipped);
  const cues = Object.fromEntries(Object.entries(own).map(([name, term]) => [name, { value: term, numbers: {} }]));
  return { step, loss, cues, gradientNorm, seconds: (performance.now() - began) / 1000 };
}

/** Adam's step size in step number `step`, counted from 1, of `steps`. */
export function templateRate(
  { learningRate, schedule }: Pick<TemplateRecipe, "learningRate" | "schedule">,
  steps: number,
  step: number,
): number {
  if (schedule === "constant") return learningRate;
  return warmCosine(learningRate, step, { warm: Math.max(1, Math.round(steps / 20)), end: steps, floor: 0.01 });
}

function blame(
  terms: Readonly<Record<string, number>>,
  gradientNorm: number,
  pairs: readonly DrawnPair[],
  step: number,
): NonFiniteError {
  const wrong = Object.entries(terms).find(([, value]) => !Number.isFinite(value));
  const what = wrong ? `${wrong[0]} is ${wrong[1]}` : `the gradient's norm is ${gradientNorm}`;
  return new NonFiniteError(
    "template train",
    `${what} in step ${step} (${pairText(pairs[0]!)}, or ${pairs.length - 1} other pairs of its batch); the step was not taken: lower --learning-rate, or set --gradient-clip`,
  );
}

/** The same pairs every time, so that pictures of several steps compare. */
async function savePicture({ options, recipe, folder, estimator, source }: TemplateSteps, step: number): Promise<void> {
  const pairs = drawPairs(source, SHOWN, false, createRandom(options.seed, "pictures"));
  const batch = trainingBatch(await readPairs(pairs), createRandom(options.seed, "picture masks"));
  await writePng(picturePath(folder, step), trainingPicture(estimator, batch, partsOf(options.system, recipe)));
  tf.dispose(batch);
}

/** The part template that an estimator moves; Pose Prior Learner only begins with one. */
function partsOf(system: string, { own }: TemplateRecipe): PartTemplate | undefined {
  return system === "ppl" ? undefined : loadTemplate(own["template"] as string);
}
