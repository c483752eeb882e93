/** @file The cue interface: a source of supervision for the regressor. A new one is a file in cues/, a line in cues.ts. */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { MotionCueError } from "../../src/errors.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import type { LabelledPair } from "../labelled/batch.ts";

/** Which two frames a pair is: `frames` are frame numbers in the file, and only neighbours in time make a pair. */
export interface PairName {
  readonly video: string;
  readonly track: string;
  readonly frames: readonly [number, number];
}

/** Which frame of whom. */
export interface FrameName {
  readonly video: string;
  readonly track: string;
  readonly frame: number;
}

/** What a regressor predicts for P crops, and the joints of the body it describes. */
export interface FrameParameters {
  /** [P,24,3,3], the first is the global orientation. */
  readonly rotations: Tensor;
  /** [P,N] */
  readonly betas: Tensor2D;
  /** [P,3] (s, tx, ty), converted to `sX+t`. */
  readonly camera: Tensor2D;
  /** [P,24,3] metres, before the camera. */
  readonly joints: Tensor3D;
}

/** FrameParameters with the mesh and its projection into the crop. */
export interface PredictedFrames extends FrameParameters {
  /** [P,V,3] metres, before the camera. */
  readonly vertices: Tensor3D;
  /** [P,V,2] crop pixels; (0,0) is the centre of the top-left pixel. */
  readonly pixels: Tensor3D;
  /** [P,V] smaller is nearer. */
  readonly depth: Tensor2D;
  /** [P,K,2] crop pixels of the points that were asked for beside the vertices, such as those of labelled keypoints. */
  readonly points?: Tensor3D;
}

/** Two tensors that belong to the first and the second frame of each pair. */
export interface PairOf<T> {
  readonly first: T;
  readonly second: T;
}

/** The frames of a batch, each once, however many pairs it is in: for cues that look at one frame, or at more than two. */
export interface FrameSet {
  readonly names: readonly FrameName[];
  /** Of F frames; carries gradient. */
  readonly predicted: PredictedFrames;
  /** [P] the places of each pair's frames. */
  readonly pairs: readonly (readonly [number, number])[];
  /** The places of every three frames of one person that follow each other at equal distance. */
  readonly triples: readonly (readonly [number, number, number])[];
  /** [F*K*3] observed keypoints: x, y in crop pixels and confidence, 0 where unknown; `predicted.points` are their joints. */
  readonly keypoints?: Float32Array;
  /** [K] where left and right of the keypoints are sides of the picture: the point that each is on a person seen from behind. */
  readonly keypointMirror?: readonly number[];
}

/** Everything a cue may look at for one batch of P pairs. `predicted` carries gradient; all else is constant. */
export interface CueInputs {
  /** Side of the square crop that the regressor sees and that `pixels` refer to. */
  readonly cropSize: number;
  /** Triangles of the mesh, three vertex indices each. */
  readonly faces: Uint32Array;
  /** P names, for reports and error messages. */
  readonly pairs: readonly PairName[];
  readonly predicted: PairOf<PredictedFrames>;
  /**
   * Observed flow, `first` = from first to second frame, `second` = back: [P,h,w,2] in pixels of that same h x w. The
   * maps span the same square as the crop and may be larger (h = w = k cropSize).
   */
  readonly flow?: PairOf<Tensor4D>;
  /** [P,cropSize,cropSize,3] in 0..1. */
  readonly images?: PairOf<Tensor4D>;
  /**
   * [P*4] left, top, right and bottom edge, in crop pixels, of the part of each crop that shows the frame: beyond it the
   * crop is black and nothing is observed. Without it every crop lies inside its frame.
   */
  readonly picture?: PairOf<Float32Array>;
  /** What the frozen copy of the regressor predicts for the same crops. */
  readonly teacher?: PairOf<FrameParameters>;
  /** A batch of labelled crops: what the regressor predicts for them and what it should. */
  readonly labelled?: LabelledPair;
  /** Augmented frames: what the regressor predicts for them, and what the teacher says of the frames as they are. */
  readonly self?: LabelledPair;
  readonly frames?: FrameSet;
}

/** What a cue cannot do without: an optional part of CueInputs, or frames in threes or with keypoints. */
export type CueNeed = "flow" | "images" | "teacher" | "labelled" | "self" | "triples" | "keypoints";

/** What a cue found, on the host: for logs and reports. */
export interface CueReport {
  /** One value per pair, NaN where the pair gave nothing; empty for cues that know no pairs. */
  readonly perPair: Float32Array;
  /** Named numbers of this step, such as a term's value or a count of rejected pairs. */
  readonly numbers: Readonly<Record<string, number>>;
}

/**
 * A cue's contribution to one step. `value` is a scalar that is always connected to the graph, 0 when nothing was
 * usable.
 */
export interface CueLoss {
  readonly value: tf.Scalar;
  readonly report: CueReport;
}

/** One source of supervision, ready to use. */
export interface Cue {
  readonly name: string;
  readonly needs: readonly CueNeed[];
  /**
   * The loss of one batch. Called inside the gradient function (so inside a tidy). Throws NonFiniteError, naming cue
   * and pair, for NaN or infinite predictions or flow, and MotionCueError when something in `needs` is missing.
   */
  loss(inputs: CueInputs): CueLoss;
}

/** How a cue is described and made: a registry entry. */
export interface CueSpec<T extends OptionTable = OptionTable> {
  readonly name: string;
  /** One sentence for the help. */
  readonly doc: string;
  /** What `--cue name` without a number means. */
  readonly weight: number;
  readonly needs: readonly CueNeed[];
  readonly options: T;
  /** Overrides of the options' defaults, by preset name. */
  readonly presets: Readonly<Record<string, Partial<OptionsOf<T>>>>;
  create(options: OptionsOf<T>): Cue;
}

/** `inputs[need]`, or MotionCueError, beginning with `where` (such as `cue flow`), when it is missing. */
export function needed<K extends Exclude<CueNeed, "triples" | "keypoints"> | "frames">(
  where: string,
  inputs: CueInputs,
  need: K,
): NonNullable<CueInputs[K]> {
  const value = inputs[need];
  if (value === undefined) throw new MotionCueError(where, `needs ${need}, which this run does not provide`);
  return value as NonNullable<CueInputs[K]>;
}

/** `video track 1 frames 10-11`, as error messages name a pair. */
export function describePair(pair: PairName | undefined): string {
  return pair ? `${pair.video} track ${pair.track} frames ${pair.frames[0]}-${pair.frames[1]}` : "unnamed pair";
}

/** A report of a cue that knows no pairs. */
export function numbersOnly(numbers: Readonly<Record<string, number>>): CueReport {
  return { perPair: new Float32Array(0), numbers };
}

/** What `frames` hold of those at `places` along the batch axis; a run of places is cut out as it lies. */
export function takeFrames<T extends FrameParameters>(frames: T, places: readonly number[]): T {
  const taken = Object.entries(frames).map(([key, value]) => [key, takeRows(value as Tensor, places)]);
  return Object.fromEntries(taken) as unknown as T;
}

/** The rows of a tensor at `places` of its first axis. */
export function takeRows<T extends Tensor>(x: T, places: readonly number[]): T {
  const [begin = 0] = places;
  if (!places.every((place, i) => place === begin + i)) return tf.gather(x, tf.tensor1d([...places], "int32"), 0);
  return tf.slice(x, [begin, ...x.shape.slice(1).map(() => 0)], [places.length, ...x.shape.slice(1)]) as T;
}
