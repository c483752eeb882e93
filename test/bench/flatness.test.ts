/** @file When memory counts as flat. */
import { expect, it } from "vitest";
import { growing, growth, type MemorySample } from "../../bench/flatness.ts";

const MB = 2 ** 20;
function samples(residentBytes: (i: number) => number, tensors: (i: number) => number = () => 10): MemorySample[] {
  return Array.from({ length: 40 }, (_, i) => ({
    step: 100 * i,
    tensors: tensors(i),
    nativeBytes: 1000,
    heapBytes: 5 * MB + (i % 3) * 100_000,
    externalBytes: 2 * MB,
    residentBytes: residentBytes(i),
  }));
}

it("forgets the settling of the first quarter", () => {
  const settled = samples((i) => (i < 10 ? 50 * MB + i * 9 * MB : 150 * MB));
  expect(growth(settled).residentBytes).toBe(0);
  expect(growing(settled)).toEqual([]);
});

it("sees a slow leak of resident memory", () => {
  // 1 MB per sample: the medians of the second and the last quarter are 20 samples apart.
  const leaking = samples((i) => 100 * MB + i * MB);
  expect(growth(leaking).residentBytes).toBe(20 * MB);
  expect(growing(leaking)).toEqual(["residentBytes"]);
});

it("allows not one tensor more", () => {
  expect(
    growing(
      samples(
        () => 100 * MB,
        (i) => (i < 36 ? 10 : 11),
      ),
    ),
  ).toEqual([]);
  expect(
    growing(
      samples(
        () => 100 * MB,
        (i) => (i < 30 ? 10 : 11),
      ),
    ),
  ).toEqual(["tensors"]);
});
