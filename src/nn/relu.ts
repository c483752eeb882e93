/** @file max(0, x) with a gradient in one pass. */
import { hasFused, runFused } from "../engine/custom.ts";
import { type Tensor, tf } from "../engine/tf.ts";
import { isRecording } from "./stop-gradient.ts";

/** max(0, x). tfjs's own gradient makes three passes over the data (step, cast, product); the fused one makes one. */
export function relu<T extends Tensor>(x: T): T {
  if (!isRecording() || !hasFused("reluGradient")) return tf.relu(x);
  const rectify = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [Tensor, tf.GradSaveFunc];
    const y = tf.relu(input);
    save([y]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      runFused("reluGradient", { dy, y: saved[0] as Tensor })[0] as Tensor;
    return { value: y, gradFunc };
  });
  return rectify(x) as T;
}
