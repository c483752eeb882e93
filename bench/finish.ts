/** @file Waiting for the engine: a timed call ends when its results are there. */
import { type Tensor, tf } from "../src/engine/tf.ts";

/** Returns when the tensors are computed, by reading one number of each; devices that compute later are waited for. */
export function finish(...tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), 0, 1).dataSync());
}
