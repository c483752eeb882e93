/** @file The template networks: their sizes as published, their output shapes, and the blocks by hand. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { initialValues } from "../../../src/nn/init.ts";
import { countScalars, type ParameterShapes, parametersFromHost } from "../../../src/nn/parameters.ts";
import { bodyPlace, boundedStretch } from "../../../templates/body-place.ts";
import { double, halve } from "../../../templates/nets/blocks.ts";
import { headPoints, keypointHeadShapes } from "../../../templates/nets/keypoint-head.ts";
import { partNumbers, partRegressorShapes } from "../../../templates/nets/part-regressor.ts";
import { plainTranslation, plainTranslatorShapes } from "../../../templates/nets/plain-translator.ts";
import { skipTranslation, skipTranslatorShapes } from "../../../templates/nets/skip-translator.ts";
import { unit } from "../../support/formula.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

/** Weights that are trained: all but running statistics. */
const trained = (shapes: ParameterShapes) =>
  countScalars(new Map([...shapes].filter(([key]) => !key.includes("running"))));
const made = (shapes: ParameterShapes) => parametersFromHost(initialValues(shapes, 1));
const noise = (key: string, ...shape: [number, number, number, number]) =>
  tf.tensor(
    Float32Array.from(
      unit(
        key,
        shape.reduce((a: number, b) => a * b, 1),
      ),
    ),
    shape,
  ) as Tensor4D;

describe("have the published sizes", () => {
  it("Schmidtke et al.: 16.71 and 1.75 million", () => {
    expect(
      trained(partRegressorShapes("p", { size: 256, width: 32, outputs: 108, isPlacing: false })) / 1e6,
    ).toBeCloseTo(16.71, 2);
    expect(trained(plainTranslatorShapes("t", 32, 18)) / 1e6).toBeCloseTo(1.75, 2);
  });

  it("Pose Prior Learner: 7.79 and 17.97 million, the earlier head without the picture's features", () => {
    const spec = { points: 16, width: 64, head: "attention" } as const;
    expect(trained(keypointHeadShapes("p", spec)) / 1e6).toBeCloseTo(7.79, 2);
    expect(trained(skipTranslatorShapes("t", 64, 1)) / 1e6).toBeCloseTo(17.97, 2);
    const head = (kind: "attention" | "offset") =>
      [...keypointHeadShapes("p", { ...spec, head: kind })].filter(([key]) => /place|norm\.[wb]|hidden|numbers/.test(key) && !/down|up/.test(key)); // biome-ignore format: one thought
    expect(trained(new Map(head("offset")))).toBe(4 * 256 + 256 + 2 * 256 + 256 * 64 + 64 + 64 * 6 + 6);
  });
});

it.each(["batch", "frozen"] as const)("give the shapes they should, with %s statistics", (mode) => {
  const images = noise("images", 2, 32, 32, 3);
  const regressor = { size: 32, width: 2, outputs: 11, isPlacing: true };
  const { numbers, place } = partNumbers(made(partRegressorShapes("p", regressor)), "p", regressor, images, mode);
  expect([numbers.shape, place!.shape]).toEqual([[2, 11], [2, 8, 8, 1]]); // biome-ignore format: short
  const maps = noise("maps", 2, 32, 32, 5);
  expect(plainTranslation(made(plainTranslatorShapes("t", 2, 5)), "t", images, maps, mode).shape).toEqual([2, 32, 32, 3]); // biome-ignore format: one thought
  expect(skipTranslation(made(skipTranslatorShapes("t", 2, 5)), "t", images, maps, mode).shape).toEqual([2, 32, 32, 3]);
  for (const head of ["attention", "offset"] as const) {
    const spec = { points: 5, width: 2, head, body: "moves" } as const;
    const prior = tf.tensor2d(Float32Array.from(unit("prior", 10)), [5, 2]);
    const { points, place } = headPoints(made(keypointHeadShapes("p", spec)), "p", spec, images, prior, mode);
    expect([points.shape, place!.shape]).toEqual([[2, 5, 2], [2, 8, 8, 1]]); // biome-ignore format: short
    expect(points.dataSync().every(Number.isFinite)).toBe(true);
  }
});

it("the keypoint head puts the middle of the prior's points where it sees the body, as large as there", () => {
  const spec = { points: 2, width: 2, head: "attention", body: "moves" } as const;
  // Middle at row 0.4, column -0.1; in shares of the side points are 0.05 (x) and 0.1 (y) from it.
  const prior = tf.tensor2d([[0.2, -0.2], [0.6, 0]]); // biome-ignore format: short
  const weights = made(keypointHeadShapes("p", spec));
  const images = noise("seen", 1, 32, 32, 3);
  const { placed, place } = headPoints(weights, "p", spec, images, prior, "frozen");
  const seen = bodyPlace(tf.sigmoid(place!) as Tensor4D);
  const [[x, y]] = seen.centre.arraySync() as [[number, number]];
  // Cells of 1/8 add a twelfth of their square to the variance; 0.02 is the least spread.
  const spread = seen.spread.dataSync().map((s) => Math.sqrt(Math.max(0, s ** 2 - 1 / 768) + 0.02 ** 2));
  const grown = boundedStretch(tf.log(tf.div(tf.tensor2d(spread, [1, 2]), [[0.05, 0.1]])))
    .dataSync()
    .map(Math.exp);
  const [row, column] = [2 * y - 1, 2 * x - 1];
  const [down, right] = [0.2 * grown[1]!, 0.1 * grown[0]!];
  expectClose(placed, [row - down, column - right, row + down, column + right], 1e-4);
});

describe("blocks", () => {
  it("double samples at halves: 3/4 of the nearer and 1/4 of the farther pixel", () => {
    const doubled = double(tf.tensor4d([1, 5, 9], [1, 1, 3, 1]));
    expect(doubled.shape).toEqual([1, 2, 6, 1]);
    expectClose(doubled.dataSync().slice(0, 6), [1, 2, 4, 6, 8, 9], 1e-6);
    expectClose(halve(doubled), [1.5, 5, 8.5], 1e-6);
  });

  it("double has the gradient of that", () => {
    const up = noise("up", 2, 6, 8, 2);
    const score = (x: Tensor) => tf.sum(tf.mul(double(x as Tensor4D), up)) as tf.Scalar;
    expectGradients(score, [noise("x", 2, 3, 4, 2)], { tolerance: 1e-3 });
  });
});
