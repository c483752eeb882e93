/** @file Medians, spreads and ratios of timings. */
import { MotionCueError } from "../src/errors.ts";

/** The middle of some values, and the least and the greatest. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The median: the middle value, or the mean of the two in the middle. Throws MotionCueError for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new MotionCueError("bench", "expected at least one timing, got none");
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Median, least and greatest of some values. */
export function summarise(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * How many times longer the peer took, over rounds: each round's own ratio, so that a machine that slows down for a while
 * slows both sides of it.
 */
export function ratioSummary(ours: readonly number[], peers: readonly number[]): Summary {
  if (ours.length !== peers.length)
    throw new MotionCueError("bench", `expected as many rounds on both sides, got ${ours.length} and ${peers.length}`);
  return summarise(ours.map((value, round) => peers[round]! / value));
}

/** `value` with three significant digits, and all digits before the point. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

/** One side of a comparison: a name, and a round of timed calls. */
export interface Side {
  readonly name: string;
  /** Values of one round's timed calls. */
  round(): Promise<readonly number[]>;
}

/** The median of every round by side, all sides taking turns: first, second, ..., first, second, ... */
export async function takeTurns(sides: readonly Side[], rounds: number): Promise<Map<string, number[]>> {
  const medians = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const side of sides) medians.get(side.name)!.push(median(await side.round()));
  return medians;
}
