import { describe, expect, it } from "vitest";
import { createRandom, hashText } from "../../src/random.ts";

const take = (count: number, ...keys: (string | number)[]) => {
  const random = createRandom(7, ...keys);
  return Array.from({ length: count }, () => random.next());
};

describe("createRandom", () => {
  it("repeats for the same seed and keys, and for no others", () => {
    expect(take(5, "step", 3)).toEqual(take(5, "step", 3));
    expect(take(5, "step", 3)).not.toEqual(take(5, "step", 4));
    expect(take(5, "step", 3)).not.toEqual(take(5, 3, "step"));
    expect(createRandom(7).next()).not.toBe(createRandom(8).next());
  });

  it("is uniform in [0, 1): mean and variance of 20000 values within five standard errors", () => {
    const values = take(20000, "uniform");
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    // Standard errors: sqrt(1/12/n) and sqrt((1/80 - 1/144)/n).
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 20000));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt((1 / 80 - 1 / 144) / 20000));
  });

  it("draws normal values with the asked mean and deviation", () => {
    const random = createRandom(1, "normal");
    const values = Array.from({ length: 20000 }, () => random.normal(3, 2));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean - 3)).toBeLessThan((5 * 2) / Math.sqrt(20000));
    expect(Math.abs(deviation - 2)).toBeLessThan((5 * 2) / Math.sqrt(40000));
  });

  it("draws integers and numbers in their half-open range", () => {
    const random = createRandom(2);
    const counts = [0, 0, 0];
    for (let i = 0; i < 3000; i++) counts[random.integer(3)]!++;
    // Binomial: 1000 with a standard deviation of 26.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(130);
    for (let i = 0; i < 100; i++) {
      const value = random.uniform(-2, 5);
      expect(value >= -2 && value < 5).toBe(true);
    }
  });

  it("shuffles a copy and picks what is there", () => {
    const items = [1, 2, 3, 4, 5];
    const random = createRandom(3);
    const shuffled = random.shuffle(items);
    expect(items).toEqual([1, 2, 3, 4, 5]);
    expect([...shuffled].sort()).toEqual(items);
    expect(items).toContain(random.pick(items));
  });
});

describe("hashText", () => {
  it("is 32-bit FNV-1a", () => {
    // Test values of the algorithm's authors (Fowler, Noll, Vo).
    expect(hashText("")).toBe(0x811c9dc5);
    expect(hashText("a")).toBe(0xe40c292c);
    expect(hashText("foobar")).toBe(0xbf9cf968);
  });
});
