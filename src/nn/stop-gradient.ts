/** @file Cutting a value out of the gradient tape. */
import { type Tensor, tf } from "../engine/tf.ts";

/** The value of `f()` as a constant: nothing computed inside is recorded, so no gradient and no work flows back through it. */
export function stopGradient<T extends Tensor>(f: () => T): T {
  // The recorded operation has a constant as its only input, so the tape's filter finds no path to any variable.
  return tf.tidy(() => {
    const cut = tf.customGrad((unused: Tensor | tf.GradSaveFunc) => ({
      value: f(),
      gradFunc: () => tf.zerosLike(unused as Tensor),
    }));
    return cut(tf.scalar(0)) as T;
  });
}

/** Whether operations are being recorded for a gradient right now. */
export function isRecording(): boolean {
  return tf.engine().state.gradientDepth > 0;
}
