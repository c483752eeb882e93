/** @file The loop of a refinement: draws pairs, takes steps, records them, and saves checkpoints to go on from. */
import { tf } from "../../src/engine/tf.ts";
import { createAdam } from "../../src/nn/adam.ts";
import { clipGradients, disposeGradients } from "../../src/nn/gradients.ts";
import { assignFromHost, parametersToHost } from "../../src/nn/parameters.ts";
import { createRandom } from "../../src/random.ts";
import { drawAugmentation } from "../labelled/crop.ts";
import { type Checkpoint, saveCheckpoint } from "../run/checkpoint.ts";
import type { Context } from "../run/context.ts";
import type { RunFolder } from "../run/folder.ts";
import { warmCosine } from "../run/learning-rate.ts";
import { appendStep, forgetStepsAfter, type StepReport } from "../run/step-records.ts";
import type { KeypointSource } from "./keypoint-match.ts";
import type { LoadedModels } from "./models.ts";
import { moveWeights } from "./move-weights.ts";
import type { RefineOptions } from "./options.ts";
import { drawItems, drawUnits, framesOf, loadPairs, type PairPlace, readAhead } from "./sampler.ts";
import { type StepBatch, stepGradients } from "./step.ts";
import { createTeacherCache, isCacheWorthwhile, type TeacherCache } from "./teacher-cache.ts";

/** A refinement that is ready to take steps. */
export interface StepsJob {
  readonly options: RefineOptions;
  readonly folder: RunFolder;
  readonly models: LoadedModels;
  readonly training: readonly PairPlace[];
  /** Where a cue needs them. */
  readonly keypoints: KeypointSource | undefined;
  /** Where to go on from; from the start without one. */
  readonly checkpoint: Checkpoint | undefined;
  /** Kept in checkpoints: what was measured before the first step. */
  readonly before: unknown;
}

/**
 * Takes the steps that are left and saves a checkpoint every so often, after the last one, and when it is aborted. What a
 * step does follows from the options and its number alone, so that a run that goes on ends as one that was never stopped.
 */
export async function runSteps(job: StepsJob, context: Context): Promise<void> {
  const { options, folder, models, checkpoint } = job;
  const { parameters } = models.regressor;
  const adam = createAdam({ learningRate: options.learningRate, beta1: options.beta1 });
  const first = checkpoint?.step ?? 0;
  if (checkpoint) {
    assignFromHost(parameters, checkpoint.weights, "checkpoint");
    adam.restore(checkpoint.optimiser, "checkpoint");
    if (checkpoint.teacher && models.teacher)
      assignFromHost(models.teacher.parameters, checkpoint.teacher, "checkpoint of the teacher");
  }
  await forgetStepsAfter(folder.metrics, first);
  const save = async (step: number) =>
    saveCheckpoint(folder.checkpoints, {
      step,
      weights: await parametersToHost(parameters),
      optimiser: await adam.state(),
      ...(models.teacher && options.teacherDecay < 1
        ? { teacher: await parametersToHost(models.teacher.parameters) }
        : {}),
      options: { ...options },
      inputs: models.inputs,
      before: job.before,
    });
  const progress = context.progress("refine", { total: options.steps, unit: "steps", start: first });
  let saved = first;
  let step = first;
  try {
    const load = batchLoader(job);
    for await (const batch of readAhead(first, options.steps, load)) {
      if (context.signal.aborted) break;
      const report = takeStep(job, adam, batch, ++step);
      await appendStep(folder.metrics, report);
      progress.update(step, summary(report));
      if (step % options.checkpointEvery === 0 || step === options.steps) {
        await save(step);
        saved = step;
      }
    }
    if (context.signal.aborted && step > saved) await save(step);
  } finally {
    progress.finish();
    adam.dispose();
  }
  context.signal.throwIfAborted();
}

/** What loads the batch of a step, which depends on the options and the step's index alone. */
function batchLoader({ options, training, models, keypoints }: StepsJob): (index: number) => Promise<StepBatch> {
  const units = drawUnits(training, options.sequence, options.frameGap);
  const count = Math.max(1, Math.round(options.batch / (options.sequence - 1)));
  const teacher = teacherCache({ options, training, models }, count * options.sequence);
  const isSelfTrained = models.cues.some(({ cue }) => cue.needs.includes("self"));
  return async (index) => {
    const places = drawItems(units, count, createRandom(options.seed, "pairs", index)).flat();
    const { frames } = framesOf(places);
    const random = createRandom(options.seed, "self", index);
    const [pairs, labelled, taught] = await Promise.all([
      loadPairs(places),
      models.labelled?.load(options.seed, index, options.labelledBatch),
      teacher?.parametersOf(frames),
    ]);
    return {
      ...pairs,
      gap: options.frameGap,
      ...(labelled ? { labelled } : {}),
      ...(taught ? { taught } : {}),
      ...(isSelfTrained ? { augmentations: frames.map(() => drawAugmentation(random, options.selfAugment)) } : {}),
      ...(keypoints ? { keypoints: keypoints.keypointsOf(frames) } : {}),
    };
  };
}

/** A cache where the teacher stands still and a run asks for its frames often enough. */
function teacherCache(
  { options, training, models }: Pick<StepsJob, "options" | "training" | "models">,
  framesPerStep: number,
): TeacherCache | undefined {
  if (!models.teacher || options.teacherDecay < 1) return undefined;
  const useful = isCacheWorthwhile(options.steps * framesPerStep, framesOf(training).frames.length);
  return useful ? createTeacherCache(models.teacher, models.body) : undefined;
}

function takeStep(
  { options, models }: StepsJob,
  adam: ReturnType<typeof createAdam>,
  batch: StepBatch,
  step: number,
): StepReport {
  const began = performance.now();
  const rate = learningRateAt(options, step);
  const { loss, cues, gradients, gradientNorm } = stepGradients(models, batch);
  if (options.gradientClip > 0 && gradientNorm > options.gradientClip) {
    const { gradients: clipped, norm } = clipGradients(gradients, options.gradientClip);
    adam.step(models.regressor.parameters, clipped, rate);
    disposeGradients(clipped);
    tf.dispose(norm);
  } else {
    adam.step(models.regressor.parameters, gradients, rate);
  }
  disposeGradients(gradients);
  if (models.teacher && options.teacherDecay < 1)
    moveWeights(models.teacher.parameters, models.regressor.parameters, options.teacherDecay);
  return { step, loss, cues, gradientNorm, seconds: (performance.now() - began) / 1000 };
}

/** The step size of step number `step`, counted from 1. */
export function learningRateAt(
  { learningRate, schedule, steps }: Pick<RefineOptions, "learningRate" | "schedule" | "steps">,
  step: number,
): number {
  if (schedule === "constant") return learningRate;
  const warm = Math.max(1, Math.round(steps / 20));
  return warmCosine(learningRate, step, { warm, end: steps + 1, floor: 0 });
}

function summary({ loss, cues }: StepReport): string {
  const parts = Object.entries(cues).map(([name, { value }]) => `${name} ${value.toPrecision(3)}`);
  return [`loss ${loss.toPrecision(3)}`, ...parts].join("  ");
}
