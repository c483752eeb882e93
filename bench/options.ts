/** @file The options of the benchmarks, and the sizes that are worked on. */
import { availableParallelism } from "node:os";
import { ENGINE_CHOICES } from "../src/engine/engine.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../src/options.ts";

export const BENCH_OPTIONS = {
  rounds: {
    kind: "integer",
    min: 1,
    max: 1000,
    default: 5,
    doc: "rounds of ours and the peer's in turn; medians and spread are over rounds",
  },
  repeats: { kind: "integer", min: 1, max: 1000, default: 3, doc: "timed calls per round and side" },
  warmup: { kind: "integer", min: 0, max: 100, default: 2, doc: "calls before a round's timed ones" },
  threads: { kind: "integer", min: 1, max: 1024, doc: "CPU threads on both sides; unless given, all cores" },
  precision: { kind: "choice", choices: ["fp32", "bf16"], default: "fp32", doc: "what the networks compute in" },
  peerEnv: {
    kind: "choice",
    choices: ["tuned", "asis"],
    default: "tuned",
    doc: "the peer's allocator and thread settings: at their best, or as its process comes",
  },
  peer: { kind: "text", value: "FILE", doc: "the peer's script; unless given ../shared/peers/torch_peer.py" },
  alone: { kind: "flag", doc: "time MotionCue without a peer" },
  engine: { kind: "choice", choices: ENGINE_CHOICES, default: "auto", doc: "numeric engine" },
  quick: { kind: "flag", doc: "one round of small sizes, to see that everything works; no result is kept" },
  profile: { kind: "flag", doc: "time per kernel of the stages named, with the floor that peak rates allow; no peer" },
  readme: { kind: "flag", doc: "write README's table and floors.md from the kept results and time nothing" },
} as const satisfies OptionTable;
export type BenchOptions = OptionsOf<typeof BENCH_OPTIONS>;

/** What the stages work on; the defaults of the peer. Lengths in px. */
export interface Sizes {
  /** Side of the flow crops. */
  readonly size: number;
  readonly updates: number;
  /** Frames of the clip whose flow is estimated. */
  readonly frames: number;
  /** Batches of the regressor. */
  readonly batches: readonly number[];
  /** Bodies and meshes at once. */
  readonly bodies: number;
  /** Labelled frames and pairs of a step. */
  readonly labelled: number;
  readonly pairs: number;
  /** Frames, width and height of the video. */
  readonly video: { readonly frames: number; readonly width: number; readonly height: number };
}

const FULL_SIZES: Sizes = {
  size: 224,
  updates: 12,
  frames: 9,
  batches: [16, 1],
  bodies: 16,
  labelled: 16,
  pairs: 8,
  video: { frames: 33, width: 1280, height: 720 },
};

const QUICK_SIZES: Sizes = {
  size: 128,
  updates: 2,
  frames: 3,
  batches: [2],
  bodies: 2,
  labelled: 2,
  pairs: 1,
  video: { frames: 4, width: 320, height: 240 },
};

/** Side of the regressor's crops, fixed on both sides. */
export const CROP = 224;

/** A benchmark's options with nothing left open. */
export type CompleteBenchOptions = Omit<BenchOptions, "threads"> & {
  readonly threads: number;
  readonly sizes: Sizes;
};

/** Complete options; `quick` means one timed call of each side on small sizes. Throws OptionError. */
export function completeBenchOptions(given: Partial<BenchOptions>): CompleteBenchOptions {
  const options = completeOptions("bench", BENCH_OPTIONS, given);
  const threads = options.threads ?? availableParallelism();
  if (!options.quick) return { ...options, threads, sizes: FULL_SIZES };
  return { ...options, threads, rounds: 1, repeats: 1, warmup: 1, sizes: QUICK_SIZES };
}
