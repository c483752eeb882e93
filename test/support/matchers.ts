/** @file Comparison of number lists with a tolerance, and reading of JSON goldens. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Tensor } from "../../src/engine/tf.ts";

/** Numbers in any nesting, flat. `null` becomes NaN. */
export function flat(values: unknown): number[] {
  if (Array.isArray(values)) return values.flatMap(flat);
  return [values === null ? Number.NaN : Number(values)];
}

/** Expects equal length and |actual - expected| <= absolute + relative * |expected|, NaN only where NaN is expected. */
export function expectClose(
  actual: Tensor | ArrayLike<number>,
  expected: unknown,
  absolute = 1e-5,
  relative = 1e-5,
): void {
  const a = "dataSync" in actual ? Array.from(actual.dataSync()) : Array.from(actual);
  const e = ArrayBuffer.isView(expected) ? Array.from(expected as Float32Array) : flat(expected);
  expect(a.length, "number of values").toBe(e.length);
  const worst = { excess: 0, text: "" };
  e.forEach((x, i) => {
    const excess = Number.isNaN(x)
      ? Number.isNaN(a[i]!)
        ? 0
        : Infinity
      : Math.abs(a[i]! - x) - absolute - relative * Math.abs(x);
    if (Number.isNaN(excess) || excess > worst.excess)
      Object.assign(worst, {
        excess: Number.isNaN(excess) ? Infinity : excess,
        text: `entry ${i}: got ${a[i]}, expected ${x}`,
      });
  });
  expect(worst.text, "largest deviation").toBe("");
}

/** A parsed JSON file of reference numbers. */
export function readGolden<T = Record<string, unknown>>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
