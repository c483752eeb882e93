/** @file What a head is: features at some places to pose, shape and camera. */
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "../src/engine/tf.ts";
import type { HostTensor } from "../src/io/host-tensor.ts";
import type { ParameterShapes, Parameters } from "../src/nn/parameters.ts";
import type { RegressorSpec } from "./regressor-spec.ts";

/** A body per image: rotations [B,24,3,3] (root in camera space), betas [B,10], camera [B,3] (scale, tx, ty). */
export type BodyPrediction = {
  readonly rotations: Tensor;
  readonly betas: Tensor2D;
  readonly camera: Tensor2D;
  /** Where the backbone has maps that can be taught to be joints, those: [B,h,w,K]. */
  readonly maps?: Tensor4D;
};

/** Dropout while training; a seed names the pattern. */
export interface Dropout {
  readonly seed: number;
  /** Probability of zeroing an activation; 0.5. */
  readonly rate?: number;
}

export interface Head {
  readonly doc: string;
  /** What the published head has, where it is not that of DEFAULT_SPEC. */
  readonly published: Partial<RegressorSpec>;
  /** Names and shapes of its weights and buffers, PyTorch layout, for features of length `featureCount`. */
  shapes(spec: RegressorSpec, featureCount: number): ParameterShapes;
  /** The sizes that weights of these shapes have, or undefined where they are those of another head. */
  recognise(shapes: ParameterShapes): Partial<RegressorSpec> | undefined;
  /** Values that random initialisation must not give, by key: the body that the head starts from. */
  fixedValues(spec: RegressorSpec): ReadonlyMap<string, HostTensor>;
  /** Factor on He's deviation for the first values of a weight. */
  gain(key: string): number;
  /** The body for features [B,N,F]. */
  estimate(parameters: Parameters, spec: RegressorSpec, features: Tensor3D, dropout?: Dropout): BodyPrediction;
}
