/** @file From flow at an eighth of the size to full size. */
import { hasFused, registerFusedGradient, runFused } from "../src/engine/custom.ts";
import { type Tensor, type Tensor4D, tf } from "../src/engine/tf.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";

const FACTOR = 8;

/** Flow [B,h,w,2] in its own pixels, bilinearly enlarged to [B,8h,8w,2] with corners aligned, in pixels of the result. */
export function upsampleBilinear(flow: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [, h, w] = flow.shape;
    return tf.image.resizeBilinear(tf.mul(flow, FACTOR) as Tensor4D, [FACTOR * h, FACTOR * w], true);
  });
}

/**
 * Flow [B,h,w,2] as [B,8h,8w,2]: every fine pixel is a convex combination of the 3x3 coarse neighbours (zero outside)
 * with softmax weights from `mask` [B,h,w,9*64], whose channel is (neighbour, fine row, fine column). Teed & Deng 2020, 3.3.
 */
export function upsampleConvex(flow: Tensor4D, mask: Tensor4D): Tensor4D {
  if (hasFused("convexUpsample")) return runFused("convexUpsample", { flow, mask })[0] as Tensor4D;
  return composedConvex(flow, mask);
}

registerFusedGradient("convexUpsample", {
  inputs: ["flow", "mask"],
  gradient: ([dy], [flow, mask]) => {
    const inputs = { dy: dy!, flow: flow!, mask: mask! };
    const [dFlow, dMask] = runFused("convexUpsampleGradient", inputs) as [Tensor, Tensor];
    return { flow: () => dFlow, mask: () => dMask };
  },
});

/** The same in tfjs operations, for engines without the fused kernel. */
export function composedConvex(flow: Tensor4D, mask: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [batch, h, w] = flow.shape;
    const cells = batch * h * w;
    const logits = tf.reshape(mask, [cells, 9, FACTOR * FACTOR]);
    // A softmax over the neighbours, normalised after the sum; taking the largest off first keeps it finite.
    const weights = tf.exp(
      tf.sub(
        logits,
        stopGradient(() => tf.max(logits, 1, true)),
      ),
    );
    const total = tf.sum(weights, 1);
    const padded = tf.pad(tf.mul(flow, FACTOR), [[0, 0], [1, 1], [1, 1], [0, 0]]); // biome-ignore format: a matrix
    const neighbours = Array.from({ length: 9 }, (_, k) =>
      tf.slice(padded, [0, Math.floor(k / 3), k % 3, 0], [batch, h, w, 2]),
    );
    const values = tf.reshape(tf.stack(neighbours, 3), [cells, 9, 2]);
    const component = (c: number) => {
      const own = tf.slice(values, [0, 0, c], [cells, 9, 1]);
      return tf.div(tf.sum(tf.mul(weights, own), 1), total);
    };
    const fine = tf.reshape(tf.stack([component(0), component(1)], 2), [batch, h, w, FACTOR, FACTOR, 2]);
    return tf.reshape(tf.transpose(fine, [0, 1, 3, 2, 4, 5]), [batch, FACTOR * h, FACTOR * w, 2]) as Tensor4D;
  });
}
