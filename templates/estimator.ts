/** @file What a template estimator is: a network that finds keypoints and learns from pictures without labels. */
import type { Tensor2D, Tensor3D, Tensor4D, tf } from "../src/engine/tf.ts";
import type { Parameters } from "../src/nn/parameters.ts";
import type { OptionTable } from "../src/options.ts";
import type { FeatureFunction } from "./perceptual.ts";

/** Pictures to reconstruct, and pictures with the same background and person to take appearance from; [B,S,S,3] in 0..1. */
export interface TemplateBatch {
  readonly images: Tensor4D;
  readonly references: Tensor4D;
  /** What stands still behind the person, where that is known: silhouettes count only with it. See `stillBackground`. */
  readonly backgrounds?: Tensor4D;
}

/** Scalars by name: `total` is what to minimise, the others are its terms before weighting. */
export interface TemplateLoss {
  readonly total: tf.Scalar;
  readonly [term: string]: tf.Scalar;
}

/** What is found in pictures of the estimator's size. */
export interface TemplateKeypoints {
  /** [B,J,2] (x, y) in pixels, in the order of `jointNames`. */
  readonly keypoints: Tensor3D;
  /** [B,A,2] (x, y) in pixels, where the estimator moves parts. */
  readonly anchors?: Tensor3D;
}

/** Pictures for people to look at. */
export interface TemplateDrawing {
  /** [B,S,S,3] in 0..1, where pictures are reconstructed at all. */
  readonly reconstruction?: Tensor4D;
  /** [B,S,S,K]: each moved part, or the one link heat map. */
  readonly shapes: Tensor4D;
}

/** The general pose that predictions start from. */
export interface TemplatePrior {
  /** [J,2] (x, y) in pixels. */
  readonly points: Tensor2D;
  /** [J,J] weights of the links, where they are learnt. */
  readonly links?: Tensor2D;
}

export interface TemplateEstimator {
  /** Side of its pictures in pixels. */
  readonly size: number;
  readonly jointNames: readonly string[];
  /** Everything that training changes, and that a checkpoint must hold. */
  readonly parameters: Parameters;
  /**
   * The losses of a batch, in training mode: running statistics and codes move. Call it under
   * `valueAndGradients(() => loss(batch).total, parameters)`.
   */
  loss(batch: TemplateBatch): TemplateLoss;
  /** Keypoints in images [B,S,S,3]; nothing moves. */
  infer(images: Tensor4D): TemplateKeypoints;
  /** Keypoints of each iteration where pictures have hidden parts: what is reconstructed is looked at again. */
  inferIteratively?(images: Tensor4D, iterations: number): TemplateKeypoints[];
  draw(batch: TemplateBatch): TemplateDrawing;
  prior(): TemplatePrior;
  /** Frees its parameters. */
  dispose(): void;
}

/** How to train an estimator; a trainer may change any of it. */
export interface TemplateTraining {
  readonly learningRate: number;
  readonly batchSize: number;
  /** Steps, or else epochs. */
  readonly steps?: number;
  readonly epochs?: number;
  /** `frame`: another frame of the same video and crop window; `masked`: the picture itself, REFERENCE_MASK hidden. */
  readonly reference: "frame" | "masked";
  /** Mirrored copies of all pairs are trained on, too. */
  readonly mirrored: boolean;
  /** Largest share by which the colours of a pair are changed, both alike; 0 unless given. */
  readonly jitter?: number;
}

/** What the presets `default` share. */
export const DEFAULT_TRAINING = {
  learningRate: 2e-3,
  batchSize: 16,
  steps: 3500,
  reference: "frame",
  jitter: 0.15,
} as const satisfies Omit<TemplateTraining, "mirrored">;

export type TemplatePreset = "paper" | "default";

/** What an estimator needs besides its options. */
export interface TemplateSetting {
  /** Seed of the first weights; 0. */
  readonly seed?: number;
  /** Features for the perceptual loss: needed to train with a `perceptualWeight` above 0, not to infer. */
  readonly features?: FeatureFunction;
}

/** One entry of the registry. */
export interface TemplateEstimatorKind {
  /** One sentence for the help, with the source. */
  readonly doc: string;
  readonly options: OptionTable;
  /** Options that differ from the table's defaults: `paper` as published, `default` none. */
  readonly presets: Readonly<Record<TemplatePreset, Readonly<Record<string, unknown>>>>;
  readonly training: Readonly<Record<TemplatePreset, TemplateTraining>>;
  /** A new estimator with first weights; throws OptionError for options that cannot be used. */
  create(options: Readonly<Record<string, unknown>>, setting?: TemplateSetting): TemplateEstimator;
}
