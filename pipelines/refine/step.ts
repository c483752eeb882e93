/** @file One optimisation step's loss and gradients: both frames of a batch of pairs through the regressor, then the cues. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { NonFiniteError } from "../../src/errors.ts";
import { disposeGradients, globalNorm, type ValueAndGradients, valueAndGradients } from "../../src/nn/gradients.ts";
import { predictFrames } from "../bodies/predict.ts";
import {
  type Cue,
  type CueInputs,
  describePair,
  type FrameParameters,
  type PairName,
  type PairOf,
  type PredictedFrames,
  sliceFrames,
} from "../cues/cue.ts";
import type { LabelledBatch } from "../labelled/source.ts";
import type { StepReport } from "../run/step-records.ts";
import type { PairBatch } from "./sampler.ts";

/** The networks and losses of a run. */
export interface RefineModels {
  readonly regressor: Regressor;
  readonly body: BodyModel;
  /** The frozen copy, where a cue needs it. */
  readonly teacher: Regressor | undefined;
  readonly cues: readonly { readonly cue: Cue; readonly weight: number }[];
}

/** A batch on the engine. */
interface BatchTensors {
  readonly names: readonly PairName[];
  readonly cropSize: number;
  /** [2P,S,S,3] in 0..1: first frames, then second frames. */
  readonly images: Tensor4D;
  readonly flow: PairOf<Tensor4D>;
  readonly picture: PairOf<Float32Array>;
  readonly teacher: PredictedFrames | undefined;
}

/** What a step found. The caller disposes `gradients`. */
export interface StepOutcome {
  readonly loss: number;
  readonly cues: StepReport["cues"];
  readonly gradients: ValueAndGradients["gradients"];
  readonly gradientNorm: number;
}

/**
 * Loss and gradients of one step; nothing is changed. Throws NonFiniteError, naming cue, video and frames, where either is
 * NaN or infinite.
 */
export function stepGradients(models: RefineModels, batch: PairBatch, labelled?: LabelledBatch): StepOutcome {
  const tensors = uploadBatch(models, batch);
  try {
    const cues: Record<string, { value: number; numbers: Readonly<Record<string, number>> }> = {};
    const { value, gradients } = gradientsOf(models, tensors, labelled, (name, cue) => {
      cues[name] = cue;
    });
    const norm = globalNorm(gradients);
    const [loss, gradientNorm] = [value.dataSync()[0]!, norm.dataSync()[0]!];
    tf.dispose([value, norm]);
    if (!Number.isFinite(gradientNorm)) {
      disposeGradients(gradients);
      throw blame(models, batch, labelled);
    }
    return { loss, cues, gradients, gradientNorm };
  } finally {
    disposeBatch(tensors);
  }
}

/** The predictions for both frames of each pair of a batch, passed to `use`; everything made meanwhile is freed. */
export function withPredictions<T>(
  models: Pick<RefineModels, "regressor" | "body">,
  batch: PairBatch,
  use: (inputs: CueInputs) => T,
): T {
  const tensors = uploadBatch({ ...models, teacher: undefined }, batch);
  try {
    let result: T | undefined;
    tf.tidy(() => {
      result = use(cueInputs(models, tensors));
    });
    return result as T;
  } finally {
    disposeBatch(tensors);
  }
}

type OnCue = (name: string, cue: { value: number; numbers: Readonly<Record<string, number>> }) => void;

function gradientsOf(
  models: RefineModels,
  tensors: BatchTensors,
  labelled: LabelledBatch | undefined,
  onCue: OnCue,
): ValueAndGradients {
  const total = (): tf.Scalar => {
    const inputs = { ...cueInputs(models, tensors), ...(labelled ? { labelled: labelled.predict(models) } : {}) };
    const weighted = models.cues.map(({ cue, weight }) => {
      const { value, report } = cue.loss(inputs);
      const number = value.dataSync()[0]!;
      if (!Number.isFinite(number)) {
        const worst = report.perPair.findIndex((x) => Math.abs(x) === Number.POSITIVE_INFINITY);
        throw nonFinite(cue.name, `the loss is ${number}`, worst < 0 ? tensors.names : [tensors.names[worst]!]);
      }
      onCue(cue.name, { value: number, numbers: report.numbers });
      return tf.mul<tf.Scalar>(value, weight);
    });
    return tf.addN(weighted);
  };
  return valueAndGradients(total, models.regressor.parameters);
}

function cueInputs(models: Pick<RefineModels, "regressor" | "body">, tensors: BatchTensors): CueInputs {
  const { regressor, body } = models;
  const { names, images, flow, picture, teacher, cropSize } = tensors;
  const count = names.length;
  const halves = (x: Tensor4D): PairOf<Tensor4D> => {
    const [first, second] = tf.split(x, 2, 0) as [Tensor4D, Tensor4D];
    return { first, second };
  };
  const frames = (all: PredictedFrames): PairOf<PredictedFrames> => ({
    first: sliceFrames(all, 0, count),
    second: sliceFrames(all, count, count),
  });
  const frozen: PairOf<FrameParameters> | undefined = teacher && frames(teacher);
  return {
    cropSize,
    faces: body.faces,
    pairs: names,
    predicted: frames(predictFrames(regressor, body, images)),
    flow,
    picture,
    images: halves(images),
    ...(frozen ? { teacher: frozen } : {}),
  };
}

function uploadBatch(models: Pick<RefineModels, "teacher" | "body">, batch: PairBatch): BatchTensors {
  const { names, cropSize, flowSize, crops, picture, forward, backward } = batch;
  const count = names.length;
  const values = new Float32Array(crops.length);
  for (let i = 0; i < crops.length; i++) values[i] = crops[i]! / 255;
  const images = tf.tensor4d(values, [2 * count, cropSize, cropSize, 3]);
  const shape: [number, number, number, number] = [count, flowSize, flowSize, 2];
  const { teacher } = models;
  return {
    names,
    cropSize,
    images,
    picture: { first: picture.subarray(0, 4 * count), second: picture.subarray(4 * count) },
    flow: { first: tf.tensor4d(forward, shape), second: tf.tensor4d(backward, shape) },
    teacher: teacher && (tf.tidy(() => ({ ...predictFrames(teacher, models.body, images) })) as PredictedFrames),
  };
}

function disposeBatch({ images, flow, teacher }: BatchTensors): void {
  tf.dispose([images, flow.first, flow.second, ...(teacher ? Object.values(teacher) : [])]);
}

/** The error for a gradient that is not finite: each cue, and then each pair, is tried alone to name what is to blame. */
function blame(models: RefineModels, batch: PairBatch, labelled: LabelledBatch | undefined): NonFiniteError {
  const isFinite_ = (one: RefineModels, some: PairBatch): boolean => {
    const tensors = uploadBatch(one, some);
    try {
      const { value, gradients } = gradientsOf(one, tensors, labelled, () => {});
      const norm = globalNorm(gradients);
      const finite = Number.isFinite(norm.dataSync()[0]!);
      disposeGradients(gradients);
      tf.dispose([value, norm]);
      return finite;
    } finally {
      disposeBatch(tensors);
    }
  };
  for (const entry of models.cues) {
    const alone = { ...models, cues: [entry] };
    if (isFinite_(alone, batch)) continue;
    const guilty = batch.names.filter((_, i) => !isFinite_(alone, onePair(batch, i)));
    return nonFinite(entry.cue.name, "the gradient is not finite", guilty.length > 0 ? guilty : batch.names);
  }
  return nonFinite(models.cues.map(({ cue }) => cue.name).join(" + "), "the gradient is not finite", batch.names);
}

function nonFinite(cue: string, problem: string, pairs: readonly PairName[]): NonFiniteError {
  const more = pairs.length > 1 ? ` or ${pairs.length - 1} other pairs of its batch` : "";
  return new NonFiniteError(
    `cue ${cue}`,
    `${problem} in ${describePair(pairs[0])}${more}; the step was not taken: lower --learning-rate, or leave the video out`,
  );
}

function onePair(batch: PairBatch, i: number): PairBatch {
  const { names, cropSize, flowSize, crops, picture, forward, backward } = batch;
  const image = cropSize * cropSize * 3;
  const flow = flowSize * flowSize * 2;
  const both = new Uint8Array(2 * image);
  both.set(crops.subarray(i * image, (i + 1) * image));
  both.set(crops.subarray((names.length + i) * image, (names.length + i + 1) * image), image);
  return {
    names: [names[i]!],
    cropSize,
    flowSize,
    crops: both,
    picture: Float32Array.of(
      ...picture.subarray(4 * i, 4 * i + 4),
      ...picture.subarray(4 * (names.length + i), 4 * (names.length + i) + 4),
    ),
    forward: forward.slice(i * flow, (i + 1) * flow),
    backward: backward.slice(i * flow, (i + 1) * flow),
  };
}
