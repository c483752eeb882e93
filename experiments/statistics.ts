/** @file Means, spreads and rank correlation. */
import { MotionCueError } from "../src/errors.ts";

/** Some values of one figure, one per seed. */
export interface Statistic {
  readonly mean: number;
  /** Sample standard deviation (n - 1); null of a single value. */
  readonly deviation: number | null;
  readonly n: number;
}

/** Mean and sample standard deviation. Throws MotionCueError for no values. */
export function statistic(values: readonly number[]): Statistic {
  const n = values.length;
  if (n === 0) throw new MotionCueError("statistic", "expected at least one value, got none");
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : null, n };
}

/** Ranks 1..n of values, ties sharing the mean of theirs. */
export function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const found = new Array<number>(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && values[order[end]!] === values[order[i]!]) end++;
    for (let k = i; k < end; k++) found[order[k]!] = (i + 1 + end) / 2;
    i = end;
  }
  return found;
}

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks, -1 to 1; NaN where one side is constant. Throws
 * MotionCueError for lists of different lengths or of fewer than two.
 */
export function spearman(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length < 2)
    throw new MotionCueError(
      "spearman",
      `expected two lists as long, of two at least, got ${a.length} and ${b.length}`,
    );
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (a.length + 1) / 2;
  const product = (p: readonly number[], q: readonly number[]) =>
    p.reduce((sum, value, i) => sum + (value - middle) * (q[i]! - middle), 0);
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
}
