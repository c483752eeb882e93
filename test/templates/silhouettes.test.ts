import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { covered, foreground, silhouetteLoss } from "../../templates/silhouettes.ts";
import { unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose } from "../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

it("foreground is what has another colour, or is brighter, or darker than a shadow", () => {
  const grey = (level: number) => [level, level, level];
  // Unchanged, in a shadow, twice as bright, nearly black, and of another colour at the same brightness.
  const pixels = [grey(0.4), grey(0.28), grey(0.8), grey(0.04), [0.5, 0.4, 0.3]];
  const found = foreground(tf.tensor4d(pixels.flat(), [1, 1, 5, 3]), tf.fill([1, 1, 5, 3], 0.4));
  const of = (squared: number) => squared / (squared + 0.02);
  expectClose(found, [0, 0, of(0.48), of(0.5 ** 2 * 0.48), of(4 * 0.02)], 5e-3);
});

it("foreground finds nothing where black stays black", () => {
  expectClose(foreground(tf.zeros([1, 1, 1, 3]), tf.zeros([1, 1, 1, 3])), [0], 1e-6);
});

it("covered is what is under at least one of the shapes, which count as 1 at most", () => {
  const shapes = tf.tensor4d([0, 0, 1, 0, 0.5, 0.5, 1.7, 0.5], [1, 1, 4, 2]);
  expectClose(covered(shapes), [0, 1, 0.75, 1], 1e-3);
});

describe("silhouetteLoss", () => {
  const SIZE = 16;
  /** A white square of `side` pixels at (x, y) on black. */
  const square = (x: number, y: number, side: number, channels: number): Tensor4D => {
    const at = (i: number) => {
      const [row, column] = [Math.floor(i / channels / SIZE), Math.floor(i / channels) % SIZE];
      return row >= y && row < y + side && column >= x && column < x + side ? 1 : 0;
    };
    return tf.tensor4d(Float32Array.from({ length: SIZE * SIZE * channels }, (_, i) => at(i)), [1, SIZE, SIZE, channels]); // biome-ignore format: one thought
  };
  const black = () => tf.zeros([1, SIZE, SIZE, 3]) as Tensor4D;
  const of = (shapes: Tensor4D, images: Tensor4D) => silhouetteLoss(shapes, images, black(), 1).dataSync()[0]!;

  it("is almost 0 for shapes that cover what stands out, 1 for none, and falls as they come nearer", () => {
    const image = square(10, 8, 4, 3);
    expect(of(square(10, 8, 4, 1), image)).toBeLessThan(1e-4);
    expect(of(tf.zeros([1, SIZE, SIZE, 1]), image)).toBeCloseTo(1, 1);
    const [far, near, nearer] = [square(0, 0, 4, 1), square(5, 4, 4, 1), square(8, 6, 4, 1)];
    expect(of(nearer, image)).toBeLessThan(of(near, image));
    // No pixel is shared by either; only the coarse silhouettes tell them apart.
    expect(of(near, image)).toBeLessThan(of(far, image) - 0.05);
  });

  it("counts less where little stands out, and not at all without backgrounds", () => {
    const [shape, dot] = [square(2, 2, 4, 1), square(10, 8, 1, 3)];
    const nothing = tf.zeros([1, SIZE, SIZE, 1]) as Tensor4D;
    // A dot of 1 pixel of 256 counts by 1 / 1.007 / 256 of the 3 % that count fully.
    expect(of(nothing, dot)).toBeLessThan(0.13);
    expect(of(nothing, dot)).toBeGreaterThan(0.05);
    expect(silhouetteLoss(shape, dot, undefined, 1).dataSync()[0]).toBe(0);
    expect(silhouetteLoss(shape, dot, black(), 0).dataSync()[0]).toBe(0);
    expect(silhouetteLoss(shape, black(), black(), 1).dataSync()[0]).toBe(0);
  });

  it("has the gradient of its value for the shapes", () => {
    const image = square(4, 6, 6, 3);
    const shapes = tf.tensor4d(
      Float32Array.from(unit("shapes", 512), (x) => 0.5 + 0.4 * x),
      [1, SIZE, SIZE, 2],
    );
    const loss = (given: Tensor) => silhouetteLoss(tf.tile(given, [1, 4, 4, 1]) as Tensor4D, image, black(), 1);
    expectGradients(loss, [tf.slice(shapes, [0, 0, 0, 0], [1, 4, 4, 2])], { step: 1e-2, tolerance: 2e-3 });
  });
});
