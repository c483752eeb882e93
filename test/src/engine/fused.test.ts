import { beforeAll, describe, expect, it } from "vitest";
import { composedLookup, correlationLookup, correlationPyramid } from "../../../flow/correlation.ts";
import { hasFused } from "../../../src/engine/custom.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { composedNorm, instanceNorm } from "../../../src/nn/instance-norm.ts";
import { createRandom } from "../../../src/random.ts";

const random = createRandom(3, "fused");
const draw = <T extends Tensor>(shape: number[], low = -1, high = 1): T => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.uniform(low, high)),
    shape,
  ) as T;
};
const worst = (a: Tensor, b: Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;

beforeAll(() => startEngine());

describe("fused kernels against their composed fallbacks", () => {
  it("correlation look-up: values, and gradients of both feature maps", (context) => {
    if (!hasFused("correlationLookup")) return context.skip("the running engine has no fused kernels");
    const [first, second] = [draw<Tensor4D>([2, 5, 7, 6]), draw<Tensor4D>([2, 5, 7, 6])];
    // Some windows lie partly or fully outside, at fractional places.
    const coords = draw<Tensor4D>([2, 5, 7, 2], -4, 10);
    const weights = draw([2, 5, 7, 2 * 25]);
    const loss = (lookup: typeof composedLookup) => (a: Tensor, b: Tensor) =>
      tf.sum(tf.mul(weights, lookup(correlationPyramid(a as Tensor4D, b as Tensor4D, 2), coords, 2))) as tf.Scalar;
    const pyramid = correlationPyramid(first, second, 2);
    expect(worst(correlationLookup(pyramid, coords, 2), composedLookup(pyramid, coords, 2))).toBeLessThan(1e-5);
    const fused = tf.grads(loss(correlationLookup))([first, second]);
    const composed = tf.grads(loss(composedLookup))([first, second]);
    fused.forEach((gradient, i) => expect(worst(gradient, composed[i]!)).toBeLessThan(2e-5));
  });

  it("instance norm: values and gradient", (context) => {
    if (!hasFused("instanceNorm")) return context.skip("the running engine has no fused kernels");
    const x = draw<Tensor4D>([3, 9, 11, 5], -2, 3);
    const weights = draw([3, 9, 11, 5]);
    expect(worst(instanceNorm(x), composedNorm(x, 1e-5))).toBeLessThan(2e-6);
    const gradient = (norm: (x: Tensor4D, epsilon: number) => Tensor4D) =>
      tf.grad((z: Tensor) => tf.sum(tf.mul(weights, norm(z as Tensor4D, 1e-5))))(x);
    expect(worst(gradient(instanceNorm), gradient(composedNorm))).toBeLessThan(1e-5);
  });
});
