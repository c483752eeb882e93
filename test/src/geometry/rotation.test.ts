/** @file Rotations against goldens, by hand, and with checked gradients. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, tf } from "../../../src/engine/tf.ts";
import {
  axisAngleToMatrix,
  axisAngleToMatrixHost,
  matrixToAxisAngleHost,
  matrixToRotation6d,
  rotation6dToMatrix,
} from "../../../src/geometry/rotation.ts";
import { shared } from "../../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

/** Largest absolute difference of two nested lists of numbers. */
function difference(a: unknown, b: unknown): number {
  const x = [a].flat(9) as number[];
  const y = [b].flat(9) as number[];
  expect(x.length).toBe(y.length);
  return Math.max(...x.map((value, i) => Math.abs(value - y[i]!)));
}
const close = (actual: Tensor, expected: unknown, tolerance = 2e-6) =>
  expect(difference([...actual.dataSync()], expected)).toBeLessThan(tolerance);

const path = shared("golden/loss/rotations.json");
describe.skipIf(!path)("goldens (SPIN and 4D-Humans code, and an independent float64 computation)", () => {
  const golden = path ? JSON.parse(readFileSync(path, "utf8")) : {};

  it("6D to matrix in both layouts", () => {
    // Row 1 is degenerate in one layout each; it is covered below.
    const rows = [0, ...golden.six.keys()].filter((i) => i !== 1);
    const pick = (list: number[][]) => rows.map((i) => list[i]!);
    const six = tf.tensor2d(pick(golden.six));
    close(rotation6dToMatrix(six, "columns-interleaved"), pick(golden.rotmat_interleaved_columns_spin));
    const notFirst = rows.filter((i) => i > 1);
    const stacked = tf.tensor2d(notFirst.map((i) => golden.six[i]));
    const expected = notFirst.map((i) => golden.rotmat_stacked_columns_4dhumans[i]);
    close(rotation6dToMatrix(stacked, "columns-stacked"), expected);
  });

  it("matrix to 6D in both layouts", () => {
    const matrices = tf.tensor3d(golden.rotmat_interleaved_columns_spin);
    close(matrixToRotation6d(matrices, "columns-interleaved"), golden.six_of_spin_rotmats_interleaved);
    close(matrixToRotation6d(matrices, "columns-stacked"), golden.six_of_spin_rotmats_stacked);
  });

  it("gradient of the 6D map", () => {
    const { six, cotangent, gradient } = golden.gradient_case;
    const gradientOf = tf.grad((x: Tensor) =>
      tf.sum(tf.mul(rotation6dToMatrix(x, "columns-interleaved"), tf.tensor(cotangent))),
    );
    close(gradientOf(tf.tensor2d(six)), gradient, 2e-5);
  });

  it("axis-angle to matrix, tensor and host", () => {
    close(axisAngleToMatrix(tf.tensor2d(golden.axis_angle)), golden.axis_angle_rotmat);
    const host = axisAngleToMatrixHost(golden.axis_angle.flat());
    expect(difference([...host], golden.axis_angle_rotmat)).toBeLessThan(1e-12);
  });
});

describe("rotations", () => {
  it("turns right-handed: a quarter turn about z takes x to y", () => {
    const matrix = [0, -1, 0, 1, 0, 0, 0, 0, 1];
    expect(difference([...axisAngleToMatrixHost([0, 0, Math.PI / 2])], matrix)).toBeLessThan(1e-15);
    close(axisAngleToMatrix(tf.tensor1d([0, 0, Math.PI / 2])), matrix);
  });

  it("reads the two layouts as documented", () => {
    const matrix = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const tensor = tf.tensor2d(matrix, [3, 3]);
    close(matrixToRotation6d(tensor, "columns-interleaved"), [1, 2, 4, 5, 7, 8]);
    close(matrixToRotation6d(tensor, "columns-stacked"), [1, 4, 7, 2, 5, 8]);
  });

  it("keeps leading dimensions and comes back from 6D", () => {
    const matrices = axisAngleToMatrix(tf.tensor3d([[[0.3, -1.2, 0.5]], [[2, 0.1, -0.7]]]));
    expect(matrices.shape).toEqual([2, 1, 3, 3]);
    for (const layout of ["columns-interleaved", "columns-stacked"] as const) {
      const six = matrixToRotation6d(matrices, layout);
      expect(six.shape).toEqual([2, 1, 6]);
      close(rotation6dToMatrix(tf.mul(six, 1.7), layout), [...matrices.dataSync()]);
    }
  });

  it("has a finite gradient at zero and where 6D vectors are zero or parallel", () => {
    const atZero = tf.grad((x: Tensor) =>
      tf.sum(tf.mul(axisAngleToMatrix(x), tf.tensor2d([0, 1, 2, 3, 4, 5, 6, 7, 8], [3, 3]))),
    );
    // d/dv of the sum of m_ij R_ij at zero: (m21 - m12, m02 - m20, m10 - m01).
    close(atZero(tf.zeros([3])), [2, -4, 2], 1e-6);
    const six = tf.tensor2d([
      [0, 0, 0, 0, 0, 0],
      [1, 2, 2, 4, 3, 6],
      [0, 1, 0, 2, 0, 3],
    ]);
    for (const layout of ["columns-interleaved", "columns-stacked"] as const) {
      const gradient = tf.grad((x: Tensor) => tf.sum(tf.square(rotation6dToMatrix(x, layout))))(six);
      expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
    }
  });

  it("has the gradient that differences give, on both sides of the series' range", () => {
    const weights = tf.tensor2d([0.3, -1, 0.7, 2, 0.1, -0.4, 1.1, 0.6, -0.9], [3, 3]);
    const value = (x: Tensor) => tf.sum(tf.mul(axisAngleToMatrix(x), weights));
    for (const at of [
      [1e-4, -2e-4, 3e-5],
      [0.05, 0.03, -0.079],
      [0.06, -0.05, 0.07],
      [1.2, -0.4, 2],
    ]) {
      const analytic = tf.grad(value)(tf.tensor1d(at)).dataSync();
      for (let i = 0; i < 3; i++) {
        const host = (step: number) =>
          axisAngleToMatrixHost(at.map((v, k) => (k === i ? v + step : v))).reduce(
            (sum, r, k) => sum + r * weights.dataSync()[k]!,
            0,
          );
        expect(analytic[i]).toBeCloseTo((host(1e-5) - host(-1e-5)) / 2e-5, 4);
      }
    }
  });

  it("inverts axis-angle on the host, at half a turn too", () => {
    const vectors = [0, 0, 0, 0.2, -0.7, 1.1, 1e-9, 0, 2e-9, 3, 0.4, -0.6];
    const back = matrixToAxisAngleHost(axisAngleToMatrixHost(vectors));
    expect(difference([...back], vectors)).toBeLessThan(1e-12);
    const half = [Math.PI * 0.6, 0, -Math.PI * 0.8];
    const again = axisAngleToMatrixHost(matrixToAxisAngleHost(axisAngleToMatrixHost(half)));
    expect(difference([...again], [...axisAngleToMatrixHost(half)])).toBeLessThan(1e-12);
  });

  it("says which shape it expected", () => {
    expect(() => rotation6dToMatrix(tf.zeros([2, 5]), "columns-stacked")).toThrow(
      /expected shape \[\.\.\., 6\], got \[2, 5\]/,
    );
  });
});
