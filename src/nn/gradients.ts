/** @file Gradients of a scalar with respect to named parameters. */
import { type Tensor, tf } from "../engine/tf.ts";
import { type Parameters, trainable } from "./parameters.ts";
import { reverseGradients } from "./reverse-pass.ts";

/** A scalar and its gradients by parameter key. Parameters that the scalar does not depend on have no entry. */
export interface ValueAndGradients {
  readonly value: tf.Scalar;
  readonly gradients: Map<string, Tensor>;
}

/** The value of `f` and its gradients for the trainable ones of `parameters`; the caller disposes all of them. */
export function valueAndGradients(f: () => tf.Scalar, parameters: Parameters): ValueAndGradients {
  const chosen = [...trainable(parameters)];
  const { value, gradients } = reverseGradients(f, chosen.map(([, variable]) => variable)); // biome-ignore format: one thought
  const found = gradients.flatMap((gradient, i) => (gradient ? [[chosen[i]![0], gradient] as const] : []));
  return { value, gradients: new Map(found) };
}

/** The root of the summed squares of all gradients, a scalar. */
export function globalNorm(gradients: ReadonlyMap<string, Tensor>): tf.Scalar {
  return tf.tidy(() => {
    const squares = [...gradients.values()].map((gradient) => tf.sum(tf.square(gradient)));
    return tf.sqrt(tf.addN(squares)) as tf.Scalar;
  });
}

/** New gradients whose global norm is at most `limit`, and the norm before. A non-finite norm makes all of them NaN. */
export function clipGradients(
  gradients: ReadonlyMap<string, Tensor>,
  limit: number,
): { readonly gradients: Map<string, Tensor>; readonly norm: tf.Scalar } {
  const norm = globalNorm(gradients);
  const clipped = tf.tidy(() => {
    const factor = tf.div(limit, tf.maximum(norm, limit));
    return Object.fromEntries([...gradients].map(([key, gradient]) => [key, tf.mul(gradient, factor)]));
  });
  return { gradients: new Map(Object.entries(clipped)), norm };
}

/** Frees all tensors of a map. */
export function disposeGradients(gradients: Map<string, Tensor>): void {
  for (const gradient of gradients.values()) gradient.dispose();
  gradients.clear();
}
