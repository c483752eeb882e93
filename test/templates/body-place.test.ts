import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import {
  bodyPlace,
  boundedStretch,
  coarsely,
  placeChange,
  placeLoss,
  pointsPlace,
  withoutCells,
} from "../../templates/body-place.ts";
import { unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose } from "../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

/** A map of 8 x 8 places that is `value` in the columns and rows given, else 0. */
const block = (columns: readonly number[], rows: readonly number[], value = 1): Tensor4D => {
  const at = (i: number) => (columns.includes(i % 8) && rows.includes(Math.floor(i / 8)) ? value : 0);
  return tf.tensor4d(Float32Array.from({ length: 64 }, (_, i) => at(i)), [1, 8, 8, 1]); // biome-ignore format: one thought
};

describe("bodyPlace", () => {
  it("is the mean and deviation of the places that are high, in picture sides", () => {
    const { centre, spread } = bodyPlace(block([2], [3, 4, 5, 6]));
    expectClose(centre, [2.5 / 8, 5 / 8], 1e-4);
    // Four rows 1/8 apart: deviations -1.5, -0.5, 0.5 and 1.5 eighths.
    expectClose(spread, [0, Math.sqrt(1.25) / 8], 2e-3);
  });

  it("counts squares, so that a faint surrounding moves it little", () => {
    const faint = tf.add(block([0], [0], 0.9), 0.05) as Tensor4D;
    // The corner has 0.95^2 of 0.95^2 + 63 * 0.05^2; the middle of all other places is 0.5 + 0.5 / 63 * 7 / 8 or so.
    const share = 0.95 ** 2 / (0.95 ** 2 + 63 * 0.05 ** 2);
    const others = (32 - 0.5 / 8) / 63;
    expectClose(bodyPlace(faint).centre, new Array(2).fill(share / 16 + (1 - share) * others), 1e-3);
  });

  it("has a gradient for the map", () => {
    const map = tf.tensor4d(
      Float32Array.from(unit("place", 16), (x) => 0.5 + 0.4 * x),
      [1, 4, 4, 1],
    );
    const score = (given: Tensor) => {
      const { centre, spread } = bodyPlace(given as Tensor4D);
      return tf.sum(tf.mul(tf.concat([centre, spread], 1), tf.tensor2d([[1, -2, 3, 5]]))) as tf.Scalar;
    };
    expectGradients(score, [map], { step: 1e-2, tolerance: 2e-3 });
  });
});

it("placeChange takes one place to another; points have places, too", () => {
  const points = pointsPlace(tf.tensor2d([[0.2, 0.1], [0.4, 0.5]])); // biome-ignore format: short
  expectClose(points.centre, [0.3, 0.3]);
  expectClose(points.spread, [0.1, 0.2], 1e-4);
  const to = { centre: tf.tensor2d([[0.5, 0.2]]), spread: tf.tensor2d([[0.2, 0.1]]) };
  const { shift, stretch } = placeChange(points, to);
  expectClose(shift, [0.2, -0.1]);
  expectClose(stretch, [Math.log(2), -Math.log(2)], 1e-3);
});

describe("withoutCells", () => {
  const narrowed = (x: number, y: number) =>
    withoutCells({ centre: tf.tensor2d([[0.3, 0.6]]), spread: tf.tensor2d([[x, y]]) }, 8);

  it("takes a twelfth of a cell's square off the variance, and leaves the middle", () => {
    const { centre, spread } = narrowed(0.1, 0.3);
    expectClose(centre, [0.3, 0.6]);
    // 0.01 and 0.09, less 1 / 768, and the least variance 0.0004.
    expectClose(spread, [Math.sqrt(0.0090979), Math.sqrt(0.0890979)], 1e-5);
  });

  it("leaves bodies within one cell the least spread", () => {
    expectClose(narrowed(0.001, 0.036).spread, [0.02, 0.02], 1e-4);
  });

  it("undoes on average what cells add: blocks of one width at all places", () => {
    // A body 0.2 wide, uniformly dense, has a variance of 0.04 / 12; cells of 1/8 count each part at their middles.
    const [width, cell] = [0.2, 1 / 8];
    let mean = 0;
    for (let k = 0; k < 100; k++) {
      const left = 0.3 + (k / 100) * cell;
      const shares = Array.from({ length: 8 }, (_, i) =>
        Math.max(0, Math.min(left + width, (i + 1) * cell) - Math.max(left, i * cell)),
      );
      const at = (i: number) => (i + 0.5) * cell;
      const middle = shares.reduce((sum, s, i) => sum + (s / width) * at(i), 0);
      mean += shares.reduce((sum, s, i) => sum + (s / width) * (at(i) - middle) ** 2, 0) / 100;
    }
    const { spread } = narrowed(Math.sqrt(mean), 0.3);
    expect(Math.abs(spread.dataSync()[0]! ** 2 - 0.02 ** 2 - width ** 2 / 12)).toBeLessThan(0.0006);
    expect(mean - width ** 2 / 12).toBeGreaterThan(0.0006);
  });
});

it("boundedStretch hardly changes small stretches and stops large ones", () => {
  expectClose(boundedStretch(tf.tensor1d([0.05, -9])), [0.05, -1.5], 1e-3);
});

describe("placeLoss", () => {
  const black = () => tf.zeros([1, 16, 16, 3]) as Tensor4D;
  const image = () =>
    tf.tile(tf.image.resizeNearestNeighbor(block([2, 3], [2, 3, 4]), [16, 16]), [1, 1, 1, 3]) as Tensor4D;

  it("is least where logits are high just where something stands out", () => {
    const logits = (columns: readonly number[]) => tf.sub(tf.mul(block(columns, [2, 3, 4]), 12), 6) as Tensor4D;
    const of = (columns: readonly number[]) => placeLoss(logits(columns), image(), black()).dataSync()[0]!;
    expect(of([2, 3])).toBeLessThan(0.02);
    expect(of([2])).toBeGreaterThan(0.2);
    expect(of([4, 5])).toBeGreaterThan(of([3, 4]));
    expect(placeLoss(logits([2]), image(), undefined).dataSync()[0]).toBe(0);
    expect(placeLoss(logits([2]), black(), black()).dataSync()[0]).toBe(0);
  });

  it("counts a middle that is off more than the cross entropy does, most where it is far off", () => {
    // Two maps that are wrong in as many places, one of them on either side: its middle is right.
    const logits = (columns: readonly number[]) => tf.sub(tf.mul(block(columns, [2, 3, 4]), 12), 6) as Tensor4D;
    const of = (columns: readonly number[]) => placeLoss(logits(columns), image(), black()).dataSync()[0]!;
    expect(of([1, 2, 3, 4])).toBeLessThan(of([2, 3, 4, 5]));
    // Moved by 1/8 and 3/8 of the side: the square of 1.25 and 3.75 tenths, in x alone, and the entropy of 6 and 12 wrong places.
    const entropy = (wrong: number) => (wrong * 6) / 64;
    expect(of([3, 4])).toBeCloseTo(1.25 ** 2 / 2 + entropy(6), 1);
    expect(of([5, 6])).toBeCloseTo(3.75 ** 2 / 2 + entropy(12), 1);
  });

  it("has a gradient for the logits", () => {
    const logits = tf.tensor4d(Float32Array.from(unit("logits", 64), (x) => x - 1), [1, 8, 8, 1]); // biome-ignore format: one thought
    expectGradients((given: Tensor) => placeLoss(given as Tensor4D, image(), black()), [logits], { step: 1e-2, tolerance: 5e-3 }); // biome-ignore format: one thought
  });

  it("compares with means over 8 x 8 places", () => {
    const map = coarsely(tf.tile(tf.tensor4d([0, 1, 1, 1], [1, 2, 2, 1]), [1, 8, 8, 1]));
    expectClose(map, new Array(64).fill(0.75));
  });
});
