/** @file Penalties: values by hand, tensors and numbers alike, gradients. */
import { beforeAll, describe, expect, it } from "vitest";
import { PENALTIES, penalised, penalisedNumber } from "../../../pipelines/cues/robust.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, tf } from "../../../src/engine/tf.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

describe.each(PENALTIES)("%s", (penalty) => {
  it("is the same for tensors and numbers, 0 at 0, rising, and never above the square", () => {
    const squared = [0, 0.01, 1, 9, 400];
    const numbers = squared.map((d2) => penalisedNumber(penalty, d2, 3));
    expectClose(penalised(penalty, tf.tensor1d(squared), 3), numbers, 1e-5);
    expect(numbers[0]).toBeCloseTo(0, 12);
    numbers.forEach((x, i) => {
      expect(x).toBeLessThanOrEqual(squared[i]!);
      if (i > 0) expect(x).toBeGreaterThan(numbers[i - 1]!);
    });
  });

  it("has the gradient of central differences", () => {
    const f = (x: Tensor) => tf.sum<tf.Scalar>(penalised(penalty, tf.square(x), 1.5));
    expectGradients(f, [tf.tensor1d([0.3, -1.4, 2.5])]);
  });
});

it("values by hand: 3-4-5 for charbonnier, half the limit at the size for gmof", () => {
  expect(penalisedNumber("none", 16, 3)).toBe(16);
  expect(penalisedNumber("charbonnier", 16, 3)).toBe(3 * 5 - 9);
  expect(penalisedNumber("gmof", 9, 3)).toBe(4.5);
  expect(penalisedNumber("gmof", 1e12, 3)).toBeCloseTo(9, 6);
});
