import { beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { type BatchNormMode, convBatchNorm } from "../../../src/nn/batch-norm.ts";
import { valueAndGradients } from "../../../src/nn/gradients.ts";
import { instanceNorm } from "../../../src/nn/instance-norm.ts";
import { conv2d, linear, maxPool3x3 } from "../../../src/nn/layers.ts";
import { type Parameters, parameter, parametersFromHost } from "../../../src/nn/parameters.ts";
import { stopGradient } from "../../../src/nn/stop-gradient.ts";
import { formulaTensors, uniform } from "../../support/formula.ts";
import { expectGradients } from "../../support/gradcheck.ts";

beforeAll(() => startEngine());

const random = (key: string, shape: number[]) => tf.tensor(Float32Array.from(uniform(key, shape)), shape);
const weights = (shapes: Record<string, number[]>) => parametersFromHost(formulaTensors(shapes));
const close = (actual: Tensor, expected: ArrayLike<number>, tolerance = 1e-5) => {
  const data = actual.dataSync();
  expect(data.length).toBe(expected.length);
  for (let i = 0; i < data.length; i++) expect(Math.abs(data[i]! - expected[i]!)).toBeLessThan(tolerance);
};

/** Cross-correlation as PyTorch defines it, written out: x [H,W,C], weight OIHW. */
function reference(
  x: number[][][],
  w: Float32Array,
  shape: number[],
  bias: ArrayLike<number>,
  stride: number,
): number[] {
  const [O, C, kh, kw] = shape as [number, number, number, number];
  const [H, W] = [x.length, x[0]!.length];
  const out: number[] = [];
  for (let r = 0; r + kh - 2 * (kh >> 1) <= H; r += stride)
    for (let q = 0; q + kw - 2 * (kw >> 1) <= W; q += stride)
      for (let o = 0; o < O; o++) {
        let sum = bias[o]!;
        for (let c = 0; c < C; c++)
          for (let i = 0; i < kh; i++)
            for (let j = 0; j < kw; j++)
              sum += (x[r + i - (kh >> 1)]?.[q + j - (kw >> 1)]?.[c] ?? 0) * w[((o * C + c) * kh + i) * kw + j]!;
        out.push(sum);
      }
  return out;
}

describe("convolution", () => {
  test.each([
    [[3, 2, 3, 3], 1],
    [[3, 2, 3, 3], 2],
    [[2, 2, 7, 7], 2],
    [[4, 2, 1, 5], 1],
    [[3, 2, 1, 1], 2],
  ])("weight %j with stride %d is PyTorch's", (shape, stride) => {
    const host = formulaTensors({ "c.weight": shape, "c.bias": [shape[0]!] });
    const parameters = parametersFromHost(host);
    const x = random("x", [1, 6, 9, 2]) as Tensor4D;
    const expected = reference(
      (x.arraySync() as number[][][][])[0]!,
      host.get("c.weight")!.data as Float32Array,
      shape,
      host.get("c.bias")!.data as Float32Array,
      stride,
    );
    close(conv2d(parameters, "c", x, { stride }), expected);
    close(
      conv2d(parameters, "c", x, { stride, activation: "relu" }),
      expected.map((v) => Math.max(0, v)),
    );
    // While gradients are recorded another path computes the same.
    const { value } = valueAndGradients(() => tf.sum(conv2d(parameters, "c", x, { stride })) as tf.Scalar, parameters);
    expect(value.dataSync()[0]).toBeCloseTo(
      expected.reduce((a, b) => a + b, 0),
      3,
    );
  });

  test("linear is x w^T + b", () => {
    const parameters = weights({ "l.weight": [3, 2], "l.bias": [3] });
    const w = parameter(parameters, "l.weight").arraySync() as number[][];
    const b = parameter(parameters, "l.bias").arraySync() as number[];
    close(
      linear(parameters, "l", tf.tensor2d([[2, -3]])),
      [0, 1, 2].map((o) => 2 * w[0]![o]! - 3 * w[1]![o]! + b[o]!),
    );
  });

  test("maxPool3x3 pads with what never wins and rounds up", () => {
    const x = tf.tensor4d([-5, -4, -3, -9, -8, -7, -1, -2, -6, -10], [1, 2, 5, 1]);
    const y = maxPool3x3(x);
    expect(y.shape).toEqual([1, 1, 3, 1]);
    close(y, [-1, -1, -6]);
  });
});

describe("batch norm", () => {
  const shapes = {
    "c.weight": [3, 2, 3, 3],
    "n.weight": [3],
    "n.bias": [3],
    "n.running_mean": [3],
    "n.running_var": [3],
  };
  const composed = (p: Parameters, x: Tensor4D, mean: Tensor, variance: Tensor) =>
    tf.add(
      tf.mul(tf.div(tf.sub(conv2d(p, "c", x), mean), tf.sqrt(tf.add(variance, 1e-5))), parameter(p, "n.weight")),
      parameter(p, "n.bias"),
    );

  test("frozen: folded equals composed, values and gradients of weight, gamma and beta", () => {
    const p = weights(shapes);
    const x = random("x", [2, 5, 4, 2]) as Tensor4D;
    const mix = random("mix", [2, 5, 4, 3]);
    const statistics = [parameter(p, "n.running_mean"), parameter(p, "n.running_var")] as const;
    const folded = valueAndGradients(
      () => tf.sum(tf.mul(mix, convBatchNorm(p, "c", "n", x, "frozen"))) as tf.Scalar,
      p,
    );
    const plain = valueAndGradients(() => tf.sum(tf.mul(mix, composed(p, x, ...statistics))) as tf.Scalar, p);
    expect([...folded.gradients.keys()]).toEqual(["c.weight", "n.weight", "n.bias"]);
    close(folded.value, plain.value.dataSync());
    for (const [key, g] of folded.gradients) close(g, plain.gradients.get(key)!.dataSync(), 1e-4);
  });

  test("batch: own statistics, and running ones move by a tenth, with n - 1 in the variance", () => {
    const p = weights(shapes);
    const x = random("x", [2, 5, 4, 2]) as Tensor4D;
    const { mean, variance } = tf.moments(conv2d(p, "c", x), [0, 1, 2]);
    const expected = composed(p, x, mean, variance).dataSync();
    const before = ["n.running_mean", "n.running_var"].map((key) => [...parameter(p, key).dataSync()]);
    close(convBatchNorm(p, "c", "n", x, "batch"), expected);
    const after = [mean.dataSync(), variance.dataSync().map((v) => (v * 40) / 39)];
    ["n.running_mean", "n.running_var"].forEach((key, k) => {
      close(
        parameter(p, key),
        before[k]!.map((v, i) => 0.9 * v + 0.1 * after[k]![i]!),
      );
    });
  });

  test.each(["frozen", "batch"] as BatchNormMode[])("%s: leaves no tensor behind under a gradient", (mode) => {
    const p = weights(shapes);
    const x = random("x", [2, 5, 4, 2]) as Tensor4D;
    const before = tf.memory().numTensors;
    const { value, gradients } = valueAndGradients(
      () => tf.sum(convBatchNorm(p, "c", "n", x, mode, { activation: "relu" })) as tf.Scalar,
      p,
    );
    tf.dispose([value, ...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("gradients of the batch's own statistics", () => {
    const mix = random("mix", [2, 3, 3, 3]);
    const x = random("x", [2, 3, 3, 2]);
    const p = weights(shapes);
    expectGradients((y) => tf.sum(tf.mul(mix, convBatchNorm(p, "c", "n", y as Tensor4D, "batch"))) as tf.Scalar, [x]);
  });
});

describe("instance norm", () => {
  test("mean 0 and population deviation 1 per image and channel", () => {
    const x = tf.tensor4d([1, 10, 3, 30, 2, 5, 6, 5], [2, 2, 1, 2]);
    close(instanceNorm(x), [-1, -1, 1, 1, -1, 0, 1, 0], 1e-4);
  });
  test("gradient", () => {
    const mix = random("mix", [2, 3, 4, 2]);
    expectGradients((x) => tf.sum(tf.mul(mix, instanceNorm(x as Tensor4D))) as tf.Scalar, [random("x", [2, 3, 4, 2])]);
  });
});

test("stopGradient cuts: d(x * stop(x)) = x", () => {
  const x = tf.tensor1d([2, -3]);
  const g = tf.grad((y) =>
    tf.sum(
      tf.mul(
        y,
        stopGradient(() => tf.square(y)),
      ),
    ),
  )(x);
  close(g, [4, 9]);
});
