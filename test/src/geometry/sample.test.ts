/** @file Bilinear sampling: hand values, borders, slopes against differences, and bad points. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { type Field, sampleBilinear, samplesWithGradient } from "../../../src/geometry/sample.ts";
import { createRandom } from "../../../src/random.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

/** data[y,x,c] = 10 y + x + 1000 c, so that what was read tells from where. */
function ramp(height: number, width: number, channels: number): Field {
  const data = new Float32Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) data[at++] = 10 * y + x + 1000 * c;
  return { data, height, width, channels };
}

describe("sampleBilinear", () => {
  it("reads pixel centres at integer coordinates, x first", () => {
    const { values } = sampleBilinear(ramp(3, 4, 2), [3, 1, 0, 0, 0.5, 1.25, 3, 2]);
    expectClose(values, [13, 1013, 0, 1000, 13, 1013, 23, 1023]);
  });

  it("has the slopes of a ramp inside it", () => {
    const { slopes } = sampleBilinear(ramp(3, 4, 2), [1.3, 0.6]);
    expectClose(slopes, [1, 10, 1, 10], 1e-4);
  });

  it("fades to zero over one pixel outside", () => {
    const ones = { data: new Float32Array(12).fill(1), height: 3, width: 4, channels: 1 };
    const points = [-0.25, 1, -0.25, -0.5, 3.75, 2, -1, 1, 4, 1, -7, 99, 1, 2.5];
    expectClose(sampleBilinear(ones, points).values, [0.75, 0.375, 0.25, 0, 0, 0, 0.5]);
  });

  it("gives NaN for points that are not finite and 0 far away, without touching others", () => {
    const points = [Number.NaN, 1, 1, Number.POSITIVE_INFINITY, 1e30, -1e30, 1, 1];
    expectClose(sampleBilinear(ramp(3, 4, 1), points).values, [Number.NaN, Number.NaN, 0, 11]);
  });

  it("has the slopes of central differences, also outside", () => {
    const random = createRandom(5, "sample");
    const field = { ...ramp(4, 5, 2), data: Float32Array.from({ length: 40 }, () => random.normal()) };
    // Kept away from integers, where the derivative jumps.
    const points = Array.from({ length: 24 }, () => random.integer(7) - 1.5 + random.uniform(-0.4, 0.4));
    const { slopes } = sampleBilinear(field, points);
    for (const axis of [0, 1]) {
      const moved = (by: number) =>
        sampleBilinear(
          field,
          points.map((p, i) => (i % 2 === axis ? p + by : p)),
        ).values;
      const [up, down] = [moved(0.01), moved(-0.01)];
      expectClose(
        slopes.filter((_, i) => i % 2 === axis),
        up.map((x, i) => (x - down[i]!) / 0.02),
        2e-4,
      );
    }
  });

  it("refuses a field of another size", () => {
    expect(() => sampleBilinear({ ...ramp(3, 4, 2), width: 5 }, [0, 0])).toThrow(/sampleBilinear: expected shape/);
  });
});

describe("samplesWithGradient", () => {
  it("has the samples' values, and their slopes as gradient", () => {
    const field = ramp(3, 4, 2);
    const at = Float32Array.of(1.3, 0.6, 2.5, 1.5, 3.5, 1.25, 0.2, 0.1);
    const samples = sampleBilinear(field, at);
    const points = tf.tensor3d(at, [2, 2, 2]);
    expectClose(samplesWithGradient(samples, points, at), samples.values);
    const weights = tf.tensor3d([1, 0, 0, 2, 0, 1, -1, 0], [2, 2, 2]);
    const f = (x: Tensor) => tf.sum(tf.mul(weights, samplesWithGradient(samples, x as Tensor3D, at)));
    // The third point lies half outside on the right: x falls from 15.5 to 0, in the second channel from 1015.5.
    const { slopes } = samples;
    const expected = [
      slopes[0]!,
      slopes[1]!,
      2 * slopes[6]!,
      2 * slopes[7]!,
      slopes[10]!,
      slopes[11]!,
      -slopes[12]!,
      -slopes[13]!,
    ];
    expectClose(tf.grad(f)(points), expected, 1e-3);
    expect(slopes[10]).toBeCloseTo(-1015.5, 2);
  });
});
