import { beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, tf } from "../../../src/engine/tf.ts";
import { FormatError } from "../../../src/errors.ts";
import { createAdam } from "../../../src/nn/adam.ts";
import { clipGradients, valueAndGradients } from "../../../src/nn/gradients.ts";
import {
  assignFromHost,
  type Parameters,
  parameter,
  parametersFromHost,
  parametersToHost,
} from "../../../src/nn/parameters.ts";
import { formulaTensors } from "../../support/formula.ts";

beforeAll(() => startEngine());

const fresh = () => parametersFromHost(formulaTensors({ "a.weight": [3, 2], "b.bias": [3] }));
const loss = (p: Parameters) => () =>
  tf.sum(
    tf.square(
      tf.sub(
        tf.add(
          tf.matMul(tf.tensor2d([[1, 2]]), parameter(p, "a.weight") as Tensor as tf.Tensor2D),
          parameter(p, "b.bias"),
        ),
        [1, -2, 3],
      ),
    ),
  ) as tf.Scalar;

describe("Adam", () => {
  test("two steps by hand: gradients 2, then -1, at rate 0.1", () => {
    const p = new Map([["w", tf.variable(tf.tensor1d([5]))]]);
    const adam = createAdam({ learningRate: 0.1 });
    adam.step(p, new Map([["w", tf.tensor1d([2])]]));
    // Step 1: m/(1-b1) = 2, sqrt(v/(1-b2)) = 2, so the step is the rate.
    expect(p.get("w")!.dataSync()[0]).toBeCloseTo(4.9, 6);
    adam.step(p, new Map([["w", tf.tensor1d([-1])]]));
    const m = (0.9 * 0.2 - 0.1) / (1 - 0.81);
    const v = (0.999 * 0.004 + 0.001) / (1 - 0.998001);
    expect(p.get("w")!.dataSync()[0]).toBeCloseTo(4.9 - (0.1 * m) / Math.sqrt(v), 5);
    expect(adam.steps).toBe(2);
  });

  test("is the formula for every element, also where the gradient lies in memory in another order", () => {
    const at = (phase: number) => Float32Array.from({ length: 60 }, (_, i) => Math.sin(phase + 1.7 * i));
    const [start, ...slopes] = [at(0), at(1), at(2), at(3)];
    const p = new Map([["w", tf.variable(tf.tensor3d(start, [3, 4, 5], "float32"))]]);
    const adam = createAdam({ learningRate: 0.01, beta1: 0.8 });
    const [x, m, v] = [Array.from(start), new Array(60).fill(0), new Array(60).fill(0)];
    slopes.forEach((slope, step) => {
      const gradient = tf.tidy(() => {
        const plain = tf.tensor3d(slope, [3, 4, 5], "float32");
        // The same numbers through a transposed copy: engines with views have them in another order then.
        return step === 0 ? plain : tf.transpose(tf.transpose(plain, [2, 0, 1]), [1, 2, 0]);
      });
      adam.step(p, new Map([["w", gradient]]));
      for (let i = 0; i < 60; i++) {
        m[i] = 0.8 * m[i] + 0.2 * slope[i]!;
        v[i] = 0.999 * v[i] + 0.001 * slope[i]! ** 2;
        x[i]! -= (0.01 * (m[i] / (1 - 0.8 ** (step + 1)))) / (Math.sqrt(v[i] / (1 - 0.999 ** (step + 1))) + 1e-8);
      }
    });
    p.get("w")!
      .dataSync()
      .forEach((value, i) => expect(value).toBeCloseTo(x[i]!, 5));
  });

  test("restored from its state it goes on as the uninterrupted one, bit for bit", async () => {
    const run = (p: Parameters, adam: ReturnType<typeof createAdam>, steps: number) => {
      for (let i = 0; i < steps; i++) tf.tidy(() => adam.step(p, valueAndGradients(loss(p), p).gradients));
    };
    const whole = fresh();
    run(whole, createAdam({ learningRate: 0.05 }), 7);
    const first = fresh();
    const adam = createAdam({ learningRate: 0.05 });
    run(first, adam, 3);
    const [weights, state] = [await parametersToHost(first), await adam.state()];
    const second = fresh();
    const again = createAdam({ learningRate: 0.05 });
    assignFromHost(second, weights, "test");
    again.restore(state);
    run(second, again, 4);
    expect(await parametersToHost(second)).toEqual(await parametersToHost(whole));
    expect(() => again.restore(new Map(weights))).toThrow(FormatError);
  });

  test("leaves only its moments behind, and frees them", () => {
    const p = fresh();
    const before = tf.memory().numTensors;
    const adam = createAdam({ learningRate: 0.05 });
    tf.tidy(() => adam.step(p, valueAndGradients(loss(p), p).gradients));
    expect(tf.memory().numTensors).toBe(before + 4);
    adam.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a parameter that the value does not depend on has no gradient and stays", () => {
    const p = fresh();
    p.set("idle", tf.variable(tf.tensor1d([7])));
    const { gradients } = valueAndGradients(loss(p), p);
    expect([...gradients.keys()]).toEqual(["a.weight", "b.bias"]);
    createAdam({ learningRate: 1 }).step(p, gradients);
    expect(p.get("idle")!.dataSync()[0]).toBe(7);
  });
});

test("clipGradients scales to the limit only above it", () => {
  const g = new Map([
    ["a", tf.tensor1d([3, 0])],
    ["b", tf.tensor1d([4])],
  ]);
  const tight = clipGradients(g, 1);
  expect(tight.norm.dataSync()[0]).toBeCloseTo(5, 6);
  expect([...tight.gradients.get("a")!.dataSync(), ...tight.gradients.get("b")!.dataSync()]).toEqual([
    Math.fround(0.6),
    0,
    Math.fround(0.8),
  ]);
  expect([...clipGradients(g, 10).gradients.get("b")!.dataSync()]).toEqual([4]);
});
