/** @file KITTI's flow files: 16-bit PNG with (value - 2^15) / 64 px in red (dx) and green (dy), and whether it is known in blue. */
import { readFile } from "node:fs/promises";
import { FormatError } from "../src/errors.ts";
import { decodePng16, encodePng16 } from "../src/image/png.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { createFlowField, type FlowField, flowSize, isKnownFlow } from "./flow-field.ts";

/** What stands in a field for a vector that is unknown. */
const UNKNOWN = 1e10;
const ZERO = 2 ** 15;
const STEPS = 64;
const LARGEST = 2 ** 16 - 1;

/** The flow of a KITTI PNG file; unknown vectors are beyond 1e9, as in .flo files (`isKnownFlow` tells them). Throws FormatError for other or damaged files. */
export async function readKittiFlow(path: string): Promise<FlowField> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FormatError(path, cause.code === "ENOENT" ? "no such file" : `cannot be read: ${cause.message}`);
  });
  const { height, width, data } = decodePng16(bytes, path);
  const field = createFlowField(height, width);
  for (let i = 0; i < height * width; i++) {
    const known = data[3 * i + 2]! > 0;
    for (const axis of [0, 1]) field.data[2 * i + axis] = known ? (data[3 * i + axis]! - ZERO) / STEPS : UNKNOWN;
  }
  return field;
}

/** Writes flow as KITTI does: steps of 1/64 px; what is unknown or beyond 512 px is marked as unknown. */
export async function writeKittiFlow(path: string, field: FlowField): Promise<void> {
  const { height, width } = flowSize(field);
  const data = new Uint16Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const dx = field.data[2 * i]!;
    const dy = field.data[2 * i + 1]!;
    const values = [dx, dy].map((value) => Math.round(value * STEPS + ZERO));
    if (isKnownFlow(dx, dy) && values.every((value) => value >= 0 && value <= LARGEST)) data.set([...values, 1], 3 * i);
  }
  await writeFileAtomic(path, encodePng16({ height, width, data }));
}
