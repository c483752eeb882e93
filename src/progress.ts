/** @file Progress of a long job: a bar with rate and time left on a terminal, a plain line every ten seconds elsewhere. */
import type { Log } from "./log.ts";

/** One job's progress. */
export interface Progress {
  /** `done` units are done so far (not a step's size); `text` (a loss, a file) stands at the end. */
  update(done: number, text?: string): void;
  /** The job ended, well or not: leaves one line behind. */
  finish(text?: string): void;
}

export interface ProgressOptions {
  /** Units in all; without it no time left is shown. */
  readonly total?: number;
  /** What is counted, as in "frames". */
  readonly unit?: string;
  /** Units that were done before this run (a resumed job), which say nothing about the rate. */
  readonly start?: number;
  /** Milliseconds of any clock. */
  readonly now?: () => number;
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;
const BAR_CELLS = 24;

/** The progress of the job `name` on `log`. */
export function createProgress(log: Log, name: string, options: ProgressOptions = {}): Progress {
  const { total, unit = "", start = 0, now = () => performance.now() } = options;
  const began = now();
  let shown = log.live ? Number.NEGATIVE_INFINITY : began;
  let done = start;
  let text = "";
  let finished = false;

  const describe = (isLast: boolean) => {
    const seconds = (now() - began) / 1000;
    const rate = seconds > 0 ? (done - start) / seconds : 0;
    const parts = [`${name} ${counted(done, total, unit)}`];
    if (log.live && total && !isLast) parts.push(bar(done / total));
    if (rate > 0) parts.push(`${threeDigits(rate)}${unit ? ` ${unit}` : ""}/s`);
    if (isLast) parts.push(`in ${duration(seconds)}`);
    else if (rate > 0 && total !== undefined) parts.push(`${duration(Math.max(0, total - done) / rate)} left`);
    if (text) parts.push(text);
    return parts.join("  ");
  };
  return {
    update(value, note) {
      done = value;
      text = note ?? text;
      const time = now();
      if (finished || time - shown < (log.live ? REDRAW_MS : LINE_MS)) return;
      shown = time;
      if (log.live) log.status(describe(false));
      else log.info(describe(false));
    },
    finish(note) {
      if (finished) return;
      finished = true;
      text = note ?? text;
      log.status("");
      log.info(describe(true));
    },
  };
}

/** Seconds as `0:07`, `12:34` or `1:02:03`; the whole second nearest. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function counted(done: number, total: number | undefined, unit: string): string {
  const count = total === undefined ? `${done}` : `${done}/${total}`;
  return unit ? `${count} ${unit}` : count;
}

function bar(share: number): string {
  const cells = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return `[${"#".repeat(cells)}${"-".repeat(BAR_CELLS - cells)}]`;
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(value < 0.01 ? 1 : 3);
}
