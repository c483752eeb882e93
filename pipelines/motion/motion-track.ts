/**
 * @file The track of what moves against the camera: for videos without a person detector's boxes. One region per frame,
 * the largest that moves; it needs a person who moves, and says nothing of two.
 */
import type { Box } from "../../src/image/box.ts";
import { decodeVideo, type Frame, type VideoInfo } from "../../src/video/video.ts";
import type { Context } from "../run/context.ts";
import { type Affine, compose, IDENTITY, invert } from "./camera-motion.ts";
import { type Grey, shrinkToGrey } from "./grey.ts";
import { greatestSpeed, type MovingRegion, movingBox, movingRegion, type RegionBox } from "./moving-region.ts";
import { type BoxSample, smoothBoxes } from "./smooth-boxes.ts";

/** Longer side of the pictures that motion is measured on, and how many of them per second. */
const SIDE = 128;
const RATE = 12;
/** A person is what moved within this time before or after: feet stand while hands move. */
const WINDOW_SECONDS = 0.4;
/** Pictures further apart than this do not show one motion. */
const LONGEST_STEP_SECONDS = 0.5;

/** A picture, when it was, and what moves from it to the next one. */
interface Station {
  readonly index: number;
  readonly time: number;
  readonly grey: Grey;
  moving?: MovingRegion;
}

/**
 * The smoothed box of the largest thing that moves against the camera, by frame index, in pixels of the upright frame;
 * frames around which nothing moves are left out. Reads the video once; memory does not grow with its length. Throws
 * what decodeVideo throws; a video that breaks off gives what was seen before, so that its reader tells of the damage.
 */
export async function motionTrack(video: VideoInfo, context: Context): Promise<Map<number, Box>> {
  const scale = SIDE / Math.max(SIDE, video.width, video.height);
  const [height, width] = [video.height, video.width].map((side) => Math.max(8, Math.round(side * scale)));
  const samples: BoxSample[] = [];
  const times: number[] = [];
  let last: RegionBox | undefined;
  for await (const window of windows(stations(video, height!, width!, times, context))) {
    const box = movingBox(greatestSpeed(window.parts), last);
    if (!box) continue;
    last = box;
    samples.push({ index: window.index, time: window.time, box: enlarged(box, video, height!, width!) });
  }
  return smoothBoxes(samples, times);
}

/** Every picture that is looked at; the times of all frames go to `times`. */
async function* stations(
  video: VideoInfo,
  height: number,
  width: number,
  times: number[],
  context: Context,
): AsyncGenerator<Station> {
  let next = Number.NEGATIVE_INFINITY;
  for await (const frame of decodeVideo(video)) {
    context.signal.throwIfAborted();
    times.push(frame.time);
    if (frame.time < next) continue;
    next = frame.time + 0.99 / RATE;
    yield stationOf(frame, height, width);
  }
}

function stationOf({ image, index, time }: Frame, height: number, width: number): Station {
  return { index, time, grey: shrinkToGrey(image, height, width) };
}

interface Window {
  readonly index: number;
  readonly time: number;
  readonly parts: readonly { readonly speed: Grey; readonly toPicture: Affine }[];
}

/** For each picture what moves shortly before and after it, seen from that picture. */
async function* windows(source: AsyncIterable<Station>): AsyncGenerator<Window> {
  const held: Station[] = [];
  let at = 0;
  for await (const station of source) {
    const before = held.at(-1);
    if (before && station.time - before.time <= LONGEST_STEP_SECONDS)
      before.moving = movingRegion(before.grey, station.grey);
    held.push(station);
    for (; at < held.length && held[at]!.time + WINDOW_SECONDS < station.time; at++) yield* windowAt(held, at);
    while (held.length > 0 && held[0]!.time < held[at]!.time - WINDOW_SECONDS) {
      held.shift();
      at--;
    }
  }
  for (; at < held.length; at++) yield* windowAt(held, at);
}

function* windowAt(held: readonly Station[], at: number): Generator<Window> {
  const { index, time } = held[at]!;
  const parts: { speed: Grey; toPicture: Affine }[] = [];
  let toPicture = IDENTITY;
  for (let k = at; k < held.length; k++) {
    const { moving, time: then } = held[k]!;
    if (!moving?.isReliable || then > time + WINDOW_SECONDS) break;
    parts.push({ speed: moving.speed, toPicture });
    toPicture = compose(moving.camera, toPicture);
  }
  toPicture = IDENTITY;
  for (let k = at - 1; k >= 0; k--) {
    const { moving, time: then } = held[k]!;
    if (!moving?.isReliable || then < time - WINDOW_SECONDS) break;
    toPicture = compose(invert(moving.camera), toPicture);
    parts.push({ speed: moving.speed, toPicture });
  }
  if (parts.length > 0) yield { index, time, parts };
}

/** A box of the small picture in pixels of the frame: a resize by s maps x to s(x + 0.5) - 0.5. */
function enlarged({ x0, y0, x1, y1 }: RegionBox, video: VideoInfo, height: number, width: number): Box {
  const [sx, sy] = [video.width / width, video.height / height];
  return {
    x0: sx * (x0 + 0.5) - 0.5,
    y0: sy * (y0 + 0.5) - 0.5,
    x1: sx * (x1 + 0.5) - 0.5,
    y1: sy * (y1 + 0.5) - 0.5,
  };
}
