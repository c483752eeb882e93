/** @file What a backbone is: images to feature vectors at some places of each. */
import { type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import type { BatchNormMode } from "../src/nn/batch-norm.ts";
import type { ParameterShapes, Parameters } from "../src/nn/parameters.ts";
import type { RegressorSpec } from "./regressor-spec.ts";

export interface Backbone {
  /** One sentence for the help. */
  readonly doc: string;
  /** The sizes of the published network, where they are not those of DEFAULT_SPEC. */
  readonly published: Partial<RegressorSpec>;
  /** Length of a feature vector. */
  featureCount(spec: RegressorSpec): number;
  /** Names and shapes of its weights and buffers, PyTorch layout. */
  shapes(spec: RegressorSpec): ParameterShapes;
  /** What is wrong with a specification for this backbone, if anything. */
  problem?(spec: RegressorSpec): string | undefined;
  /** The sizes that weights of these shapes have, or undefined where they are those of another network. */
  recognise(shapes: ParameterShapes): Partial<RegressorSpec> | undefined;
  /** Features [B,N,F] at N places of normalised images [B,S,S,3]. */
  features(parameters: Parameters, spec: RegressorSpec, images: Tensor4D, batchNorm: BatchNormMode): Tensor3D;
  /** The same with maps [B,h,w,K] of what can be taught to be joints, for training; not every backbone has such. */
  withMaps?(
    parameters: Parameters,
    spec: RegressorSpec,
    images: Tensor4D,
    batchNorm: BatchNormMode,
  ): { readonly features: Tensor3D; readonly maps: Tensor4D };
}

/** A feature map [B,H,W,F] as features at H*W places, row by row. */
export function places(map: Tensor4D): Tensor3D {
  const [batch, rows, columns, count] = map.shape;
  return tf.reshape(map, [batch, rows * columns, count]);
}
