/** @file What every pipeline gets besides its options: where to report, and the signal that asks it to stop. */
import { type Log, silentLog } from "../../src/log.ts";
import { createProgress, type Progress, type ProgressOptions } from "../../src/progress.ts";

/** The surroundings of a pipeline's run. */
export interface Context {
  readonly log: Log;
  /** Aborted when the user interrupts: leave files whole, then `signal.throwIfAborted()`. */
  readonly signal: AbortSignal;
  /** Starts the progress of one job. */
  progress(name: string, options?: ProgressOptions): Progress;
}

/** A context that reports on `log` and stops on `signal`; both default to none. */
export function createContext(log: Log = silentLog, signal: AbortSignal = new AbortController().signal): Context {
  return { log, signal, progress: (name, options) => createProgress(log, name, options) };
}
