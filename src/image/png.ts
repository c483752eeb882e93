/** @file PNG pictures, by fast-png. */
import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";
import { convertIndexedToRgb, type DecodedPng, decode, encode } from "fast-png";
import { FormatError } from "../errors.ts";
import { writeFileAtomic } from "../io/write-file.ts";
import { createImage, type Image, MAX_PIXELS, MAX_SIDE, sizeOf } from "./image.ts";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** The chunks that pixels need. The others are dropped before decoding: they can hold compressed data of any size. */
const NEEDED = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const ENDS_EARLY = "the PNG file ends too early; copy or export it again";

/** The PNG file at `path` as a picture; see decodePng. */
export async function readPng(path: string): Promise<Image> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FormatError(path, cause.code === "ENOENT" ? "no such file" : `cannot be read: ${cause.message}`);
  });
  return decodePng(bytes, path);
}

/** Writes a picture as an 8-bit RGB PNG file, whole or not at all. */
export function writePng(path: string, image: Image): Promise<void> {
  return writeFileAtomic(path, encodePng(image));
}

/** A picture as the bytes of an 8-bit RGB PNG file. */
export function encodePng(image: Image): Uint8Array {
  const { height, width } = sizeOf(image);
  return encode({ width, height, data: image.data, channels: 3, depth: 8 });
}

/** Whether bytes begin as a PNG file does. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * The picture in the bytes of a PNG file of any colour type and depth. Greys are repeated, 16 bits are rounded to 8,
 * transparency is dropped. Throws FormatError, named by `path`, for other or damaged files and for more than MAX_SIDE
 * or MAX_PIXELS; the pixel data is measured before it is decoded.
 */
export function decodePng(bytes: Uint8Array, path = "PNG"): Image {
  return decoded(bytes, path, toRgb);
}

/** Three samples of 16 bits per pixel, in rows from the top. */
export interface Samples16 {
  readonly height: number;
  readonly width: number;
  readonly data: Uint16Array;
}

/** The samples of a 16-bit RGB PNG file as they are: for files that hold numbers, not colours. Throws FormatError as decodePng. */
export function decodePng16(bytes: Uint8Array, path = "PNG"): Samples16 {
  return decoded(bytes, path, ({ height, width, depth, channels, data }) => {
    if (depth !== 16 || channels !== 3 || !(data instanceof Uint16Array))
      throw new FormatError(path, `expected a PNG file of 3 channels with 16 bits, got ${channels} with ${depth}`);
    return { height, width, data };
  });
}

/** Samples as the bytes of a 16-bit RGB PNG file. */
export function encodePng16({ height, width, data }: Samples16): Uint8Array {
  return encode({ width, height, data, channels: 3, depth: 16 });
}

function decoded<T>(bytes: Uint8Array, path: string, convert: (png: DecodedPng) => T): T {
  if (!isPng(bytes)) throw new FormatError(path, "expected a PNG file, got something else");
  try {
    return convert(decode(neededChunks(bytes, path), { checkCrc: true }));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(path, `damaged PNG file: ${(cause as Error).message}; copy or export it again`);
  }
}

/** The file without the chunks that pixels do not need, after its pixel data was found to have the size it should. */
function neededChunks(bytes: Uint8Array, path: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [SIGNATURE];
  const data: Uint8Array[] = [];
  let header: PngHeader | undefined;
  let type = "";
  for (let at = 8; type !== "IEND"; ) {
    const length = at + 12 > bytes.length ? Number.POSITIVE_INFINITY : view.getUint32(at);
    const end = at + 12 + length;
    if (end > bytes.length) throw new FormatError(path, ENDS_EARLY);
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IHDR") header = readHeader(view, at + 8, path);
    if (type === "IDAT") data.push(bytes.subarray(at + 8, end - 4));
    if (NEEDED.has(type)) kept.push(bytes.subarray(at, end));
    at = end;
  }
  if (!header || data.length === 0) throw new FormatError(path, "the PNG file has no header or no pixels");
  const inflated = inflateSync(Buffer.concat(data), { maxOutputLength: header.bytes }).length;
  if (!header.interlaced && inflated !== header.bytes) throw new FormatError(path, ENDS_EARLY);
  return new Uint8Array(Buffer.concat(kept));
}

interface PngHeader {
  readonly interlaced: boolean;
  /** What the pixels take before compression; for interlaced files an upper bound. */
  readonly bytes: number;
}

function readHeader(view: DataView, at: number, path: string): PngHeader {
  const width = view.getUint32(at);
  const height = view.getUint32(at + 4);
  const depth = view.getUint8(at + 8);
  const channels = CHANNELS[view.getUint8(at + 9)];
  const interlaced = view.getUint8(at + 12) !== 0;
  if (channels === undefined) throw new FormatError(path, "the PNG file has an unknown colour type");
  if (width === 0 || height === 0) throw new FormatError(path, `the PNG file has no pixels (${width}x${height})`);
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
    throw new FormatError(path, `the picture is too large: ${width}x${height} px; make it smaller`);
  if (interlaced && depth < 8)
    throw new FormatError(path, `interlaced PNG with ${depth} bits is not supported; save it without interlacing`);
  const plain = (Math.ceil((width * depth * channels) / 8) + 1) * height;
  return { interlaced, bytes: interlaced ? plain * 2 + 64 : plain };
}

function toRgb(png: DecodedPng): Image {
  const { width, height } = png;
  const image = createImage(height, width);
  const indexed = png.palette !== undefined && png.channels === 1;
  const samples = indexed ? convertIndexedToRgb(png) : png.depth < 8 ? unpackGrey(png) : png.data;
  const channels = samples.length / (width * height);
  const green = channels > 2 ? 1 : 0;
  const scale = !indexed && png.depth === 16 ? 255 / 65535 : 1;
  for (let i = 0, o = 0; o < image.data.length; i += channels, o += 3) {
    image.data[o] = Math.round(samples[i]! * scale);
    image.data[o + 1] = Math.round(samples[i + green]! * scale);
    image.data[o + 2] = Math.round(samples[i + 2 * green]! * scale);
  }
  return image;
}

/** Grey samples of 1, 2 or 4 bits, packed from the high bits down and row by row, as bytes 0..255. */
function unpackGrey({ width, height, depth, data }: DecodedPng): Uint8Array {
  const grey = new Uint8Array(width * height);
  const rowBytes = Math.ceil((width * depth) / 8);
  const top = 2 ** depth - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const shift = 8 - depth - (bit & 7);
      grey[y * width + x] = (((data[y * rowBytes + (bit >> 3)]! >> shift) & top) * 255) / top;
    }
  }
  return grey;
}
