/** @file Trains a regressor from scratch on few labelled pictures: synthetic stills, or a data set in SPIN's format. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BodyModel } from "../../smpl/body-model.ts";
import { createBodyModel } from "../../smpl/body-model.ts";
import { loadBody } from "../../smpl/load-body.ts";
import { createRegressor, loadRegressor, type Regressor, regressorWith, saveRegressor } from "../../smpl/regressor.ts";
import { completeSpec } from "../../smpl/regressor-spec.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { NonFiniteError, OptionError } from "../../src/errors.ts";
import { floatTensor } from "../../src/io/host-tensor.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { type Adam, createAdam } from "../../src/nn/adam.ts";
import { clipGradients, disposeGradients, valueAndGradients } from "../../src/nn/gradients.ts";
import { assignFromHost, parametersToHost } from "../../src/nn/parameters.ts";
import { completeOptions } from "../../src/options.ts";
import { createRandom } from "../../src/random.ts";
import { predictLabelled } from "../labelled/batch.ts";
import { drawAugmentation } from "../labelled/crop.ts";
import { openLabelledDataset } from "../labelled/dataset.ts";
import { SUPERVISED_OPTIONS, SUPERVISED_TERMS, supervisedLoss } from "../labelled/supervised.ts";
import { lastCheckpoint, saveCheckpoint, tensorDigest } from "../run/checkpoint.ts";
import { fileDigest } from "../run/content-key.ts";
import { type Context, createContext } from "../run/context.ts";
import { enterRunFolder, type RunFolder, runFolder } from "../run/folder.ts";
import { warmCosine } from "../run/learning-rate.ts";
import { appendStep, forgetStepsAfter } from "../run/step-records.ts";
import { createWorld, GENERATOR_VERSION } from "../synth/world.ts";
import { jointBody } from "./joint-body.ts";
import { landmarkLoss } from "./landmark-loss.ts";
import { type JointErrors, measureJoints } from "./regressor-errors.ts";
import { completeTrainOptions, type TrainRegressorOptions } from "./regressor-options.ts";
import {
  datasetPeople,
  type PeopleSource,
  prepareTrainingSet,
  syntheticPeople,
  type TrainingSet,
} from "./training-set.ts";

/** What training came to. */
export interface TrainRegressorResult {
  readonly regressor: string;
  /** Errors on the held-out pictures, mm. */
  readonly before: JointErrors;
  readonly after: JointErrors;
  readonly steps: number;
  readonly seconds: number;
}

/** The supervised weights of training from scratch: betas are labels here, and 3D joints count for more than in EFT. */
const LOSS = completeOptions("train regressor", SUPERVISED_OPTIONS, {
  shape: 0.02,
  shapePrior: 0.01,
  keypoints3d: 20,
  scale: 1,
});
/** No limit to a gradient's norm that float32 can hold. */
const NO_LIMIT = 1e30;
/** Added to the seed for held-out pictures, so that no training seed in use meets it. */
const HELD_OUT_SEED = 900_000_000;

/**
 * Trains and writes `<out>/regressor.safetensors` (float16), `metrics.jsonl`, `result.json` and checkpoints. A resumed run
 * takes the steps that are left with the same pictures, and gives what the uninterrupted one gives. Throws OptionError.
 */
export async function trainRegressor(
  given: Partial<TrainRegressorOptions>,
  context: Context = createContext(),
): Promise<TrainRegressorResult> {
  const options = await completeTrainOptions(given);
  const folder = runFolder(options.out);
  await enterRunFolder(folder, { resume: options.resume, overwrite: options.overwrite });
  await startEngine(options.engine, options.precision);
  if (!options.resume) await writeFileAtomic(folder.options, `${JSON.stringify(options, null, 2)}\n`);
  const full = (await loadBody(options.body)).host;
  const body = createBodyModel(jointBody(full));
  const { training, heldOut } = await loadSets(options, createWorld(full), folder, context);
  const regressor = await newRegressor(options);
  try {
    return await runTraining({ options, folder, training, heldOut, regressor, body }, context);
  } finally {
    regressor.dispose();
    body.dispose();
  }
}

/** A new network, or that of a file at the crop size of the options. */
async function newRegressor({
  initial,
  backbone,
  width,
  hidden,
  cropSize,
  seed,
}: TrainRegressorOptions): Promise<Regressor> {
  if (initial === undefined) return createRegressor({ backbone, width, hidden, cropSize, camera: "sX+t" }, seed);
  const { spec, parameters } = await loadRegressor(initial);
  return regressorWith(completeSpec({ ...spec, cropSize }, "--crop-size"), parameters);
}

interface TrainingJob {
  readonly options: TrainRegressorOptions;
  readonly folder: RunFolder;
  readonly training: TrainingSet;
  readonly heldOut: TrainingSet;
  readonly regressor: Regressor;
  readonly body: BodyModel;
}

async function loadSets(
  options: TrainRegressorOptions,
  world: ReturnType<typeof createWorld>,
  folder: RunFolder,
  context: Context,
): Promise<{ readonly training: TrainingSet; readonly heldOut: TrainingSet }> {
  const { stills, labelled, images, labelledCount, style, split, cropSize, seed } = options;
  if (labelled && !images) throw new OptionError("--labelled", "needs --images, the folder of the data set's pictures");
  const cache = join(folder.path, "cache");
  await mkdir(cache, { recursive: true });
  // Another body, or another way to draw it, is another set of pictures.
  const look = tensorDigest([["template", floatTensor(world.body.vTemplate, [world.body.vTemplate.length])]]);
  const prepare = (kind: string, source: PeopleSource, ...more: readonly string[]) => {
    const name = [kind, seed, source.count, cropSize, look.slice(0, 8), GENERATOR_VERSION, ...more].join("-");
    return prepareTrainingSet(source, cropSize, join(cache, `${name}.npz`), context);
  };
  const drawn = (count: number, firstSeed: number, of: typeof split) =>
    [syntheticPeople(world, firstSeed, count, { style, ...(of ? { split: of } : {}) }), style, of ?? "all"] as const;
  return {
    training:
      labelled && images
        ? await prepare(
            "training",
            datasetPeople(await openLabelledDataset(labelled, images, labelledCount)),
            (await fileDigest(labelled)).slice(0, 8),
          )
        : await prepare("training", ...drawn(stills, seed, split)),
    heldOut: await prepare("held-out", ...drawn(options.heldOut, seed + HELD_OUT_SEED, split && "validation")),
  };
}

async function runTraining(job: TrainingJob, context: Context): Promise<TrainRegressorResult> {
  const { options, folder, heldOut, regressor, body } = job;
  const began = performance.now();
  const checkpoint = options.resume ? await lastCheckpoint(folder.checkpoints) : undefined;
  const adam = createAdam({ learningRate: options.learningRate });
  if (checkpoint) {
    assignFromHost(regressor.parameters, checkpoint.weights, "checkpoint");
    adam.restore(checkpoint.optimiser, "checkpoint");
  }
  const first = checkpoint?.step ?? 0;
  await forgetStepsAfter(folder.metrics, first);
  const before = (checkpoint?.before as JointErrors | undefined) ?? measureJoints(regressor, body, heldOut);
  let after = first < options.steps ? before : measureJoints(regressor, body, heldOut);
  const progress = context.progress("train regressor", { total: options.steps, unit: "steps", start: first });
  const save = async (step: number) =>
    saveCheckpoint(folder.checkpoints, {
      step,
      weights: await parametersToHost(regressor.parameters),
      optimiser: await adam.state(),
      options: { ...options },
      inputs: {},
      before,
    });
  try {
    for (let step = first + 1; step <= options.steps; step++) {
      const taken = takeStep(job, adam, step);
      const measure = step % options.evaluateEvery === 0 || step === options.steps;
      if (measure) {
        after = measureJoints(regressor, body, heldOut);
        context.log.info(
          `step ${step}: loss ${taken.loss.toFixed(4)}, held-out PA-MPJPE ${after.paMpjpe.toFixed(1)} mm, MPJPE ${after.mpjpe.toFixed(1)} mm`,
        );
      }
      await appendStep(folder.metrics, { ...taken, ...(measure ? { heldOut: after } : {}) });
      progress.update(step, `loss ${taken.loss.toPrecision(3)}  PA-MPJPE ${after.paMpjpe.toFixed(1)}`);
      const stop = context.signal.aborted;
      if (step % options.checkpointEvery === 0 || step === options.steps || stop) await save(step);
      context.signal.throwIfAborted();
    }
  } finally {
    progress.finish();
    adam.dispose();
  }
  const result = {
    regressor: folder.regressor,
    before,
    after,
    steps: options.steps,
    seconds: (performance.now() - began) / 1000,
  };
  await saveRegressor(folder.regressor, regressor, { ...provenance(options, result) }, "float16");
  await writeFileAtomic(folder.result, `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/** What the header of the weights says of how they were made. */
function provenance(options: TrainRegressorOptions, { before, after }: Pick<TrainRegressorResult, "before" | "after">) {
  const { out: _out, resume: _resume, overwrite: _overwrite, ...recipe } = options;
  return {
    trainedBy: "motioncue train regressor",
    recipe: JSON.stringify(recipe),
    heldOut: JSON.stringify({ before, after }),
  };
}

function takeStep(job: TrainingJob, adam: Adam, step: number) {
  const began = performance.now();
  const { options, training, regressor, body } = job;
  const random = createRandom(options.seed, "train", step);
  const crops = Array.from({ length: options.batch }, () =>
    training.crop(random.integer(training.count), drawAugmentation(random, options.augment)),
  );
  const dropout = options.dropout > 0 ? { dropout: { seed: random.integer(2 ** 30), rate: options.dropout } } : {};
  let numbers: Record<string, number> = {};
  const { value, gradients } = valueAndGradients(() => {
    const known = predictLabelled({ regressor, body }, crops, { batchNorm: "batch", ...dropout });
    const { predicted, targets, maps } = known;
    const { total, terms } = supervisedLoss(predicted, targets, LOSS);
    const values = tf.stack(SUPERVISED_TERMS.map((term) => terms[term])).dataSync();
    numbers = Object.fromEntries(SUPERVISED_TERMS.map((term, i) => [term, values[i]!]));
    if (!maps) return total;
    const lesson = landmarkLoss(maps, targets.joints2d!);
    numbers["landmarks"] = lesson.dataSync()[0]!;
    return tf.add(total, tf.mul(lesson, options.landmarkWeight)) as tf.Scalar;
  }, regressor.parameters);
  const loss = value.dataSync()[0]!;
  value.dispose();
  const limit = options.gradientClip > 0 ? options.gradientClip : NO_LIMIT;
  const { gradients: clipped, norm } = clipGradients(gradients, limit);
  const gradientNorm = norm.dataSync()[0]!;
  norm.dispose();
  disposeGradients(gradients);
  if (!Number.isFinite(gradientNorm + loss))
    throw new NonFiniteError(
      "train regressor",
      `loss ${loss}, gradient ${gradientNorm} in step ${step}; lower the learning rate`,
    );
  adam.step(regressor.parameters, clipped, learningRateAt(options, step));
  disposeGradients(clipped);
  const seconds = (performance.now() - began) / 1000;
  return { step, loss, cues: { labelled: { value: loss, numbers } }, gradientNorm, seconds };
}

/** Linear rise, then half a cosine down to a hundredth. */
export function learningRateAt(
  { learningRate, warmUp, steps }: Pick<TrainRegressorOptions, "learningRate" | "warmUp" | "steps">,
  step: number,
): number {
  return warmCosine(learningRate, step, { warm: warmUp, end: steps, floor: 0.01 });
}
