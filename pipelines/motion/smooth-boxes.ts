/** @file Boxes that were measured at some frames, made steady and given to every frame between. */
import type { Box } from "../../src/image/box.ts";
import { gaussianMean, median, runsOf } from "./averages.ts";

/** A box measured at one frame. */
export interface BoxSample {
  readonly index: number;
  /** Seconds. */
  readonly time: number;
  readonly box: Box;
}

/** Outliers are judged by the samples within this time, noise is averaged over about the second. */
const MEDIAN_SECONDS = 0.25;
const MEAN_SECONDS = 0.15;
/** Samples further apart are not joined: nothing was seen between. */
const LONGEST_GAP_SECONDS = 1;
/** Fewer joined samples than this are chance. */
const FEWEST_SAMPLES = 3;

/** No more samples than this on each side are looked at. */
const REACH = 8;
/** The last box of a run also holds for frames up to this much later, which no sample follows. */
const HOLD_SECONDS = 0.1;

type Edge = keyof Box;

const timeOf = ({ time }: BoxSample): number => time;

/**
 * A box for each frame from the first sample to the last, except in gaps of more than a second: median, then Gaussian
 * mean over time, then linear between samples. `samples` ascend in index and time; `times` holds every frame's time.
 */
export function smoothBoxes(samples: readonly BoxSample[], times: readonly number[]): Map<number, Box> {
  const boxes = new Map<number, Box>();
  for (const run of runsOf(samples, timeOf, LONGEST_GAP_SECONDS)) {
    if (run.length < FEWEST_SAMPLES) continue;
    const smooth = averaged(averaged(run, medianOf), meanOf);
    smooth.forEach((sample, i) => {
      boxes.set(sample.index, sample.box);
      const next = smooth[i + 1];
      for (let index = sample.index + 1; next && index < next.index; index++) {
        const share = (times[index]! - sample.time) / (next.time - sample.time);
        boxes.set(
          index,
          eachEdge((edge) => sample.box[edge] + share * (next.box[edge] - sample.box[edge])),
        );
      }
    });
    const last = smooth.at(-1)!;
    for (let index = last.index + 1; times[index]! - last.time <= HOLD_SECONDS; index++) boxes.set(index, last.box);
  }
  return boxes;
}

function eachEdge(value: (edge: Edge) => number): Box {
  return { x0: value("x0"), y0: value("y0"), x1: value("x1"), y1: value("y1") };
}

/** Every sample with its edges replaced by `average` of those of its neighbours in time. */
function averaged(
  run: readonly BoxSample[],
  average: (near: readonly BoxSample[], time: number, edge: Edge) => number,
): BoxSample[] {
  return run.map(({ index, time }, i) => {
    const near = run.slice(Math.max(0, i - REACH), i + REACH + 1);
    return { index, time, box: eachEdge((edge) => average(near, time, edge)) };
  });
}

function medianOf(near: readonly BoxSample[], time: number, edge: Edge): number {
  return median(near.filter((s) => Math.abs(s.time - time) <= MEDIAN_SECONDS).map((s) => s.box[edge]));
}

function meanOf(near: readonly BoxSample[], time: number, edge: Edge): number {
  return gaussianMean(near, timeOf, (s) => s.box[edge], time, MEAN_SECONDS);
}
