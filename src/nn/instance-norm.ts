/** @file Instance normalisation without parameters. */
import { hasFused, runFused } from "../engine/custom.ts";
import { type Tensor, type Tensor4D, tf } from "../engine/tf.ts";

/** [B,H,W,C] with every channel of every image at mean 0 and population variance 1 (plus epsilon). Ulyanov et al. 2016. */
export function instanceNorm(x: Tensor4D, epsilon = 1e-5): Tensor4D {
  return hasFused("instanceNorm") ? fusedNorm(x, epsilon) : composedNorm(x, epsilon);
}

function fusedNorm(x: Tensor4D, epsilon: number): Tensor4D {
  const norm = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [Tensor, tf.GradSaveFunc];
    const [y, rstd] = runFused("instanceNorm", { x: input }, { epsilon }) as [Tensor, Tensor];
    save([y, rstd]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      runFused("instanceNormGradient", { dy, y: saved[0] as Tensor, rstd: saved[1] as Tensor })[0] as Tensor;
    return { value: y, gradFunc };
  });
  return norm(x) as Tensor4D;
}

/** The same in tfjs operations, for engines without the fused kernel. */
export function composedNorm(x: Tensor4D, epsilon: number): Tensor4D {
  return tf.tidy(() => {
    const centred = tf.sub(x, tf.mean(x, [1, 2], true));
    const variance = tf.mean(tf.square(centred), [1, 2], true);
    return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))) as Tensor4D;
  });
}
