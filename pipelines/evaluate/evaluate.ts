/** @file Accuracy of a regressor on sequences of known truth, and how well its mesh's motion fits the observed flow. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { MotionCueError, NonFiniteError, ShapeError } from "../../src/errors.ts";
import { type Image, imagesToTensor, sizeOf } from "../../src/image/image.ts";
import { pastPlaces, predictFrames } from "../bodies/predict.ts";
import { takeFrames } from "../cues/cue.ts";
import { type FlowResidual, joinResiduals } from "../cues/flow-agreement.ts";
import { ROOT_JOINTS } from "../labelled/joint-sets.ts";
import { type FrameTruth, frameErrors } from "./frame-errors.ts";
import { accelErrors, mean } from "./metrics.ts";
import { loadPairFlows, type PairFlow, pairResidual } from "./sequence-flow.ts";

export type { FrameTruth } from "./frame-errors.ts";
export type { PairFlow } from "./sequence-flow.ts";

/** One frame of a sequence: what the regressor sees and what is true. */
export interface EvaluationFrame {
  /** [S,S,3], S = the regressor's crop size. */
  readonly crop: Image;
  readonly truth: FrameTruth;
}

/** One person in one video (or pictures without order: then frame numbers that do not follow each other). */
export interface EvaluationSequence {
  readonly name: string;
  /** Ascending frame numbers in the video; a hole is no motion. */
  readonly frames: readonly number[];
  /** The frame at a position of `frames`. */
  load(position: number): Promise<EvaluationFrame>;
  /**
   * The flow from the frame at a position to the next one; asked for neighbours only. Without it there is no flow
   * residual.
   */
  flow?(position: number): Promise<PairFlow | undefined>;
}

export interface EvaluateOptions {
  /** Frames that go through the regressor together (default 16). */
  readonly batch?: number;
  /** Joints whose mean is subtracted for MPJPE, PVE and acceleration (default: the hips). */
  readonly rootJoints?: readonly number[];
  readonly signal?: AbortSignal;
  /** Called after each batch with the number of its frames. */
  readonly onProgress?: (frames: number) => void;
}

/** Means over frames; NaN for what nothing was known about. */
export interface Accuracy {
  /** mm, root-aligned. */
  readonly mpjpe: number;
  /** mm, after a similarity. */
  readonly paMpjpe: number;
  /** mm over all vertices, root-aligned. */
  readonly pve: number;
  /** mm/frame^2 of root-aligned joints. */
  readonly accelError: number;
  /** Pixels of the regressor's crop: mean distance of mesh flow and observed flow at visible vertices. */
  readonly flowResidual: number;
  /** The same, as a share of the mean observed flow. */
  readonly relativeFlowResidual: number;
  /** Frames whose joints could be compared. */
  readonly frames: number;
}

/** Accuracy over all frames, and for each sequence by name. */
export interface Evaluation extends Accuracy {
  readonly sequences: Readonly<Record<string, Accuracy>>;
}

/** What one frame or pair contributes. */
interface Tally {
  readonly mpjpe: number[];
  readonly paMpjpe: number[];
  readonly pve: number[];
  readonly accel: number[];
  readonly residuals: FlowResidual[];
}

/**
 * Evaluates a regressor on sequences, one after another, a batch of frames at a time (memory does not grow with their
 * length but for the joints). Frames weigh the same, whatever sequence they are of. Throws NonFiniteError naming
 * sequence and frame for a prediction that is not finite, ShapeError for crops or truth of the wrong size.
 */
export async function evaluate(
  regressor: Regressor,
  body: BodyModel,
  sequences: Iterable<EvaluationSequence> | AsyncIterable<EvaluationSequence>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const tallies = new Map<string, Tally>();
  for await (const sequence of sequences) {
    if (tallies.has(sequence.name)) throw new MotionCueError("evaluate", `two sequences are named ${sequence.name}`);
    tallies.set(sequence.name, await evaluateSequence(regressor, body, sequence, options));
  }
  const perSequence = Object.fromEntries([...tallies].map(([name, tally]) => [name, summary([tally])]));
  return { ...summary([...tallies.values()]), sequences: perSequence };
}

async function evaluateSequence(
  regressor: Regressor,
  body: BodyModel,
  sequence: EvaluationSequence,
  options: EvaluateOptions,
): Promise<Tally> {
  const { batch = 16, rootJoints = ROOT_JOINTS } = options;
  const { frames } = sequence;
  const tally: Tally = { mpjpe: [], paMpjpe: [], pve: [], accel: [], residuals: [] };
  const motion = { frames: [] as number[], predicted: [] as number[], target: [] as number[] };
  const where = `evaluate ${sequence.name}`;
  for (let begin = 0; begin < frames.length; begin += batch) {
    options.signal?.throwIfAborted();
    const end = Math.min(frames.length, begin + batch);
    // One frame more, for the pair that spans two batches; its own errors are counted with the next one.
    const last = end < frames.length && sequence.flow && frames[end]! - frames[end - 1]! === 1 ? end + 1 : end;
    // And the frames before, where the regressor looks back; their errors were counted with the batch before.
    const from = Math.max(0, begin - regressor.spec.context);
    const all = await Promise.all(range(from, last).map((i) => sequence.load(i)));
    const loaded = all.slice(begin - from);
    const flows = await loadPairFlows(sequence, begin, last);
    tf.tidy(() => {
      const positions = range(from, last).map((i) => ({ person: sequence.name, frame: frames[i]! }));
      const past = pastPlaces(positions, regressor.spec.context);
      const crops = cropsTensor(sequence.name, regressor, all);
      const predicted = takeFrames(predictFrames(regressor, body, crops, { past }), range(begin - from, last - from));
      checkFinite(sequence, begin, predicted.vertices);
      const own = loaded.slice(0, end - begin).map(({ truth }) => truth);
      frameErrors(where, body, predicted, own, rootJoints).forEach((frame, i) => {
        if (!frame) return;
        tally.mpjpe.push(frame.mpjpe);
        tally.paMpjpe.push(frame.paMpjpe);
        if (frame.pve !== undefined) tally.pve.push(frame.pve);
        if (!frame.motion) return;
        motion.frames.push(frames[begin + i]!);
        for (const x of frame.motion.predicted) motion.predicted.push(x);
        for (const x of frame.motion.target) motion.target.push(x);
      });
      const { cropSize } = regressor.spec;
      for (const group of flows)
        tally.residuals.push(pairResidual(sequence, body.faces, cropSize, predicted, begin, group));
    });
    options.onProgress?.(end - begin);
  }
  tally.accel.push(...accelErrors(motion).errors);
  return tally;
}

function cropsTensor(name: string, regressor: Regressor, frames: readonly EvaluationFrame[]): Tensor4D {
  const { cropSize } = regressor.spec;
  for (const { crop } of frames) {
    const { height, width } = sizeOf(crop);
    if (height !== cropSize || width !== cropSize)
      throw new ShapeError(`evaluate ${name}`, `[${cropSize},${cropSize},3] crops`, crop.shape);
  }
  return imagesToTensor(frames.map(({ crop }) => crop));
}

function checkFinite(sequence: EvaluationSequence, begin: number, vertices: Tensor): void {
  const values = vertices.dataSync();
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return;
  const frame = sequence.frames[begin + Math.floor(bad / (values.length / vertices.shape[0]!))];
  throw new NonFiniteError(
    `evaluate ${sequence.name} frame ${frame}`,
    "the prediction is not finite; are these the weights of this network?",
  );
}

function summary(tallies: readonly Tally[]): Accuracy {
  const over = (of: (tally: Tally) => readonly number[]): number => mean(tallies.flatMap(of));
  const residual = joinResiduals(tallies.flatMap((tally) => tally.residuals));
  return {
    mpjpe: over((t) => t.mpjpe),
    paMpjpe: over((t) => t.paMpjpe),
    pve: over((t) => t.pve),
    accelError: over((t) => t.accel),
    flowResidual: residual.pixels,
    relativeFlowResidual: residual.relative,
    frames: tallies.reduce((sum, t) => sum + t.mpjpe.length, 0),
  };
}

function range(begin: number, end: number): number[] {
  return Array.from({ length: end - begin }, (_, i) => begin + i);
}
