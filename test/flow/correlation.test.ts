import { beforeAll, describe, expect, test } from "vitest";
import { correlationLookup, correlationPyramid } from "../../flow/correlation.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { uniform } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";

beforeAll(() => startEngine());

const random = (key: string, shape: number[], low = -1, high = 1) =>
  tf.tensor(Float32Array.from(uniform(key, shape, low, high)), shape as [number, number, number, number]) as Tensor4D;

describe("correlation", () => {
  test("the pyramid is the volume, averaged over 2x2 blocks of the second map, odd rows and columns dropped", () => {
    const [a, b] = [random("a", [2, 3, 5, 4]), random("b", [2, 3, 5, 4])];
    const { levels } = correlationPyramid(a, b, 2);
    expect(levels.map((level) => level.shape)).toEqual([
      [30, 3, 5],
      [30, 1, 2],
    ]);
    const [fa, fb] = [a.arraySync(), b.arraySync()];
    const dot = (y: number, x: number, v: number, u: number) =>
      fa[1]![y]![x]!.reduce((sum, value, c) => sum + value * fb[1]![v]![u]![c]!, 0) / 2;
    const volume = levels[0]!.arraySync();
    expect(volume[15 + 2 * 5 + 4]![1]![3]).toBeCloseTo(dot(2, 4, 1, 3), 5);
    const coarse = levels[1]!.arraySync();
    const mean = (dot(2, 4, 0, 2) + dot(2, 4, 0, 3) + dot(2, 4, 1, 2) + dot(2, 4, 1, 3)) / 4;
    expect(coarse[15 + 2 * 5 + 4]![0]![1]).toBeCloseTo(mean, 5);
  });

  test("windows are bilinear, zero outside, and the offset of x is the slower one", () => {
    const radius = 2;
    const [h, w] = [4, 6];
    const pyramid = correlationPyramid(random("a", [2, h, w, 3]), random("b", [2, h, w, 3]), 2);
    const coords = random("coords", [2, h, w, 2], -6, 10);
    const found = correlationLookup(pyramid, coords, radius).arraySync();
    const at = coords.arraySync();
    const volumes = pyramid.levels.map((level) => level.arraySync());
    let channel = 0;
    for (const [level, volume] of volumes.entries()) {
      for (let i = -radius; i <= radius; i++) {
        for (let j = -radius; j <= radius; j++, channel++) {
          for (const [b, y, x] of [
            [0, 1, 2],
            [1, 3, 5],
            [1, 0, 0],
          ] as const) {
            const map = volume[(b * h + y) * w + x]!;
            const px = at[b]![y]![x]![0]! / 2 ** level + i;
            const py = at[b]![y]![x]![1]! / 2 ** level + j;
            const [fx, fy] = [px - Math.floor(px), py - Math.floor(py)];
            const cell = (dy: number, dx: number) => map[Math.floor(py) + dy]?.[Math.floor(px) + dx] ?? 0;
            const expected =
              (1 - fy) * ((1 - fx) * cell(0, 0) + fx * cell(0, 1)) + fy * ((1 - fx) * cell(1, 0) + fx * cell(1, 1));
            expect(found[b]![y]![x]![channel]).toBeCloseTo(expected, 5);
          }
        }
      }
    }
    expect(channel).toBe(50);
  });

  test("gradients reach both feature maps", () => {
    const coords = random("coords", [1, 4, 4, 2], -1, 5);
    const mix = random("mix", [1, 4, 4, 18]);
    const f = (a: tf.Tensor, b: tf.Tensor) => {
      const pyramid = correlationPyramid(a as Tensor4D, b as Tensor4D, 2);
      return tf.sum(tf.mul(mix, correlationLookup(pyramid, coords, 1))) as tf.Scalar;
    };
    expectGradients(f, [random("a", [1, 4, 4, 3]), random("b", [1, 4, 4, 3])]);
  });
});
