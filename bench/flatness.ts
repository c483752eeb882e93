/** @file Whether a series of memory figures stays flat once it has settled. */
import { median } from "./statistics.ts";

/** Memory of the process at one moment. */
export interface MemorySample {
  readonly step: number;
  /** Tensors that tfjs holds, and bytes of the engine's tensors. */
  readonly tensors: number;
  readonly nativeBytes: number;
  /** JavaScript's heap after a collection, and memory that it holds outside of the heap. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** What the operating system counts for the process. */
  readonly residentBytes: number;
}

export type MemoryKind = Exclude<keyof MemorySample, "step">;

const MEGABYTE = 2 ** 20;
/** Growth that is allowed from the second quarter to the last: noise of collections, none where everything is counted. */
export const ALLOWED: Readonly<Record<MemoryKind, number>> = {
  tensors: 0,
  nativeBytes: 0,
  heapBytes: 2 * MEGABYTE,
  externalBytes: MEGABYTE,
  residentBytes: 16 * MEGABYTE,
};

/** Growth of each kind: the median of the last quarter less that of the second one. The first quarter settles. */
export function growth(samples: readonly MemorySample[]): Record<MemoryKind, number> {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  const kinds = Object.keys(ALLOWED) as MemoryKind[];
  const grown = (kind: MemoryKind) =>
    median(late.map((sample) => sample[kind])) -
    median((early.length > 0 ? early : late).map((sample) => sample[kind]));
  return Object.fromEntries(kinds.map((kind) => [kind, grown(kind)])) as Record<MemoryKind, number>;
}

/** The kinds that grew by more than is allowed. */
export function growing(samples: readonly MemorySample[]): MemoryKind[] {
  return Object.entries(growth(samples))
    .filter(([kind, bytes]) => bytes > ALLOWED[kind as MemoryKind])
    .map(([kind]) => kind as MemoryKind);
}
