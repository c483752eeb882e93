/** @file The safetensors format: an 8-byte header length, a JSON header, and raw little-endian tensors. */
import { FormatError } from "../errors.ts";
import { type ByteSource, withSource } from "./byte-source.ts";
import {
  bytesOf,
  castFloats,
  describeTensor,
  elementCount,
  type HostDtype,
  type HostTensor,
  itemBytes,
  viewBytes,
} from "./host-tensor.ts";
import { showText } from "./show-text.ts";
import { writeFileAtomic } from "./write-file.ts";

const DTYPES: Readonly<Record<string, HostDtype>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U64: "uint64",
  U32: "uint32",
  U16: "uint16",
  U8: "uint8",
  BOOL: "bool",
};
const CODES = new Map(Object.entries(DTYPES).map(([code, dtype]) => [dtype, code]));
const METADATA = "__metadata__";
/** The format's own bound on the header. */
const MAX_HEADER_BYTES = 100_000_000;

/** Where one tensor lies: bytes from the end of the header. */
export interface SafetensorsEntry {
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What the header says; nothing of the data is read. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly dataStart: number;
}

/** What a safetensors file holds. Each tensor has a buffer of its own. */
export interface Safetensors {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Record<string, string>;
}

/** All tensors and the metadata of a safetensors file (or its bytes). Throws FormatError for anything not exactly right. */
export function readSafetensors(input: string | Uint8Array, name = "safetensors"): Promise<Safetensors> {
  const read = async (source: ByteSource): Promise<Safetensors> => {
    const { entries, metadata, dataStart } = await readHeader(source);
    const tensors = new Map<string, HostTensor>();
    for (const [key, { dtype, shape, begin, end }] of entries) {
      const bytes = await source.read(dataStart + begin, end - begin);
      tensors.set(key, { dtype, shape, data: viewBytes(dtype, bytes) });
    }
    return { tensors, metadata: { ...metadata } };
  };
  return withSource(input, read, name);
}

/** Only the header of a safetensors file (or its bytes): names, dtypes, shapes, places and metadata. Throws FormatError. */
export function readSafetensorsHeader(input: string | Uint8Array, name = "safetensors"): Promise<SafetensorsHeader> {
  return withSource(input, readHeader, name);
}

/** How to write tensors: with `dtype`, floating-point tensors of other dtypes are converted to it. */
export interface SafetensorsOptions {
  readonly dtype?: "float32" | "float16";
}

/**
 * Writes tensors and metadata; keys keep their order in the header, data are sorted by element size so that every
 * tensor is aligned. Equal input gives equal bytes. Throws MotionCueError naming the path.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: SafetensorsOptions = {},
): Promise<void> {
  await writeFileAtomic(path, formatSafetensors(tensors, metadata, options));
}

/** The bytes that `writeSafetensors` writes, in pieces: the header, then each tensor's data (views, not copies). */
export function formatSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: SafetensorsOptions = {},
): Uint8Array[] {
  const converted = [...tensors].map(([key, tensor]) => [key, convert(key, tensor, options.dtype)] as const);
  const placed = [...converted].sort(([, a], [, b]) => itemBytes(b.dtype) - itemBytes(a.dtype));
  const begins = new Map<string, number>();
  let size = 0;
  for (const [key, { data }] of placed) {
    begins.set(key, size);
    size += data.byteLength;
  }
  const described = converted.map(([key, { dtype, shape, data }]) => {
    const begin = begins.get(key)!;
    return [key, { dtype: CODES.get(dtype), shape, data_offsets: [begin, begin + data.byteLength] }] as const;
  });
  const first = Object.keys(metadata).length > 0 ? [[METADATA, metadata] as const] : [];
  // Written entry by entry, because an object would move keys that look like numbers to the front.
  const fields = [...first, ...described].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return [formatHeader(`{${fields.join(",")}}`), ...placed.map(([, { data }]) => bytesOf(data))];
}

function formatHeader(json: string): Uint8Array {
  const text = Buffer.from(json);
  const header = Buffer.alloc(Math.ceil((8 + text.length) / 8) * 8, " ");
  header.writeBigUInt64LE(BigInt(header.length - 8));
  text.copy(header, 8);
  return header;
}

function convert(key: string, tensor: HostTensor, dtype: SafetensorsOptions["dtype"]): HostTensor {
  if (key === METADATA) throw new FormatError("safetensors", `a tensor cannot be called ${METADATA}`);
  if (elementCount(tensor.shape) !== tensor.data.length) {
    throw new FormatError("safetensors", `${key} has ${tensor.data.length} elements for ${describeTensor(tensor)}`);
  }
  return castFloats(tensor, dtype);
}

async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  if (source.size < 10) throw new FormatError(source.name, "not a safetensors file: shorter than its shortest header");
  const lengthBytes = await source.read(0, 8);
  const length = Number(new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > source.size - 8) {
    throw new FormatError(
      source.name,
      `not a safetensors file: a header of ${length} bytes in a file of ${source.size}`,
    );
  }
  const fields = parseJsonObject(source.name, await source.read(8, length));
  const dataStart = 8 + length;
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (key === METADATA) metadata = parseMetadata(source.name, value);
    else entries.set(key, parseEntry(source.name, key, value));
  }
  checkPlaces(source.name, entries, source.size - dataStart);
  return { entries, metadata, dataStart };
}

function parseJsonObject(where: string, bytes: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FormatError(where, `broken safetensors header: ${showText((error as Error).message, 200)}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new FormatError(where, "broken safetensors header: expected a JSON object");
}

function parseMetadata(where: string, value: unknown): Record<string, string> {
  const entries =
    typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  if (!entries || entries.some(([, text]) => typeof text !== "string")) {
    throw new FormatError(where, `broken safetensors header: ${METADATA} must map texts to texts`);
  }
  return Object.fromEntries(entries);
}

function parseEntry(where: string, key: string, value: unknown): SafetensorsEntry {
  const fail = (problem: string): never => {
    throw new FormatError(where, `broken safetensors header: tensor "${showText(key)}" ${problem}`);
  };
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = typeof code === "string" && Object.hasOwn(DTYPES, code) ? DTYPES[code] : undefined;
  if (!dtype) {
    const got = typeof code === "string" ? `"${showText(code)}"` : typeof code;
    return fail(`has dtype ${got} (known: ${Object.keys(DTYPES).join(", ")})`);
  }
  if (!isSizes(shape) || shape.length > 64) return fail("has no shape of whole numbers");
  if (!isSizes(offsets) || offsets.length !== 2) return fail("has no two data_offsets");
  const [begin, end] = offsets as [number, number];
  const bytes = elementCount(shape) * itemBytes(dtype);
  if (end - begin !== bytes)
    return fail(`needs ${bytes} bytes for ${describeTensor({ dtype, shape })}, has ${end - begin}`);
  return { dtype, shape, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** The format forbids holes and overlaps: sorted by place, each tensor begins where the one before it ends. */
function checkPlaces(where: string, entries: ReadonlyMap<string, SafetensorsEntry>, dataBytes: number): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [key, { begin, end }] of sorted) {
    if (begin !== at) {
      const what = begin < at ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new FormatError(where, `broken safetensors file: tensor "${showText(key)}" ${what}`);
    }
    at = end;
  }
  if (at !== dataBytes) {
    throw new FormatError(where, `broken safetensors file: its tensors take ${at} bytes, the file has ${dataBytes}`);
  }
}
