import { beforeAll, describe, expect, it } from "vitest";
import { composedLookup, correlationLookup, correlationPyramid } from "../../../flow/correlation.ts";
import { hasFused, runFused } from "../../../src/engine/custom.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { composedNorm as composedBatchNorm, normalise } from "../../../src/nn/batch-norm.ts";
import { composedNorm, instanceNorm } from "../../../src/nn/instance-norm.ts";
import { maxPool3x3 } from "../../../src/nn/layers.ts";
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

  it("batch norm: values, statistics and gradients of input, scale and offset", (context) => {
    if (!hasFused("batchNorm")) return context.skip("the running engine has no fused kernels");
    for (const shape of [
      [3, 5, 7, 4],
      [2, 1, 1, 6],
      [1, 16, 3, 33],
    ]) {
      const channels = shape[3]!;
      const inputs = [draw<Tensor4D>(shape, -2, 5), draw([channels], -1, 2), draw([channels])];
      const weights = draw(shape);
      const seen = (norm: typeof normalise) => {
        const told: Tensor[] = [];
        norm(inputs[0] as Tensor4D, inputs[1]!, inputs[2]!, (...both) => {
          told.push(...both.map((x) => tf.keep(x)));
        });
        return told;
      };
      seen(normalise).forEach((x, i) => expect(worst(x, seen(composedBatchNorm)[i]!)).toBeLessThan(1e-5));
      const value = (norm: typeof normalise) => norm(inputs[0] as Tensor4D, inputs[1]!, inputs[2]!, () => undefined);
      expect(worst(value(normalise), value(composedBatchNorm))).toBeLessThan(1e-5);
      const gradients = (norm: typeof normalise) =>
        tf.grads((x: Tensor, scale: Tensor, offset: Tensor) => {
          return tf.sum(
            tf.mul(
              weights,
              norm(x as Tensor4D, scale, offset, () => undefined),
            ),
          ) as tf.Scalar;
        })(inputs);
      const composed = gradients(composedBatchNorm);
      gradients(normalise).forEach((gradient, i) => expect(worst(gradient, composed[i]!)).toBeLessThan(3e-5));
    }
  });

  it("max pooling: values and gradient of shifted copies' maximum", () => {
    for (const [height, width] of [
      [8, 6],
      [7, 9],
      [2, 5],
      [1, 1],
    ] as const) {
      const x = draw<Tensor4D>([2, height, width, 3]);
      const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
      const composed = (z: Tensor) => {
        const spare = [2 * rows + 1 - height, 2 * columns + 1 - width] as const;
        const padded = tf.pad(z, [[0, 0], [1, spare[0]], [1, spare[1]], [0, 0]], -1e9); // biome-ignore format: a matrix
        const shifted = Array.from({ length: 9 }, (_, k) =>
          tf.stridedSlice(
            padded,
            [0, Math.floor(k / 3), k % 3, 0],
            [2, Math.floor(k / 3) + 2 * rows, (k % 3) + 2 * columns, 3],
            [1, 2, 2, 1],
          ),
        );
        return tf.max(tf.stack(shifted), 0);
      };
      expect(worst(maxPool3x3(x), composed(x))).toBe(0);
      // By hand, since a strided slice has no gradient in tfjs: each window hands its weight to its largest pixel.
      const weights = draw([2, rows, columns, 3]);
      const [values, handed] = [x.arraySync(), weights.arraySync() as number[][][][]];
      const expected = values.map((image) => image.map((row) => row.map((pixel) => pixel.map(() => 0))));
      handed.forEach((image, b) =>
        image.forEach((row, i) =>
          row.forEach((cell, j) =>
            cell.forEach((weight, c) => {
              let best = [-1, -1, -Infinity] as [number, number, number];
              for (let y = 2 * i - 1; y <= 2 * i + 1; y++)
                for (let at = 2 * j - 1; at <= 2 * j + 1; at++) {
                  const value = values[b]![y]?.[at]?.[c] ?? -Infinity;
                  if (value > best[2]) best = [y, at, value];
                }
              expected[b]![best[0]]![best[1]]![c]! += weight;
            }),
          ),
        ),
      );
      const gradient = tf.grad((z: Tensor) => tf.sum(tf.mul(weights, maxPool3x3(z as Tensor4D))))(x);
      expect(worst(gradient, tf.tensor4d(expected))).toBeLessThan(1e-6);
    }
  });

  it("relu's gradient: equal to tfjs's, nought at nought", (context) => {
    if (!hasFused("reluGradient")) return context.skip("the running engine has no fused kernels");
    const y = tf.relu(tf.concat([draw([3, 5]), tf.zeros([3, 2])], 1));
    const dy = draw([3, 7]);
    expect(worst(runFused("reluGradient", { dy, y })[0]!, tf.mul(dy, tf.step(y)))).toBe(0);
  });
});
