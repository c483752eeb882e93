/** @file Reading images at points with gradients to both: by hand, against the constant-field reader, fused against composed. */
import { beforeAll, describe, expect, it } from "vitest";
import { hasFused } from "../../../src/engine/custom.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { composedSampling, sampleBilinear, sampleImages } from "../../../src/geometry/sample.ts";
import { createRandom } from "../../../src/random.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(() => startEngine());

const random = createRandom(6, "images");
const numbers = (size: number, low: number, high: number) =>
  Float32Array.from({ length: size }, () => random.uniform(low, high));
const ways = { "as chosen": sampleImages, composed: composedSampling };

/** Two images of 4 x 5 with 3 channels; points inside, on the border, on whole pixels and far outside. */
const scene = () => {
  const images = tf.tensor4d(numbers(2 * 4 * 5 * 3, -1, 1), [2, 4, 5, 3]);
  const at = numbers(2 * 9 * 2, -1.4, 5.6);
  at.set([0, 0, 4, 3, -0.5, 1, 2, 3.5, 70, -90, 2, 1]);
  return { images, points: tf.tensor3d(at, [2, 9, 2]), at };
};

describe.each(Object.entries(ways))("sampleImages, %s", (_, sample) => {
  it("agrees with the reader of constant fields, image by image, in value and slopes", () => {
    const { images, points, at } = scene();
    const values = sample(images, points);
    const weights = tf.tensor3d(numbers(54, -1, 1), [2, 9, 3]);
    const slopes = tf.grad((p: Tensor) => tf.sum(tf.mul(weights, sample(images, p as Tensor3D))))(points);
    const [data, w] = [images.dataSync<"float32">(), weights.dataSync()];
    for (const image of [0, 1]) {
      const field = { data: data.slice(60 * image, 60 * (image + 1)), height: 4, width: 5, channels: 3 };
      const expected = sampleBilinear(field, at.slice(18 * image, 18 * (image + 1)));
      expectClose(values.dataSync().slice(27 * image, 27 * (image + 1)), expected.values, 1e-6);
      const along = Array.from({ length: 18 }, (_unused, i) =>
        [0, 1, 2].reduce((sum, c) => {
          const value = 3 * (i >> 1) + c;
          return sum + w[27 * image + value]! * expected.slopes[2 * value + (i & 1)]!;
        }, 0),
      );
      expectClose(slopes.dataSync().slice(18 * image, 18 * (image + 1)), along, 1e-5);
    }
  });

  it("has the gradients of central differences in images and points", () => {
    const images = tf.tensor4d(numbers(2 * 3 * 4 * 2, -1, 1), [2, 3, 4, 2]);
    // Away from whole pixels, where the slope jumps.
    const places = Array.from({ length: 20 }, () => random.integer(5) - 1 + random.uniform(0.2, 0.8));
    const weights = tf.tensor3d(numbers(20, -1, 1), [2, 5, 2]);
    expectGradients(
      (i, p) => tf.sum(tf.mul(weights, tf.square(sample(i as Tensor4D, p as Tensor3D)))) as tf.Scalar,
      [images, tf.tensor3d(places, [2, 5, 2])],
    );
  });

  it("gives NaN for points that are not finite, without touching others", () => {
    const points = tf.tensor3d([Number.NaN, 1, 1, Number.POSITIVE_INFINITY, 1e30, -1e30, 1, 2], [1, 4, 2]);
    const image = tf.tensor4d(Array.from({ length: 12 }, (_unused, i) => i), [1, 3, 4, 1]); // biome-ignore format: one thought
    expectClose(sample(image, points), [Number.NaN, Number.NaN, 0, 9]);
  });
});

describe("sampleImages", () => {
  it("is fused as composed, for one image and many channels", ({ skip }) => {
    if (!hasFused("sampleImages")) skip("the running engine has no fused kernels");
    for (const [batch, height, width, channels, count] of [
      [1, 1, 1, 1, 5],
      [3, 6, 2, 19, 40],
    ] as const) {
      // biome-ignore format: pairs
      const images = tf.tensor4d(numbers(batch * height * width * channels, -1, 1), [batch, height, width, channels]);
      const points = tf.tensor3d(numbers(batch * count * 2, -2, 7), [batch, count, 2]);
      const weights = tf.tensor3d(numbers(batch * count * channels, -1, 1), [batch, count, channels]);
      expectClose(sampleImages(images, points), composedSampling(images, points).dataSync(), 1e-6);
      const gradients = (sample: typeof sampleImages) =>
        tf.grads((i: Tensor, p: Tensor) => tf.sum(tf.mul(weights, sample(i as Tensor4D, p as Tensor3D))) as tf.Scalar)([
          images,
          points,
        ]);
      const expected = gradients(composedSampling);
      gradients(sampleImages).forEach((gradient, i) => expectClose(gradient, expected[i]!.dataSync(), 1e-5));
    }
  });

  it("refuses points that do not fit", () => {
    expect(() => sampleImages(tf.zeros([2, 3, 3, 1]), tf.zeros([1, 4, 2]))).toThrow(/\[2, N, 2\].*\[1, 4, 2\]/);
  });
});
