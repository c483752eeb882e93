/** @file Gradient checks: autodiff against central differences, in float32. */
import { expect } from "vitest";
import { type Tensor, tf } from "../../src/engine/tf.ts";

export interface GradientCheck {
  /**
   * Step of the central difference. Near 1e-2 of the inputs' size: float32 rounding divides by it, curvature
   * multiplies.
   */
  readonly step?: number;
  /** Allowed difference, relative to the largest gradient entry. */
  readonly tolerance?: number;
  /** Check only these flat entries of each input (default: all up to 24, evenly spread). */
  readonly entries?: number;
}

/**
 * Expects tf's gradient of the scalar `f` at `inputs` to equal central differences (Richardson-extrapolated from steps
 * h and h/2, so that the step can be large enough for float32), for evenly spread entries of every input, relative to
 * the input's largest entry.
 */
export function expectGradients(
  f: (...inputs: Tensor[]) => tf.Scalar,
  inputs: Tensor[],
  check: GradientCheck = {},
): void {
  const { step = 2e-2, tolerance = 2e-3, entries = 24 } = check;
  const analytic = tf
    .grads((...x: Tensor[]) => f(...x))(inputs)
    .map((g) => Float32Array.from(g.dataSync()));
  inputs.forEach((input, which) => {
    const data = Float32Array.from(input.dataSync());
    const evaluate = (at: number, delta: number): number => {
      const moved = Float32Array.from(data);
      moved[at]! += delta;
      const exact = moved[at]! - data[at]!;
      const value = tf.tidy(
        () => f(...inputs.map((x, i) => (i === which ? tf.tensor(moved, x.shape) : x))).dataSync()[0]!,
      );
      return exact === 0 ? Number.NaN : value;
    };
    const slope = (at: number, h: number): number => {
      const width = Math.fround(data[at]! + h) - Math.fround(data[at]! - h);
      return (evaluate(at, h) - evaluate(at, -h)) / width;
    };
    const largest = Math.max(...analytic[which]!.map(Math.abs), 1e-6);
    const stride = Math.max(1, Math.floor(data.length / entries));
    for (let at = 0; at < data.length; at += stride) {
      const numeric = (4 * slope(at, step / 2) - slope(at, step)) / 3;
      const difference = Math.abs(numeric - analytic[which]![at]!) / largest;
      expect(
        difference,
        `input ${which} entry ${at}: autodiff ${analytic[which]![at]}, differences ${numeric}`,
      ).toBeLessThan(tolerance);
    }
  });
}
