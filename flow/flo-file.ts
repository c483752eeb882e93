/**
 * @file Middlebury's .flo files (Baker et al. 2011): the float 202021.25 ("PIEH"), int32 width and height, then (dx, dy) as
 * float32 pixels row by row, little endian.
 */
import { FormatError } from "../src/errors.ts";
import { type ByteSource, withSource } from "../src/io/byte-source.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { type FlowField, flowFieldFrom, flowSize, isKnownFlow } from "./flow-field.ts";

const MAGIC = 202021.25;
const HEADER_BYTES = 12;
/** The format's readers accept sides up to this. */
const MAX_SIDE = 99_999;
/** What stands in a file for a vector that is unknown. */
const UNKNOWN = 1e10;

/** Width and height of a .flo file (or its bytes); nothing else is read. Throws FormatError. */
export function readFloSize(input: string | Uint8Array): Promise<{ readonly height: number; readonly width: number }> {
  return withSource(input, readHeader, "flo");
}

/**
 * The flow field of a .flo file (or its bytes). Unknown vectors stay as they are stored, beyond 1e9 (`isKnownFlow` tells
 * them), so that writing the field again gives the same file. Throws FormatError where magic, sides or length are wrong.
 */
export function readFlo(input: string | Uint8Array): Promise<FlowField> {
  const read = async (source: ByteSource): Promise<FlowField> => {
    const { height, width } = await readHeader(source);
    const bytes = await source.read(HEADER_BYTES, height * width * 8);
    return flowFieldFrom(new Float32Array(bytes.buffer, bytes.byteOffset, height * width * 2), height, width);
  };
  return withSource(input, read, "flo");
}

/** Writes a field as a .flo file. Vectors that are NaN or infinite become 1e10, the format's "unknown". */
export async function writeFlo(path: string, field: FlowField): Promise<void> {
  await writeFileAtomic(path, formatFlo(field));
}

/** The bytes of a .flo file. */
export function formatFlo(field: FlowField): Uint8Array {
  const { height, width } = flowSize(field);
  if (Math.min(height, width) < 1 || Math.max(height, width) > MAX_SIDE)
    throw new FormatError("flo", `expected sides of 1 to ${MAX_SIDE} px, got ${width}x${height}`);
  const bytes = new Uint8Array(HEADER_BYTES + field.data.byteLength);
  const header = new DataView(bytes.buffer);
  header.setFloat32(0, MAGIC, true);
  header.setInt32(4, width, true);
  header.setInt32(8, height, true);
  const values = new Float32Array(bytes.buffer, HEADER_BYTES);
  values.set(field.data);
  for (let i = 0; i < values.length; i += 2) {
    if (isKnownFlow(values[i]!, values[i + 1]!)) continue;
    if (!Number.isFinite(values[i]!)) values[i] = UNKNOWN;
    if (!Number.isFinite(values[i + 1]!)) values[i + 1] = UNKNOWN;
  }
  return bytes;
}

async function readHeader(source: ByteSource): Promise<{ readonly height: number; readonly width: number }> {
  if (source.size < HEADER_BYTES) throw new FormatError(source.name, "not a .flo file: shorter than its header");
  const bytes = await source.read(0, HEADER_BYTES);
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  if (header.getFloat32(0, true) !== MAGIC)
    throw new FormatError(source.name, `not a .flo file: it begins with ${header.getFloat32(0, true)}, not ${MAGIC}`);
  const width = header.getInt32(4, true);
  const height = header.getInt32(8, true);
  if (Math.min(height, width) < 1 || Math.max(height, width) > MAX_SIDE)
    throw new FormatError(source.name, `broken: expected sides of 1 to ${MAX_SIDE} px, got ${width}x${height}`);
  const wanted = HEADER_BYTES + height * width * 8;
  if (source.size !== wanted)
    throw new FormatError(
      source.name,
      `cut short or broken: ${width}x${height} needs ${wanted} bytes, got ${source.size}`,
    );
  return { height, width };
}
