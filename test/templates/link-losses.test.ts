import { beforeAll, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { linkLengthLoss, linkStiffness } from "../../templates/link-losses.ts";
import { unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";

let weights: Tensor;
beforeAll(async () => {
  await startEngine();
  weights = tf.tensor1d([2, 1, 0.5]);
});

// Three points, links 0-1, 0-2, 1-2 in this order.
const PRIOR = [0, 0, 0.3, 0.4, 0, 0.5];

it("link lengths are compared with the prior's, whatever their directions", () => {
  const prior = tf.tensor2d(PRIOR, [3, 2]);
  // The first link is turned, the second twice as long; the third is sqrt(0.25 + 1) instead of sqrt(0.1) long.
  const points = tf.tensor3d([0, 0, 0.5, 0, 0, 1], [1, 3, 2]);
  const expected = 2 * 0 + 1 * 0.5 + 0.5 * (Math.sqrt(1.25) - Math.sqrt(0.1));
  expect(linkLengthLoss(prior, points, weights).dataSync()[0]).toBeCloseTo(expected, 5);
});

it("link stiffness counts turns and stretches of links, as shares of their length, and no shift", () => {
  const placed = tf.tensor3d(PRIOR, [1, 3, 2]);
  expect(linkStiffness(placed, tf.add(placed, 0.3) as Tensor3D, weights).dataSync()[0]).toBeCloseTo(0, 6);
  // Point 1 goes by (0.2, -0.4): link 0 changes by 0.2 in square, link 2 as well, link 1 not at all.
  const points = tf.tensor3d([0, 0, 0.5, 0, 0, 0.5], [1, 3, 2]);
  const expected = (2 * (0.2 / 0.251) + 0.5 * (0.2 / 0.101)) / 3.5;
  expect(linkStiffness(placed, points, weights).dataSync()[0]).toBeCloseTo(expected, 5);
});

it("both have the gradients of their values", () => {
  const [placed, points] = ["placed", "points"].map((key) => tf.tensor3d([...unit(key, 12)], [2, 3, 2])) as [
    Tensor,
    Tensor,
  ];
  const stiffness = (before: Tensor, after: Tensor) => linkStiffness(before as Tensor3D, after as Tensor3D, weights);
  expectGradients(stiffness, [placed, points]);
  const length = (prior: Tensor, after: Tensor) => linkLengthLoss(prior as Tensor2D, after as Tensor3D, weights);
  expectGradients(length, [tf.tensor2d(PRIOR, [3, 2]), points]);
});
