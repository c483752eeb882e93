/** @file Which pairs of a track's frames are used: neighbours, or frames further apart, in runs where runs are wanted. */
import type { Track } from "./tracks.ts";

/** How pairs are chosen; what is left out is 1, 1 and 2: neighbouring frames, each pair by itself. */
export interface PairChoice {
  /** Most pairs of the nearest kind. */
  readonly most: number;
  /** Frames from the first to the second frame of the nearest pairs. */
  readonly gap?: number;
  /** Pairs are 1, 2 ... `neighbours` gaps apart. */
  readonly neighbours?: number;
  /** Frames, a gap apart, that are kept together when not all are used; above 2 farther pairs stay inside such runs. */
  readonly sequence?: number;
}

/**
 * Pairs of frame indices, ordered by their second frame. Nearest pairs (t, t + gap) are all there are or `most` of them,
 * evenly spread; a farther one needs a nearest pair that begins with it, and both frames with a box.
 */
export function choosePairs(
  { boxes }: Track,
  { most, gap = 1, neighbours = 1, sequence = 2 }: PairChoice,
): (readonly [number, number])[] {
  const starts = [...boxes.keys()].filter((index) => boxes.has(index + gap));
  const chosen =
    starts.length <= most ? starts : sequence > 2 ? runs(starts, most, gap, sequence) : spread(starts, most);
  const used = new Set(chosen.flatMap((first) => [first, first + gap]));
  const pairs = chosen.flatMap((first) =>
    Array.from({ length: neighbours }, (_, i) => [first, first + (i + 1) * gap] as const).filter(([, second]) =>
      sequence > 2 ? used.has(second) : boxes.has(second),
    ),
  );
  return pairs.sort(([a, b], [c, d]) => b - d || a - c);
}

function spread(items: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}

/** Starts of nearest pairs in runs of `sequence` frames, whose first frames are evenly spread. */
function runs(starts: readonly number[], most: number, gap: number, sequence: number): number[] {
  const known = new Set(starts);
  const length = sequence - 1;
  const chosen = new Set<number>();
  for (const first of spread(starts, Math.max(1, Math.floor(most / length))))
    for (let i = 0; i < length && known.has(first + i * gap); i++) chosen.add(first + i * gap);
  return [...chosen].sort((a, b) => a - b);
}
