/** @file Square crops of frames: what the regressor and the flow network look at. */
import { MotionCueError } from "../errors.ts";
import type { CropSquare } from "./box.ts";
import { type Image, sizeOf } from "./image.ts";
import { axisFilter, resample } from "./resample.ts";

/** The map from frame pixels to crop pixels, `q = a*p + b` on each axis (pixel centres are integers in both). */
export interface CropMap {
  readonly a: number;
  readonly bx: number;
  readonly by: number;
}

/**
 * How a `square` of a frame maps to its `size x size` crop: the square's outer edges become -0.5 and size - 0.5, so
 * a = size/side and b = (side/2 - centre)*a - 0.5. Back: p = (q - b)/a.
 */
export function cropMap(square: CropSquare, size: number): CropMap {
  const a = size / square.side;
  return { a, bx: (square.side / 2 - square.cx) * a - 0.5, by: (square.side / 2 - square.cy) * a - 0.5 };
}

/**
 * The `square` of a picture as `[size,size,3]`: bilinear when enlarging, averaged over about the area of an output
 * pixel when shrinking; black outside the picture. Throws MotionCueError for a square or size that is not positive.
 */
export function cropSquare(image: Image, square: CropSquare, size: number): Image {
  const { cx, cy, side } = square;
  if (!(Number.isInteger(size) && size > 0 && side > 0 && Number.isFinite(side + cx + cy))) {
    const got = `centre (${cx}, ${cy}), side ${side}, size ${size}`;
    throw new MotionCueError("crop", `expected a positive side and size, got ${got}`);
  }
  const { height, width } = sizeOf(image);
  const { a, bx, by } = cropMap(square, size);
  const yFilter = axisFilter(size, -by / a, 1 / a, height, "zero");
  return resample(image, yFilter, axisFilter(size, -bx / a, 1 / a, width, "zero"));
}
