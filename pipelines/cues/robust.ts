/** @file Penalties of squared distances that let outliers pull less, for tensors and for numbers. */
import { type Tensor, tf } from "../../src/engine/tf.ts";

/** none: the square itself; charbonnier: linear beyond `size`; gmof: levels off beyond it (Geman & McClure 1987). */
export const PENALTIES = ["none", "charbonnier", "gmof"] as const;
export type Penalty = (typeof PENALTIES)[number];

/**
 * rho of squared distances d^2, in their unit: charbonnier e sqrt(d^2 + e^2) - e^2, gmof e^2 d^2 / (e^2 + d^2), e being
 * `size`, the distance at which a penalty leaves the square. Near 0 they are d^2 / 2 and d^2. Differentiable.
 */
export function penalised<T extends Tensor>(penalty: Penalty, squared: T, size: number): T {
  const e2 = size ** 2;
  switch (penalty) {
    case "none":
      return squared;
    case "charbonnier":
      return tf.sub<T>(tf.mul(tf.sqrt(tf.add(squared, e2)), size), e2);
    case "gmof":
      return tf.div<T>(tf.mul(squared, e2), tf.add(squared, e2));
    default:
      return penalty satisfies never;
  }
}

/** penalised for one number. */
export function penalisedNumber(penalty: Penalty, squared: number, size: number): number {
  const e2 = size ** 2;
  switch (penalty) {
    case "none":
      return squared;
    case "charbonnier":
      return size * Math.sqrt(squared + e2) - e2;
    case "gmof":
      return (squared * e2) / (squared + e2);
    default:
      return penalty satisfies never;
  }
}
