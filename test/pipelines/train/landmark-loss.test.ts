/** @file The lesson of landmarks, worked out by hand. */
import { beforeAll, expect, test } from "vitest";
import { landmarkLoss } from "../../../pipelines/train/landmark-loss.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";

beforeAll(async () => {
  await startEngine();
});

/** Joint 5 at (x, y) of the unit square, all others unknown. */
function joints(x: number, y: number, confidence = 1) {
  const values = new Float32Array(24 * 3);
  values.set([x, y, confidence], 3 * 5);
  return tf.tensor3d(values, [1, 24, 3]);
}

test("flat maps say nothing: the logarithm of the number of cells", () => {
  const loss = landmarkLoss(tf.zeros([1, 4, 8, 30]), joints(0.1, -0.2));
  expect(loss.dataSync()[0]).toBeCloseTo(Math.log(32), 5);
});

test("a joint between cells is shared among them, columns before rows", () => {
  // x = 0 lies between columns 3 and 4 of 8; y = 0.25 at row 2 of 4 exactly. Map 5 favours row 2, column 4.
  const maps = tf.buffer([1, 4, 8, 24]);
  maps.set(3, 0, 2, 4, 5);
  const whole = Math.log(31 + Math.exp(3));
  const expected = 0.5 * whole + 0.5 * (whole - 3);
  expect(landmarkLoss(maps.toTensor() as tf.Tensor4D, joints(0, 0.25)).dataSync()[0]).toBeCloseTo(expected, 4);
});

test("what is unknown or outside counts nothing, and the gradient then is zero", () => {
  for (const place of [joints(0, 0, 0), joints(1.5, 0), joints(Number.NaN, 0)]) {
    const gradient = tf.grad((maps) => landmarkLoss(maps as tf.Tensor4D, place))(tf.randomNormal([1, 4, 8, 24]));
    expect(Math.max(...tf.abs(gradient).dataSync())).toBe(0);
  }
});
