/** @file The square that is cropped of a person in each frame: boxes of detectors shake, and crops that shake drown motion. */
import { type CropSquare, squareBox } from "../../src/image/box.ts";
import { gaussianMean, median, runsOf } from "../motion/averages.ts";
import type { Track } from "./tracks.ts";

/**
 * Seconds over which squares are averaged unless said otherwise. Neighbouring crops of real detections are several pixels
 * apart where the body moves by one; this takes most of that away and stays behind nobody's walk.
 */
export const BOX_SMOOTHING = 0.15;
/** Frames further apart, seconds, are not averaged: the person was not seen between. */
const LONGEST_GAP = 0.5;
/** Standard deviations on each side that an average looks at. */
const REACH = 3;

/** Centre and logarithm of the side, so that a change of size is the same up and down. */
type Values = readonly [cx: number, cy: number, size: number];

interface Sample {
  readonly frame: number;
  readonly values: Values;
}

const frameOf = ({ frame }: Sample): number => frame;

/**
 * The square of each frame of a track: its box made square and scaled, then made steady over `smoothing` seconds: the
 * median over that time on each side (which drops single wrong boxes), then a Gaussian mean with that standard deviation.
 * 0 leaves the squares as they are. `fps` tells frames from seconds.
 */
export function trackSquares(
  track: Track,
  scale: number,
  fps: number,
  smoothing: number = BOX_SMOOTHING,
): Map<number, CropSquare> {
  const squares = [...track.boxes].map(([frame, box]) => [frame, squareBox(box, scale)] as const);
  const sigma = smoothing * fps;
  if (!(sigma > 0)) return new Map(squares);
  const samples = squares.map(([frame, { cx, cy, side }]): Sample => ({ frame, values: [cx, cy, Math.log(side)] }));
  const steady = runsOf(samples, frameOf, Math.max(1, LONGEST_GAP * fps)).flatMap((run) => steadied(run, sigma));
  return new Map(steady.map(({ frame, values: [cx, cy, size] }) => [frame, { cx, cy, side: Math.exp(size) }]));
}

function steadied(run: readonly Sample[], sigma: number): Sample[] {
  const calm = averaged(run, sigma, (near, _frame, which) => median(near.map(({ values }) => values[which])));
  return averaged(calm, REACH * sigma, (near, frame, which) =>
    gaussianMean(near, frameOf, ({ values }) => values[which], frame, sigma),
  );
}

type Average = (near: readonly Sample[], frame: number, which: 0 | 1 | 2) => number;

/** Every sample with its values replaced by averages of the samples at most `reach` frames away, evenly on both sides. */
function averaged(run: readonly Sample[], reach: number, average: Average): Sample[] {
  let first = 0;
  let last = 0;
  return run.map(({ frame }) => {
    // Near an end both sides are cut alike: a walk is followed to its last step instead of being pulled back.
    const even = Math.min(reach, frame - run[0]!.frame, run.at(-1)!.frame - frame);
    while (run[first]!.frame < frame - reach) first++;
    while (last < run.length && run[last]!.frame <= frame + reach) last++;
    const near = run.slice(first, last).filter((sample) => Math.abs(sample.frame - frame) <= even);
    return { frame, values: [average(near, frame, 0), average(near, frame, 1), average(near, frame, 2)] };
  });
}
