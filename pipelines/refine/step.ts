/** @file One optimisation step's loss and gradients: both frames of a batch of pairs through the regressor, then the cues. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { JointSampler } from "../../smpl/body-points.ts";
import type { BodyPrediction } from "../../smpl/head.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { NonFiniteError } from "../../src/errors.ts";
import { disposeGradients, globalNorm, type ValueAndGradients, valueAndGradients } from "../../src/nn/gradients.ts";
import { cropBatch, pastPlaces, predictFrames } from "../bodies/predict.ts";
import {
  type Cue,
  type CueInputs,
  describePair,
  type FrameParameters,
  type PairName,
  type PairOf,
  takeFrames,
  takeRows,
} from "../cues/cue.ts";
import { rowsAt } from "../cues/pair-sight.ts";
import type { Augmentation } from "../labelled/crop.ts";
import { type LabelledBatch, labelledBatch } from "../labelled/source.ts";
import type { StepReport } from "../run/step-records.ts";
import { predictTogether } from "./predict-together.ts";
import type { PairBatch } from "./sampler.ts";
import { predictBothWays, selfLabelledCrops } from "./self-labels.ts";
import { type HostParameters, parameterTensors } from "./teacher-cache.ts";

/** The networks and losses of a run. */
export interface RefineModels {
  readonly regressor: Regressor;
  readonly body: BodyModel;
  /** The frozen or slowly moving copy, where a cue needs it. */
  readonly teacher: Regressor | undefined;
  /** Gives the points that a batch's keypoints are compared with, where a cue needs them. */
  readonly points?: JointSampler;
  /** Of these points; see FrameSet.keypointMirror. */
  readonly mirror?: readonly number[];
  readonly cues: readonly { readonly cue: Cue; readonly weight: number }[];
}

/** What a step is computed from besides the networks. */
export interface StepBatch extends PairBatch {
  /** What the teacher says of the frames, where it is known already. */
  readonly taught?: HostParameters;
  readonly labelled?: LabelledBatch;
  /** Of each frame, how it is changed for self-training. */
  readonly augmentations?: readonly Augmentation[];
  /** Frames from one to the next of a temporal context; 1. */
  readonly gap?: number;
}

/** A batch on the engine. */
interface BatchTensors {
  readonly batch: StepBatch;
  /** [F,S,S,3] in 0..1. */
  readonly images: Tensor4D;
  readonly flow: PairOf<Tensor4D>;
  readonly teacher: FrameParameters | undefined;
  /** Augmented frames with the teacher's labels. */
  readonly self: LabelledBatch | undefined;
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
export function stepGradients(models: RefineModels, batch: StepBatch): StepOutcome {
  const tensors = uploadBatch(models, batch);
  try {
    const cues: Record<string, { value: number; numbers: Readonly<Record<string, number>> }> = {};
    const { value, gradients } = gradientsOf(models, tensors, (name, cue) => {
      cues[name] = cue;
    });
    const norm = globalNorm(gradients);
    const [loss, gradientNorm] = [value.dataSync()[0]!, norm.dataSync()[0]!];
    tf.dispose([value, norm]);
    if (!Number.isFinite(gradientNorm)) {
      disposeGradients(gradients);
      throw blame(models, batch);
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

function gradientsOf(models: RefineModels, tensors: BatchTensors, onCue: OnCue): ValueAndGradients {
  const { names, labelled } = tensors.batch;
  const total = (): tf.Scalar => {
    const { self } = tensors;
    const known = predictTogether(models.regressor, tensors.images, [labelled, self]);
    const inputs = {
      ...cueInputs(models, tensors, known?.frames),
      ...(labelled ? { labelled: labelled.predict(models, known?.others[0]) } : {}),
      ...(self ? { self: self.predict(models, known?.others[1]) } : {}),
    };
    const weighted = models.cues.map(({ cue, weight }) => {
      const { value, report } = cue.loss(inputs);
      const number = value.dataSync()[0]!;
      if (!Number.isFinite(number)) {
        const worst = report.perPair.findIndex((x) => Math.abs(x) === Number.POSITIVE_INFINITY);
        throw nonFinite(cue.name, `the loss is ${number}`, worst < 0 ? names : [names[worst]!]);
      }
      onCue(cue.name, { value: number, numbers: report.numbers });
      return tf.mul<tf.Scalar>(value, weight);
    });
    return tf.addN(weighted);
  };
  return valueAndGradients(total, models.regressor.parameters);
}

function cueInputs(
  { regressor, body, points, mirror, cues = [] }: Pick<RefineModels, "regressor" | "body"> & Partial<RefineModels>,
  { batch, images, flow, teacher }: BatchTensors,
  known?: BodyPrediction,
): CueInputs {
  const { names, pairs, triples, keypoints, cropSize } = batch;
  const predicted = predictFrames(regressor, body, images, {
    sampler: keypoints ? points : undefined,
    predicted: known,
    ...pastOf(regressor, batch),
  });
  const [first, second] = [0, 1].map((which) => pairs.map((pair) => pair[which]!)) as [number[], number[]];
  const halves = <T extends FrameParameters>(frames: T): PairOf<T> => ({
    first: takeFrames(frames, first),
    second: takeFrames(frames, second),
  });
  return {
    cropSize,
    faces: body.faces,
    pairs: names,
    predicted: halves(predicted),
    flow,
    picture: { first: rowsAt(batch.picture, first, 4), second: rowsAt(batch.picture, second, 4) },
    frames: {
      names: batch.frames,
      predicted,
      pairs,
      triples,
      ...(keypoints ? { keypoints } : {}),
      ...(keypoints && mirror ? { keypointMirror: mirror } : {}),
    },
    ...(teacher ? { teacher: halves(teacher) } : {}),
    ...(cues.some(({ cue }) => cue.needs.includes("images"))
      ? { images: { first: takeRows(images, first), second: takeRows(images, second) } }
      : {}),
  };
}

/** The frames before each frame, as far as they are in the batch, for a regressor with temporal context. */
function pastOf({ spec: { context } }: Regressor, { frames, gap = 1 }: StepBatch) {
  if (context === 0) return {};
  const positions = frames.map(({ video, track, frame }) => ({ person: `${track} ${video}`, frame }));
  return { past: pastPlaces(positions, context, gap) };
}

function uploadBatch({ teacher, body }: Pick<RefineModels, "teacher" | "body">, batch: StepBatch): BatchTensors {
  const { names, frames, cropSize, flowSize, crops, forward, backward, taught, augmentations } = batch;
  const images = cropBatch(crops, cropSize);
  const shape: [number, number, number, number] = [names.length, flowSize, flowSize, 2];
  const predict = () => {
    if (teacher && augmentations) return predictBothWays(teacher, body, images);
    if (taught) return parameterTensors(taught, frames.length);
    return teacher && (tf.tidy(() => parametersOf(predictFrames(teacher, body, images))) as unknown as FrameParameters);
  };
  const known = teacher && predict();
  return {
    batch,
    images,
    flow: { first: tf.tensor4d(forward, shape), second: tf.tensor4d(backward, shape) },
    teacher: known,
    self: known && augmentations && labelledBatch(selfLabelledCrops(crops, cropSize, known, augmentations)),
  };
}

/** As a plain record, which is what a tidy keeps. */
function parametersOf({ rotations, betas, camera, joints }: FrameParameters): Record<string, Tensor> {
  return { rotations, betas, camera, joints };
}

function disposeBatch({ images, flow, teacher }: BatchTensors): void {
  tf.dispose([images, flow.first, flow.second, ...(teacher ? Object.values(teacher) : [])]);
}

/** The error for a gradient that is not finite: each cue, and then each pair, is tried alone to name what is to blame. */
function blame(models: RefineModels, batch: StepBatch): NonFiniteError {
  const isFinite_ = (one: RefineModels, some: StepBatch): boolean => {
    const tensors = uploadBatch(one, some);
    try {
      const { value, gradients } = gradientsOf(one, tensors, () => {});
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

/** The batch of pair number `i` alone. */
function onePair(batch: StepBatch, i: number): StepBatch {
  const { names, pairs, frames, cropSize, flowSize, crops, picture, forward, backward, keypoints, labelled } = batch;
  const own = pairs[i]!;
  const flow = flowSize * flowSize * 2;
  return {
    names: [names[i]!],
    pairs: [[0, 1]],
    triples: [],
    frames: own.map((place) => frames[place]!),
    cropSize,
    flowSize,
    crops: rowsAt(crops, own, cropSize * cropSize * 3),
    picture: rowsAt(picture, own, 4),
    forward: forward.slice(i * flow, (i + 1) * flow),
    backward: backward.slice(i * flow, (i + 1) * flow),
    ...(keypoints ? { keypoints: rowsAt(keypoints, own, keypoints.length / frames.length) } : {}),
    ...(labelled ? { labelled } : {}),
  };
}
