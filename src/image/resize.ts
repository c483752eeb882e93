/** @file Resizing of whole pictures. */
import { MotionCueError } from "../errors.ts";
import { type Image, sizeOf } from "./image.ts";
import { axisFilter, resample } from "./resample.ts";

/**
 * The picture at `height x width`: a resize by s maps x to s(x + 0.5) - 0.5 on each axis. Bilinear when enlarging,
 * averaged over about the area of an output pixel when shrinking; edges are repeated. The same size gives a copy.
 */
export function resizeImage(image: Image, height: number, width: number): Image {
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0))
    throw new MotionCueError("resize", `expected sides of at least 1 px, got ${width}x${height}`);
  const from = sizeOf(image);
  return resample(image, wholeAxis(from.height, height), wholeAxis(from.width, width));
}

function wholeAxis(length: number, outputs: number) {
  const step = length / outputs;
  return axisFilter(outputs, step / 2 - 0.5, step, length, "nearest");
}
