/** @file The windows that a person is seen through: squares that stand still while the person moves in them. */
import { type Box, type CropSquare, squareBox } from "../../src/image/box.ts";
import type { Track } from "../clips/tracks.ts";

/** How large windows are. */
export interface WindowShape {
  /** A window's side over the longer side of all boxes in it. */
  readonly boxScale: number;
  /** How many times as long as the longest of its boxes all boxes in a window may be together, before the next window begins. */
  readonly windowGrowth: number;
}

/**
 * The window of each frame of a track: frames that follow each other share one square, about all of their boxes, as long
 * as the person stays near. So two frames of one window have the same background where the camera stands still (Schmidtke
 * et al. 2021 take cells of a grid to this end).
 */
export function trackWindows({ boxes }: Track, { boxScale, windowGrowth }: WindowShape): Map<number, CropSquare> {
  const windows = new Map<number, CropSquare>();
  let frames: number[] = [];
  let around: Box | undefined;
  let longest = 0;
  const close = () => {
    if (!around) return;
    const square = squareBox(around, boxScale);
    for (const frame of frames) windows.set(frame, square);
  };
  for (const [frame, box] of boxes) {
    const grown = around ? unionOf(around, box) : box;
    const most = Math.max(longest, longerSide(box));
    if (around && longerSide(grown) > windowGrowth * most) {
      close();
      [frames, around, longest] = [[frame], box, longerSide(box)];
      continue;
    }
    frames.push(frame);
    [around, longest] = [grown, most];
  }
  close();
  return windows;
}

function unionOf(a: Box, b: Box): Box {
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}

function longerSide({ x0, y0, x1, y1 }: Box): number {
  return Math.max(x1 - x0, y1 - y0);
}
