/**
 * @file Weights between those of two networks: a teacher that follows the network it teaches (Tarvainen & Valpola 2017), and a
 * refined network on the way back to what it was (Wortsman et al. 2022).
 */
import { tf } from "../../src/engine/tf.ts";
import { type Parameters, parameter, trainable } from "../../src/nn/parameters.ts";

/** Moves the trainable ones of `parameters` to keep * parameters + (1 - keep) * goal. */
export function moveWeights(parameters: Parameters, goal: Parameters, keep: number): void {
  for (const [key, variable] of trainable(parameters)) {
    tf.tidy(() => {
      const end = parameter(goal, key);
      variable.assign(tf.add(variable, tf.mul(tf.sub(end, variable), 1 - keep)));
    });
  }
}
