/** @file Trains MotionCue's own flow network from scratch on synthetic motion. */
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { createRaft, type Raft } from "../../flow/raft.ts";
import { MOTIONCUE_FLOW } from "../../flow/raft-config.ts";
import { loadRaft, saveRaft } from "../../flow/raft-file.ts";
import { newRaftParameters } from "../../flow/raft-weights.ts";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { NonFiniteError, OptionError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { type Adam, createAdam } from "../../src/nn/adam.ts";
import { clipGradients, disposeGradients, valueAndGradients } from "../../src/nn/gradients.ts";
import { assignFromHost, parametersToHost } from "../../src/nn/parameters.ts";
import { completeOptions } from "../../src/options.ts";
import { createRandom } from "../../src/random.ts";
import { lastCheckpoint, saveCheckpoint } from "../run/checkpoint.ts";
import { type Context, createContext } from "../run/context.ts";
import { warmCosine } from "../run/learning-rate.ts";
import { appendStep, forgetStepsAfter } from "../run/step-records.ts";
import type { FlowPairs } from "../synth-flow/dataset.ts";
import { type FlowAccuracy, heldOutAccuracy, trainingPairs } from "./flow-evaluation.ts";
import { disposeBatch, flowBatch, flowLoss, lessonAt } from "./flow-loss.ts";
import { TRAIN_FLOW_OPTIONS, type TrainFlowOptions } from "./flow-options.ts";

export interface TrainFlowResult {
  /** The network's file: safetensors, half precision. */
  readonly weights: string;
  readonly engine: EngineInfo;
  readonly steps: number;
  /** On pairs of a seed's held-out split that no step has seen. */
  readonly heldOut: FlowAccuracy;
}

interface Training {
  readonly options: TrainFlowOptions;
  readonly raft: Raft;
  readonly adam: Adam;
  readonly pairs: FlowPairs;
  readonly paths: ReturnType<typeof pathsOf>;
}

/**
 * Trains and writes `options.out`: checkpoints, metrics.jsonl, options.json, result.json and the weights. What a step
 * does follows from the options and its number, so a resumed run ends as an uninterrupted one. Throws OptionError, and
 * NonFiniteError where a loss or gradient is not finite.
 */
export async function trainFlow(
  given: Partial<TrainFlowOptions> = {},
  context: Context = createContext(),
): Promise<TrainFlowResult> {
  const options = completeOptions("train flow", TRAIN_FLOW_OPTIONS, given) as TrainFlowOptions;
  const engine = await startEngine(options.engine, options.precision);
  const paths = pathsOf(options.out);
  const checkpoint = await lastCheckpoint(paths.checkpoints);
  if (checkpoint && !options.resume) {
    throw new OptionError("--out", `${options.out} holds a run; give --resume to go on with it, or another folder`);
  }
  if (checkpoint) checkSame(options, checkpoint.options);
  await mkdir(options.out, { recursive: true });
  await writeFileAtomic(paths.options, `${JSON.stringify(options, undefined, 2)}\n`);
  const raft =
    options.initial === undefined
      ? createRaft(MOTIONCUE_FLOW, newRaftParameters(MOTIONCUE_FLOW, options.seed))
      : await loadRaft(options.initial, MOTIONCUE_FLOW);
  const adam = createAdam({ learningRate: options.learningRate });
  try {
    if (checkpoint) {
      assignFromHost(raft.parameters, checkpoint.weights, paths.checkpoints);
      adam.restore(checkpoint.optimiser, paths.checkpoints);
    }
    const training = { options, raft, adam, pairs: trainingPairs(options), paths };
    await forgetStepsAfter(paths.metrics, checkpoint?.step ?? 0);
    await takeSteps(training, checkpoint?.step ?? 0, context);
    const heldOut = heldOutAccuracy(raft, options);
    const header = { heldOut: JSON.stringify(heldOut), options: JSON.stringify(withoutFolders(options)) };
    await saveRaft(paths.weights, MOTIONCUE_FLOW, raft.parameters, header, "float16");
    const result = { weights: paths.weights, engine, steps: options.steps, heldOut };
    await writeFileAtomic(paths.result, `${JSON.stringify(result, undefined, 2)}\n`);
    return result;
  } finally {
    raft.dispose();
    adam.dispose();
  }
}

/** The options for the header of a file that is passed on: names of files, not where they lie on this machine. */
function withoutFolders({ out: _, ...options }: TrainFlowOptions): Record<string, unknown> {
  return { ...options, ...(options.initial ? { initial: basename(options.initial) } : {}) };
}

/** A resumed run must be the run that was begun, or its weights would belong to no options. */
function checkSame(options: TrainFlowOptions, begun: Readonly<Record<string, unknown>>): void {
  const free = new Set(["out", "resume", "engine", "checkpointEvery", "evaluateEvery"]);
  const other = Object.entries(options).find(([key, value]) => !free.has(key) && begun[key] !== value);
  if (other) {
    throw new OptionError(
      "--resume",
      `the run was begun with ${other[0]} ${begun[other[0]]}, got ${other[1]}; give the same`,
    );
  }
}

function pathsOf(out: string) {
  return {
    checkpoints: join(out, "checkpoints"),
    metrics: join(out, "metrics.jsonl"),
    options: join(out, "options.json"),
    result: join(out, "result.json"),
    weights: join(out, "motioncue-flow.safetensors"),
  };
}

async function takeSteps(training: Training, first: number, context: Context): Promise<void> {
  const { options, raft, adam, paths } = training;
  const progress = context.progress("train flow", { total: options.steps, unit: "steps", start: first });
  const save = async (step: number) =>
    saveCheckpoint(paths.checkpoints, {
      step,
      weights: await parametersToHost(raft.parameters),
      optimiser: await adam.state(),
      options: { ...options },
      inputs: {},
      before: null,
    });
  let smooth = Number.NaN;
  try {
    for (let step = first + 1; step <= options.steps; step++) {
      const record = takeStep(training, step);
      smooth = Number.isNaN(smooth) ? record.loss : 0.98 * smooth + 0.02 * record.loss;
      const isLast = step === options.steps;
      const evaluation =
        step % options.evaluateEvery === 0 || isLast ? { heldOut: heldOutAccuracy(raft, options) } : {};
      await appendStep(paths.metrics, { ...record, ...evaluation });
      if (evaluation.heldOut) {
        const { shapes, people } = evaluation.heldOut;
        const told = Object.entries({ shapes, people }).map(
          ([kind, { epe, zero }]) => `${kind} ${epe.toFixed(3)} px (zero flow ${zero.toFixed(3)})`,
        );
        context.log.info(`step ${step}: held-out EPE ${told.join(", ")}`);
      }
      progress.update(step, `loss ${smooth.toFixed(3)}`);
      if (step % options.checkpointEvery === 0 || isLast || context.signal.aborted) await save(step);
      context.signal.throwIfAborted();
      // Lets signals and timers in: a step itself never yields.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    progress.finish();
  }
}

/** Step number `step`, counted from 1. */
function takeStep({ options, raft, adam, pairs }: Training, step: number) {
  const start = performance.now();
  const random = createRandom(options.seed, "step", step);
  const lesson = { ...lessonAt(options.warmUp, step), smallMotions: options.smallMotions };
  const batch = flowBatch(pairs, options, step, random, random.next() < lesson.plain);
  const drawn = performance.now();
  const rate = learningRateAt(options, step);
  const { value, gradients } = valueAndGradients(
    () => flowLoss(raft, batch, options.updates, random.integer(Math.max(1, options.updates - 1)), lesson),
    raft.parameters,
  );
  const clipped = clipGradients(gradients, options.clip);
  const [loss, gradientNorm] = [value.dataSync()[0]!, clipped.norm.dataSync()[0]!];
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    throw new NonFiniteError(
      "train flow",
      `step ${step}: loss ${loss}, gradient norm ${gradientNorm}; lower --learning-rate`,
    );
  }
  adam.step(raft.parameters, clipped.gradients, rate);
  disposeGradients(gradients);
  disposeGradients(clipped.gradients);
  tf.dispose([value, clipped.norm]);
  disposeBatch(batch);
  const seconds = (performance.now() - start) / 1000;
  return {
    step,
    loss,
    gradientNorm,
    learningRate: rate,
    size: batch.size,
    seconds,
    drawSeconds: (drawn - start) / 1000,
  };
}

/** Warm-up over the first twentieth of the steps, then half a cosine down to a hundredth. */
export function learningRateAt(options: Pick<TrainFlowOptions, "steps" | "learningRate">, step: number): number {
  const warm = Math.max(1, Math.round(options.steps / 20));
  return warmCosine(options.learningRate, step, { warm, end: options.steps, floor: 0.01 });
}
