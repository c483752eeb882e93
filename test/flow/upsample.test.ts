import { beforeAll, expect, test } from "vitest";
import { upsampleBilinear, upsampleConvex } from "../../flow/upsample.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { uniform } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";

beforeAll(() => startEngine());

const random = (key: string, shape: number[]) =>
  tf.tensor(Float32Array.from(uniform(key, shape)), shape as [number, number, number, number]) as Tensor4D;

test("bilinear up-sampling aligns corners and scales the vectors by 8", () => {
  const flow = random("flow", [1, 2, 3, 2]);
  const [small, large] = [flow.arraySync(), upsampleBilinear(flow).arraySync()];
  expect(large[0]!.length).toBe(16);
  expect(large[0]![0]!.length).toBe(24);
  expect(large[0]![15]![23]![1]).toBeCloseTo(8 * small[0]![1]![2]![1]!, 4);
  // Row 3 of 15 is 0.2 of the way down, column 23/2 would be the middle: column 5 is at 10/23.
  const [fy, fx] = [3 / 15, (5 * 2) / 23];
  const top = (1 - fx) * small[0]![0]![0]![0]! + fx * small[0]![0]![1]![0]!;
  const bottom = (1 - fx) * small[0]![1]![0]![0]! + fx * small[0]![1]![1]![0]!;
  expect(large[0]![3]![5]![0]).toBeCloseTo(8 * ((1 - fy) * top + fy * bottom), 4);
});

test("convex up-sampling weighs the 3x3 neighbours, zero outside, by the softmax of its own fine pixel", () => {
  const [h, w] = [2, 3];
  const [flow, mask] = [random("flow", [2, h, w, 2]), random("mask", [2, h, w, 576])];
  const fine = upsampleConvex(flow, mask).arraySync();
  const [f, m] = [flow.arraySync(), mask.arraySync()];
  for (const [b, y, x, u, v] of [
    [0, 0, 0, 0, 0],
    [1, 1, 2, 3, 6],
    [1, 0, 1, 7, 2],
  ] as const) {
    const logits = Array.from({ length: 9 }, (_, k) => Math.exp(m[b]![y]![x]![k * 64 + u * 8 + v]!));
    const total = logits.reduce((s, e) => s + e, 0);
    for (const c of [0, 1]) {
      const expected = logits.reduce((sum, e, k) => {
        const neighbour = f[b]![y + Math.floor(k / 3) - 1]?.[x + (k % 3) - 1]?.[c] ?? 0;
        return sum + (e / total) * 8 * neighbour;
      }, 0);
      expect(fine[b]![8 * y + u]![8 * x + v]![c]).toBeCloseTo(expected, 4);
    }
  }
});

test("gradients of both", () => {
  const mix = random("mix", [1, 16, 16, 2]);
  expectGradients(
    (flow) => tf.mean(tf.mul(mix, upsampleBilinear(flow as Tensor4D))) as tf.Scalar,
    [random("flow", [1, 2, 2, 2])],
  );
  expectGradients(
    (flow, mask) => tf.mean(tf.mul(mix, upsampleConvex(flow as Tensor4D, mask as Tensor4D))) as tf.Scalar,
    [random("flow", [1, 2, 2, 2]), random("mask", [1, 2, 2, 576])],
    { step: 0.1 },
  );
});
