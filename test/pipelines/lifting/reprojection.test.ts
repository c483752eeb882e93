import { beforeAll, describe, expect, test } from "vitest";
import {
  crossedSides,
  drawTurns,
  exchangeSides,
  jointSides,
  liftPoints,
  projectSkeletons,
  sizeOfPoints,
  turnSkeletons,
} from "../../../pipelines/lifting/reprojection.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { createRandom } from "../../../src/random.ts";
import { expectGradients } from "../../support/gradcheck.ts";

beforeAll(() => startEngine());

const near = (values: readonly number[], digits = 5) => values.map((x) => expect.closeTo(x, digits));
const numbers = (x: Tensor) => [...x.dataSync()];

describe("rays", () => {
  test("a point and its depth are z (x, y, 1) with z = 10 + depth, never nearer than 1", () => {
    const points = tf.tensor3d([[[0, 0], [0.1, -0.2], [0.3, 0.05]]]); // biome-ignore format: one pose
    const lifted = liftPoints(points, tf.tensor2d([[0, 2, -15]]));
    expect(numbers(lifted)).toEqual(near([0, 0, 10, 1.2, -2.4, 12, 0.3, 0.05, 1]));
    // And are seen where they were.
    expect(numbers(projectSkeletons(lifted))).toEqual(near([0, 0, 0.1, -0.2, 0.3, 0.05]));
    // What is behind the camera is seen as at 1.
    expect(numbers(projectSkeletons(tf.tensor3d([[[2, 3, -4]]])))).toEqual(near([2, 3]));
  });
});

describe("turns", () => {
  test("about the root: a quarter to the side brings what is to the right behind, then up and down tilt", () => {
    // R_y(90 degrees) takes x to -z and z to x.
    const quarter = tf.tensor3d([[[0, 0, 1], [0, 1, 0], [-1, 0, 0]]]); // biome-ignore format: one rotation
    const skeleton = tf.tensor3d([[[0, 0, 10], [0.5, 0.25, 10], [0, 1, 10.75]]]); // biome-ignore format: one skeleton
    const turned = turnSkeletons(skeleton, quarter);
    expect(numbers(turned)).toEqual(near([0, 0, 10, 0, 0.25, 9.5, 0.75, 1, 10]));
    expect(numbers(turnSkeletons(turned, quarter, true))).toEqual(near(numbers(skeleton)));
  });

  test("are rotations of any azimuth and little elevation, drawn by the seed", () => {
    const turns = drawTurns(createRandom(4, "turns"), 200);
    let [greatest, back] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const r = tf.tensor2d(turns.slice(9 * i, 9 * i + 9), [3, 3]);
      if (i < 3) expect(numbers(tf.matMul(r, r, false, true))).toEqual(near([1, 0, 0, 0, 1, 0, 0, 0, 1]));
      // R_x(e) R_y(a): the middle of the matrix is cos e, its first entry cos a.
      greatest = Math.max(greatest, Math.acos(Math.min(1, turns[9 * i + 4]!)));
      back += +(turns[9 * i]! < 0);
      r.dispose();
    }
    expect(greatest).toBeLessThanOrEqual(Math.PI / 9 + 1e-3);
    expect(greatest).toBeGreaterThan(0.9 * (Math.PI / 9));
    expect(back).toBeGreaterThan(70);
    expect(back).toBeLessThan(130);
    const [a, e] = [0.7, -0.2];
    const fixed = { uniform: (low: number) => (low < -1 ? a : e) } as never;
    const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
    const x = tf.tensor2d([[1, 0, 0], [0, ce, -se], [0, se, ce]]); // biome-ignore format: a matrix
    const y = tf.tensor2d([[ca, 0, sa], [0, 1, 0], [-sa, 0, ca]]); // biome-ignore format: a matrix
    expect([...drawTurns(fixed, 1)]).toEqual(near(numbers(tf.matMul(x, y))));
  });
});

describe("size and sides", () => {
  test("the size is ten times the root mean square distance from the root", () => {
    const points = tf.tensor3d([[[0, 0], [0.3, 0.4], [0, -0.5]], [[0, 0], [0.06, 0.08], [0, -0.1]]]); // biome-ignore format: two poses
    const size = 10 * Math.sqrt(0.5 / 3);
    expect(numbers(sizeOfPoints(points))).toEqual(near([size, size / 5]));
  });

  test("sides are crossed where left joints lie to the right of the others, and are exchanged there only", () => {
    const names = ["pelvis", "left-hip", "right-hip", "left-knee", "right-knee"];
    const sides = jointSides(names, [0, 2, 1, 4, 3]);
    expect(sides.left).toEqual([1, 3]);
    const straight = [[0, 0], [-1, 0], [1, 0.5], [-0.5, 2], [-0.7, 3]]; // biome-ignore format: one pose
    const crossed = [[0, 0], [1, 0], [-1, 0.5], [0.5, 2], [0.7, 3]]; // biome-ignore format: one pose
    const points = tf.tensor3d([straight, crossed]);
    const mask = crossedSides(points, sides);
    expect(numbers(mask)).toEqual([0, 1]);
    const exchanged = exchangeSides(points, mask, sides);
    const expected = [straight, [crossed[0]!, crossed[2]!, crossed[1]!, crossed[4]!, crossed[3]!]];
    expect(numbers(exchanged)).toEqual(near(expected.flat(2)));
    expect(numbers(exchangeSides(exchanged, mask, sides))).toEqual(near(numbers(points)));
  });
});

test("gradients are those of central differences", () => {
  const random = createRandom(9, "gradients");
  const draw = (shape: number[], size: number) =>
    tf.tensor(
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal(0, size)),
      shape,
    );
  const turns = tf.tensor3d(drawTurns(random, 2), [2, 3, 3]);
  const weights = draw([2, 4, 2], 1);
  const seen = (points: Tensor, depths: Tensor) => {
    const lifted = liftPoints(points as Tensor3D, depths as Tensor2D);
    const again = projectSkeletons(turnSkeletons(lifted, turns));
    return tf.sum(tf.mul(tf.div(again, sizeOfPoints(again)), weights)) as tf.Scalar;
  };
  expectGradients(seen, [draw([2, 4, 2], 0.1), draw([2, 4], 0.7)], { step: 1e-2, tolerance: 1e-2 });
});
