/** @file Small grey pictures, as the motion of the camera is measured on. */
import { type Image, sizeOf } from "../../src/image/image.ts";

/** Brightness 0..255, row after row. */
export interface Grey {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** `image` as a grey picture of `height` x `width` (no larger than it): each pixel the mean of those that fall on it. */
export function shrinkToGrey(image: Image, height: number, width: number): Grey {
  const from = sizeOf(image);
  const sums = new Float32Array(height * width);
  const counts = new Float32Array(height * width);
  const column = Int32Array.from({ length: from.width }, (_, x) => Math.floor((x * width) / from.width));
  for (let y = 0, i = 0; y < from.height; y++) {
    const row = Math.floor((y * height) / from.height) * width;
    for (let x = 0; x < from.width; x++, i += 3) {
      const at = row + column[x]!;
      sums[at]! += 0.299 * image.data[i]! + 0.587 * image.data[i + 1]! + 0.114 * image.data[i + 2]!;
      counts[at]!++;
    }
  }
  for (let i = 0; i < sums.length; i++) sums[i]! /= counts[i]!;
  return { height, width, data: sums };
}

/** A picture of half the size; an odd last row or column is left out. */
export function halve(grey: Grey): Grey {
  const [height, width] = [grey.height >> 1, grey.width >> 1];
  const data = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 2 * y * grey.width + 2 * x;
      const below = at + grey.width;
      data[y * width + x] = (grey.data[at]! + grey.data[at + 1]! + grey.data[below]! + grey.data[below + 1]!) / 4;
    }
  }
  return { height, width, data };
}
