/** @file Boxes and squares in pixels of a picture. */
import { MotionCueError } from "../errors.ts";

/**
 * A box by its outer edges, in continuous pixel coordinates: pixel i spans i - 0.5 .. i + 0.5, so that the whole of a
 * W x H picture is `{x0: -0.5, y0: -0.5, x1: W - 0.5, y1: H - 0.5}`. Boxes of track files are used as they stand.
 */
export interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** A square by its centre and side, in the same coordinates. It may reach over the picture's edges. */
export interface CropSquare {
  readonly cx: number;
  readonly cy: number;
  readonly side: number;
}

/** The box of a whole picture. */
export function fullBox(height: number, width: number): Box {
  return { x0: -0.5, y0: -0.5, x1: width - 0.5, y1: height - 0.5 };
}

/**
 * The square about the centre of `box` whose side is the box's longer side times `scale` (1.2 leaves a tenth of margin
 * on each side). Throws MotionCueError for a box that is empty, turned over or not finite.
 */
export function squareBox(box: Box, scale: number): CropSquare {
  const { x0, y0, x1, y1 } = box;
  const side = Math.max(x1 - x0, y1 - y0) * scale;
  if (!(x1 > x0 && y1 > y0 && side > 0 && Number.isFinite(side) && Number.isFinite(x0 + y0))) {
    const got = `[${x0}, ${y0}, ${x1}, ${y1}], scale ${scale}`;
    throw new MotionCueError("box", `expected x0 < x1, y0 < y1 and scale > 0, got ${got}`);
  }
  return { cx: (x0 + x1) / 2, cy: (y0 + y1) / 2, side };
}
