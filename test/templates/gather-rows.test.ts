import { beforeAll, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { gatherRows } from "../../templates/gather-rows.ts";
import { expectClose } from "../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

it("takes rows, and gives each row the sum of the gradients of its copies", () => {
  const table = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const index = tf.tensor1d([2, 0, 2], "int32");
  expectClose(gatherRows(table, index), [5, 6, 1, 2, 5, 6]);
  const weights = tf.tensor2d([1, 10, 100, 1000, 0.5, 0.25], [3, 2]);
  const gradient = tf.grad((x) => tf.sum(tf.mul(gatherRows(x, index), weights)))(table);
  expectClose(gradient, [100, 1000, 0, 0, 1.5, 10.25]);
  expect(gatherRows(tf.tensor1d([7, 8]), tf.tensor1d([1, 1], "int32")).dataSync()).toEqual(Float32Array.of(8, 8));
});
