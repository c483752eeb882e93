/** @file Which way up a photo was taken: the orientation tag of Exif in JPEG files. */
import { createImage, type Image, sizeOf } from "./image.ts";

/** TIFF orientation: 1 as stored, 2 mirrored, 3 turned by 180 degrees, 4 flipped, 5..8 with rows and columns swapped. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;

/** The Exif orientation in the first bytes of a JPEG file; 1 where there is none, or none that makes sense. */
export function jpegOrientation(bytes: Uint8Array): Orientation {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return 1;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = view.getUint16(at);
    const length = view.getUint16(at + 2);
    if (marker >> 8 !== 0xff || marker === 0xffda || length < 2 || at + 2 + length > bytes.length) return 1;
    if (marker === 0xffe1) {
      const found = exifOrientation(bytes.subarray(at + 4, at + 2 + length));
      if (found) return found;
    }
    at += 2 + length;
  }
  return 1;
}

/** The tag in an APP1 segment: "Exif\0\0", then a TIFF header whose first directory is read. */
function exifOrientation(segment: Uint8Array): Orientation | undefined {
  if (segment.length < 14 || String.fromCharCode(...segment.subarray(0, 4)) !== "Exif") return undefined;
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  const little = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return undefined;
  const entries = tiff.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > tiff.byteLength) return undefined;
    if (tiff.getUint16(entry, little) !== ORIENTATION_TAG || tiff.getUint16(entry + 2, little) !== SHORT) continue;
    const value = tiff.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? (value as Orientation) : undefined;
  }
  return undefined;
}

/** A stored picture as it is to be looked at. */
export function turnUpright(image: Image, orientation: Orientation): Image {
  if (orientation === 1) return image;
  const { height, width } = sizeOf(image);
  const swapped = orientation >= 5;
  const upright = swapped ? createImage(width, height) : createImage(height, width);
  const columns = swapped ? height : width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = place(orientation, y, x, height, width);
      const from = (y * width + x) * 3;
      upright.data.set(image.data.subarray(from, from + 3), (row * columns + column) * 3);
    }
  }
  return upright;
}

/** Where the stored pixel (y, x) goes: [row, column]. */
function place(orientation: Orientation, y: number, x: number, height: number, width: number): [number, number] {
  switch (orientation) {
    case 2:
      return [y, width - 1 - x];
    case 3:
      return [height - 1 - y, width - 1 - x];
    case 4:
      return [height - 1 - y, x];
    case 5:
      return [x, y];
    case 6:
      return [x, height - 1 - y];
    case 7:
      return [width - 1 - x, height - 1 - y];
    case 8:
      return [width - 1 - x, y];
    default:
      return [y, x];
  }
}
