/** @file What one benchmark case is: work of ours, and the runs of the peer that do the same. */
import type { CompleteBenchOptions, Sizes } from "./options.ts";

/** A run of the peer: its arguments, and which of the lines that it prints counts. */
export interface PeerRun {
  /** How it is told from other runs for the same case, such as "plain" and "tight"; "" where there is one. */
  readonly name: string;
  readonly args: readonly string[];
  /** The `part` of the line, where a stage prints several. */
  readonly part?: string;
}

/** Work that is set up. */
export interface Prepared {
  /** Does the work once; all of it is done when this returns (or is fulfilled). */
  run(): void | Promise<void>;
  /** The case's figure, from the milliseconds of one `run`. */
  figure(ms: number): number;
  dispose(): void;
}

/** What a case gets when it is set up: the engine runs already. */
export interface CaseContext {
  readonly sizes: Sizes;
  /** A video of the sizes asked for. */
  readonly video: string;
}

export interface BenchCase {
  /** File-safe and unique. */
  readonly id: string;
  /** What the table says: what is done, on which sizes. */
  readonly label: string;
  readonly unit: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly peers: readonly PeerRun[];
  readonly needsVideo?: boolean;
  /** A run takes so long that a round has one timed call, after one untimed at most. */
  readonly isLong?: boolean;
  /** A run takes so few milliseconds that more of them, untimed, have to wake threads that slept in the other side's turn. */
  readonly isShort?: boolean;
  prepare(context: CaseContext): Promise<Prepared>;
}

/** A group of cases under the name that the command line takes. */
export interface Stage {
  readonly doc: string;
  cases(sizes: Sizes): readonly BenchCase[];
}

/** What a worker process is told to do. */
export interface WorkerJob extends Pick<CompleteBenchOptions, "engine" | "precision" | "repeats" | "warmup" | "sizes"> {
  readonly stage: string;
  readonly id: string;
  readonly video: string;
}
