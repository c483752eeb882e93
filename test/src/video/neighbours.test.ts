/** @file Which frames are neighbours in time. */
import { describe, expect, it } from "vitest";
import { areNeighbours, medianStep } from "../../../src/video/neighbours.ts";

describe("medianStep", () => {
  it("is not moved by holes, and leaves out steps that do not go forward", () => {
    expect(medianStep([0, 1, 2, 50, 51, 52, 400])).toBe(1);
    expect(medianStep([0, 0.5, 0.5, 0.4, 0.9])).toBe(0.5);
  });

  it("takes the smaller middle step: half of the clip at half the rate counts whole steps", () => {
    expect(medianStep([0, 2, 4, 5, 6])).toBe(1);
  });

  it("is 0 where there is no step", () => {
    expect(medianStep([])).toBe(0);
    expect(medianStep([3])).toBe(0);
    expect(medianStep([3, 3])).toBe(0);
  });
});

describe("areNeighbours", () => {
  it("allows up to 1.5 steps forward", () => {
    expect(areNeighbours(10, 10 + 1 / 24, 1 / 24)).toBe(true);
    expect(areNeighbours(0, 1.5, 1)).toBe(true);
    expect(areNeighbours(0, 1.51, 1)).toBe(false);
    expect(areNeighbours(0, 2, 1)).toBe(false);
    expect(areNeighbours(0, 0.1, 1)).toBe(true);
  });

  it("takes equal, falling and missing times for no pair", () => {
    expect(areNeighbours(1, 1, 1)).toBe(false);
    expect(areNeighbours(1, 0.5, 1)).toBe(false);
    expect(areNeighbours(1, Number.NaN, 1)).toBe(false);
    expect(areNeighbours(0, 1, 0)).toBe(false);
  });
});
