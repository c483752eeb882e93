import { beforeAll, expect, test } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, tf } from "../../../src/engine/tf.ts";
import { initialValues } from "../../../src/nn/init.ts";
import { countScalars, disposeParameters, type Parameters, parametersFromHost } from "../../../src/nn/parameters.ts";
import { poseNet, poseNetShapes } from "../../../templates/nets/pose-net.ts";
import { expectGradients } from "../../support/gradcheck.ts";

beforeAll(() => startEngine());

const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 2));

test("of published size it has the published weights", () => {
  const spec = { inputs: 32, outputs: 48, width: 1024, blocks: 2, norm: true };
  // 16 joints: 32 to 1024, four times 1024 to 1024, 1024 to 48, with biases, and four numbers of norm per layer's number.
  const trained = 33 * 1024 + 4 * 1025 * 1024 + 1025 * 48 + 5 * 2 * 1024;
  expect(countScalars(poseNetShapes("lifter", spec))).toBe(trained + 5 * 2 * 1024);
});

test("is linear, norm, relu, and blocks that add their input, by hand", () => {
  const spec = { inputs: 2, outputs: 1, width: 2, blocks: 1, norm: true };
  const parameters = parametersFromHost(initialValues(poseNetShapes("n", spec), 1));
  const set = (key: string, values: number[], shape: number[]) => parameters.get(key)!.assign(tf.tensor(values, shape));
  // Weights as [1,1,in,out].
  set("n.start.weight", [1, 2, -1, 0.5], [1, 1, 2, 2]);
  set("n.start.bias", [0.5, 0], [2]);
  set("n.start.norm.running_mean", [0.25, -1], [2]);
  set("n.start.norm.running_var", [4, 1], [2]);
  set("n.block0.first.weight", [1, 0, 0, -1], [1, 1, 2, 2]);
  set("n.block0.second.weight", [0, 3, 2, 0], [1, 1, 2, 2]);
  set("n.end.weight", [1, 10], [2, 1]);
  set("n.end.bias", [100], [1]);
  const x = tf.tensor2d([[3, 1], [-2, 2]]); // biome-ignore format: two
  // Start: (x - y + 0.5 - 0.25) / 2 and 2 x + y / 2 + 1, rectified: (1.125, 7.5), (0, 0).
  // Block: first (1.125, 0), second (0, 3.375), added: (1.125, 10.875).
  expect([...poseNet(parameters, "n", spec, x, { norm: "frozen" }).dataSync()]).toEqual(
    near([100 + 1.125 + 108.75, 100]),
  );
  disposeParameters(parameters);
});

test("drops the share of numbers that it is told, the same for the same seed", () => {
  const spec = { inputs: 3, outputs: 200, width: 50, blocks: 0, norm: false };
  const parameters = parametersFromHost(initialValues(poseNetShapes("n", spec), 2));
  const run = (seed: string) => [
    ...poseNet(parameters, "n", spec, tf.ones([1, 3]), { norm: "frozen", dropout: { rate: 0.5, seed } }).dataSync(),
  ];
  expect(run("a")).toEqual(run("a"));
  expect(run("a")).not.toEqual(run("b"));
  disposeParameters(parameters);
});

test.each([true, false])("has the gradient of central differences, norm %s", (norm) => {
  const spec = { inputs: 3, outputs: 2, width: 4, blocks: 1, norm };
  const first = initialValues(poseNetShapes("n", spec), 7);
  const x = tf.tensor2d(Array.from({ length: 18 }, (_, i) => Math.sin(3 * i)), [6, 3]); // biome-ignore format: one line
  const parameters: Parameters = parametersFromHost(first);
  for (const key of ["n.start.weight", "n.block0.second.weight", "n.end.bias"]) {
    const f = (value: Tensor) => {
      const replaced = new Map(parameters).set(key, value as tf.Variable);
      return tf.sum(tf.square(poseNet(replaced, "n", spec, x as Tensor2D, { norm: "batch" }))) as tf.Scalar;
    };
    expectGradients(f, [tf.clone(parameters.get(key)!)], { step: 2e-3, tolerance: 2e-2 });
  }
});
