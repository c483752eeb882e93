/** @file Trains a lifter on poses of synthetic and recorded motion, with 3D labels or without, and measures it on motions held out. */
import { join } from "node:path";
import { type BodyArrays, restJoints } from "../../smpl/body-arrays.ts";
import { loadBody } from "../../smpl/load-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { MotionCueError } from "../../src/errors.ts";
import { floatTensor } from "../../src/io/host-tensor.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { lastCheckpoint, saveCheckpoint, tensorDigest } from "../run/checkpoint.ts";
import { type Context, createContext } from "../run/context.ts";
import { enterRunFolder, type RunFolder, runFolder } from "../run/folder.ts";
import { appendStep, forgetStepsAfter } from "../run/step-records.ts";
import { openMotionLibrary } from "../synth/motion-library.ts";
import type { Split } from "../synth/splits.ts";
import {
  baselineErrors,
  describeErrors,
  type LiftBaselines,
  type LiftErrors,
  liftAll,
  liftErrors,
} from "./evaluate.ts";
import { createLifter, type Lifter, type LifterSpec, saveLifter, withDepthSign } from "./lifter.ts";
import { completeLiftOptions, type LiftTrainOptions, type LiftTrainTable } from "./options.ts";
import { LIFTED_JOINTS, makePoses, type PoseChoice, type PoseSet } from "./poses.ts";
import { kneesForward } from "./self-supervision.ts";
import { createLiftTrainer } from "./steps.ts";

/** What training came to. */
export interface LiftTrainResult extends LiftBaselines {
  readonly lifter: string;
  readonly poses: { readonly training: number; readonly heldOut: number };
  /** Errors on the held-out poses, mm. */
  readonly before: LiftErrors;
  readonly after: LiftErrors;
  readonly steps: number;
  readonly seconds: number;
}

/** Poses that the depths' sign is chosen by. */
const SIGN_POSES = 4096;

/**
 * Trains and writes `<out>/lifter.safetensors`, `metrics.jsonl`, `result.json` and checkpoints. A resumed run ends with the
 * same weights as one that was never stopped. Throws OptionError, NonFiniteError, and the signal's reason when aborted.
 */
export async function trainLifter(
  given: Partial<LiftTrainTable>,
  context: Context = createContext(),
): Promise<LiftTrainResult> {
  const options = await completeLiftOptions(given);
  const folder = runFolder(options.out);
  await enterRunFolder(folder, options);
  await startEngine(options.engine, options.precision);
  if (!options.resume) await writeFileAtomic(folder.options, `${JSON.stringify(options, null, 2)}\n`);
  const body = (await loadBody(options.body)).host;
  const { people, heldOut, ...choice } = options;
  const training = await openPoses(body, { ...choice, people }, "train", context);
  const measured = await openPoses(body, { ...choice, people: heldOut }, "test", context);
  const { sides, width, blocks, output } = options;
  const spec: LifterSpec = {
    joints: LIFTED_JOINTS,
    width,
    blocks,
    output,
    sides,
    depthSign: 1,
  };
  const lifter = createLifter(spec, options.seed);
  try {
    return await runTraining({ options, folder, training, measured, lifter }, context);
  } finally {
    lifter.dispose();
  }
}

/** Poses of a split as the options say. */
export async function openPoses(
  body: BodyArrays,
  {
    people,
    frames,
    sides,
    seed,
    motions,
    recorded,
  }: Pick<LiftTrainOptions, "people" | "frames" | "sides" | "seed" | "motions" | "recorded">,
  split: Split,
  context: Context,
): Promise<PoseSet> {
  const library = motions === undefined ? undefined : await openMotionLibrary(motions, restJoints(body), split);
  const choice: PoseChoice = { scenes: people, frames, sides, seed, split, ...(library ? { library, recorded } : {}) };
  return makePoses(body, choice, context);
}

interface TrainingJob {
  readonly options: LiftTrainOptions;
  readonly folder: RunFolder;
  readonly training: PoseSet;
  readonly measured: PoseSet;
  readonly lifter: Lifter;
}

async function runTraining(job: TrainingJob, context: Context): Promise<LiftTrainResult> {
  const { options, folder, training, measured, lifter } = job;
  const began = performance.now();
  const inputs = { poses: tensorDigest([["points", floatTensor(training.points, [training.points.length])]]) };
  const checkpoint = options.resume ? await lastCheckpoint(folder.checkpoints) : undefined;
  if (checkpoint && checkpoint.inputs["poses"] !== inputs.poses)
    throw new MotionCueError(
      "--resume",
      "the body or the motions differ from those the run was begun with; put the old ones back",
    );
  const trainer = createLiftTrainer(lifter, training, options);
  if (checkpoint) trainer.restore({ weights: checkpoint.weights, optimiser: checkpoint.optimiser });
  const first = checkpoint?.step ?? 0;
  await forgetStepsAfter(folder.metrics, first);
  const measure = () => liftErrors(liftAll(settled(job), measured), measured);
  const before = (checkpoint?.before as LiftErrors | undefined) ?? measure();
  let after = before;
  const save = async (step: number) =>
    saveCheckpoint(folder.checkpoints, { step, ...(await trainer.state()), options: { ...options }, inputs, before });
  const progress = context.progress("lift train", { total: options.steps, unit: "steps", start: first });
  try {
    for (let step = first + 1; step <= options.steps; step++) {
      const started = performance.now();
      const taken = trainer.step(step);
      const isMeasured = step % options.evaluateEvery === 0 || step === options.steps;
      if (isMeasured) {
        after = measure();
        context.log.info(`step ${step}: loss ${taken.loss.toPrecision(4)}, held out ${describeErrors(after)}`);
      }
      const seconds = (performance.now() - started) / 1000;
      const record = { step, ...taken, seconds, ...(isMeasured ? { heldOut: after } : {}) };
      await appendStep(folder.metrics, record);
      progress.update(step, `loss ${taken.loss.toPrecision(3)}  MPJPE ${after.mpjpe.toFixed(1)}`);
      const stop = context.signal.aborted;
      if (step % options.checkpointEvery === 0 || step === options.steps || stop) await save(step);
      context.signal.throwIfAborted();
    }
    if (first >= options.steps) after = measure();
  } finally {
    progress.finish();
    trainer.dispose();
  }
  const path = join(folder.path, "lifter.safetensors");
  const result: LiftTrainResult = {
    lifter: path,
    poses: { training: training.metres.length, heldOut: measured.metres.length },
    before,
    after,
    ...baselineErrors(training, measured),
    steps: options.steps,
    seconds: (performance.now() - began) / 1000,
  };
  const metres = training.metres.reduce((sum, x) => sum + x, 0) / training.metres.length;
  const { out: _out, resume: _resume, overwrite: _overwrite, ...recipe } = options;
  await saveLifter(path, settled(job), metres, {
    recipe: JSON.stringify(recipe),
    heldOut: JSON.stringify({ before, after }),
  });
  await writeFileAtomic(folder.result, `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/**
 * The lifter as it is used. Without labels, skeletons turned inside out explain the pictures as well: of the two, the one
 * whose knees bend forward on training poses is taken, the only thing that is assumed of people.
 */
function settled({ lifter, options, training }: TrainingJob): Lifter {
  if (options.labels === "3d") return lifter;
  const width = training.points.length / training.metres.length;
  const some = { points: training.points.subarray(0, SIGN_POSES * width) };
  return withDepthSign(lifter, kneesForward(liftAll(lifter, some), lifter.spec.joints) < 0 ? -1 : 1);
}
