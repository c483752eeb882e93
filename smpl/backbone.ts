/** @file What a backbone is: images to one feature vector each. */
import type { Tensor2D, Tensor4D } from "../src/engine/tf.ts";
import type { BatchNormMode } from "../src/nn/batch-norm.ts";
import type { ParameterShapes, Parameters } from "../src/nn/parameters.ts";

export interface Backbone {
  /** One sentence for the help. */
  readonly doc: string;
  /** Length of the feature vector for a base width. */
  featureCount(width: number): number;
  /** Names and shapes of its weights and buffers, PyTorch layout. */
  shapes(width: number): ParameterShapes;
  /** Features [B,F] of normalised images [B,S,S,3]; the width is that of the parameters. */
  features(parameters: Parameters, images: Tensor4D, batchNorm: BatchNormMode): Tensor2D;
}
