import { beforeAll, expect, it } from "vitest";
import { openFeatures } from "../../../pipelines/templates/features.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { perceptualLoss } from "../../../templates/perceptual.ts";

beforeAll(async () => {
  await startEngine();
});

it("the shipped regressor's features see pictures at three sizes, and pull pictures towards others", async () => {
  const { features, name, dispose } = await openFeatures(undefined, "vgg16-4");
  expect(name).toMatch(/shipped regressor/);
  const images = tf.randomUniform<tf.Rank.R4>([2, 32, 32, 3], 0, 1, "float32", 1);
  const target = tf.randomUniform<tf.Rank.R4>([2, 32, 32, 3], 0, 1, "float32", 2);
  const maps = features(images);
  expect(maps.map(({ shape }) => shape.slice(0, 3))).toEqual([
    [2, 16, 16],
    [2, 8, 8],
    [2, 4, 4],
  ]);
  const loss = (x: Tensor4D) => perceptualLoss(features, x, target);
  const gradient = tf.grad((x) => loss(x as Tensor4D))(images);
  const moved = tf.tidy(
    () => tf.sub(images, tf.mul(gradient, 0.1 / tf.max(tf.abs(gradient)).dataSync()[0]!)) as Tensor4D,
  );
  expect(loss(moved).dataSync()[0]).toBeLessThan(loss(images).dataSync()[0]!);
  expect(loss(target).dataSync()[0]).toBe(0);
  dispose();
});
