/** @file NumPy's array format (.npy, versions 1 to 3): https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { FormatError } from "../errors.ts";
import {
  allocate,
  bytesOf,
  elementCount,
  type HostDtype,
  type HostTensor,
  itemBytes,
  viewBytes,
} from "./host-tensor.ts";
import { showText } from "./show-text.ts";
import { contiguousStrides, fortranStrides, gatherStrided } from "./strided.ts";

/** An array of texts, from fixed-width unicode (`U`) or bytes (`S`); trailing zeros are cut as NumPy does. */
export interface NpyTexts {
  readonly dtype: "string";
  readonly shape: readonly number[];
  readonly data: string[];
}

/** What a .npy file holds, normalised to C order and little endian. `float16` data are bits, `int64` BigInt arrays. */
export type NpyArray = HostTensor | NpyTexts;

/** An element type as NumPy spells it, such as `<f4`, and its meaning here. */
interface Element {
  readonly dtype: HostDtype | "unicode" | "bytes";
  readonly bytes: number;
  readonly bigEndian: boolean;
}

const DTYPES: Readonly<Record<string, HostDtype>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
};
const CODES = new Map(Object.entries(DTYPES).map(([code, dtype]) => [dtype, code]));
const MAGIC = "\x93NUMPY";
const MAX_AXES = 32;

/** The array in the bytes of a .npy file. Throws FormatError (beginning with `where`) for anything else, object arrays included. */
export function parseNpy(bytes: Uint8Array, where = "npy"): NpyArray {
  const { descr, fortran, shape, dataStart } = parseHeader(bytes, where);
  return decodeArray(descr, fortran, shape, bytes.subarray(dataStart), where);
}

/** Element type and shape of a .npy file of which `bytes` is the beginning. Throws FormatError beginning with `where`. */
export function parseNpyHeader(bytes: Uint8Array, where = "npy"): Pick<NpyArray, "dtype" | "shape"> {
  const { descr, shape } = parseHeader(bytes, where);
  const { dtype } = parseElement(descr, where);
  checkShape(shape, where);
  return { dtype: dtype === "unicode" || dtype === "bytes" ? "string" : dtype, shape };
}

/**
 * An array from its raw bytes, NumPy's name of the element type, and its order. `bytes` must hold exactly that many
 * elements. Numeric data may be a view of `bytes`. Throws FormatError beginning with `where`.
 */
export function decodeArray(
  descr: string,
  fortran: boolean,
  shape: readonly number[],
  bytes: Uint8Array,
  where: string,
): NpyArray {
  const element = parseElement(descr, where);
  const count = checkShape(shape, where);
  if (count * element.bytes !== bytes.length || (element.bytes === 0 && count > 64)) {
    const need = `${descr}[${shape.join(", ")}] needs ${count * element.bytes} bytes`;
    throw new FormatError(where, `cut short or broken: ${need}, got ${bytes.length}`);
  }
  const strides = fortran ? fortranStrides(shape) : contiguousStrides(shape);
  if (element.dtype === "unicode" || element.dtype === "bytes") {
    return { dtype: "string", shape, data: decodeTexts(element, shape, strides, bytes, where) };
  }
  const native = element.bigEndian ? swapBytes(bytes, element.bytes) : bytes;
  const data = viewBytes(element.dtype, native);
  if (!fortran || shape.length < 2) return { dtype: element.dtype, shape, data };
  return { dtype: element.dtype, shape, data: gatherStrided(data, allocate(element.dtype, count), shape, strides, 0) };
}

/** The bytes of a .npy file (version 1.0, little endian, C order). Texts become fixed-width unicode. */
export function formatNpy(array: NpyArray): Uint8Array {
  const [descr, data] = array.dtype === "string" ? encodeTexts(array.data) : encodeNumbers(array);
  const header = formatHeader(descr, array.shape);
  const bytes = new Uint8Array(header.length + data.length);
  bytes.set(header);
  bytes.set(data, header.length);
  return bytes;
}

/** The bytes before the elements of a numeric .npy file, for arrays that are written piece by piece. */
export function npyHeader(dtype: HostDtype, shape: readonly number[]): Uint8Array {
  return formatHeader(numberCode(dtype), shape);
}

function formatHeader(descr: string, sizes: readonly number[]): Uint8Array {
  const shape = sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const dataStart = Math.ceil((11 + dictionary.length) / 64) * 64;
  const header = Buffer.alloc(dataStart);
  header.write(`${MAGIC}\x01\x00`, "latin1");
  header.writeUInt16LE(dataStart - 10, 8);
  header.write(`${dictionary.padEnd(dataStart - 11)}\n`, 10, "latin1");
  return header;
}

function parseHeader(bytes: Uint8Array, where: string) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.toString("latin1", 0, 6) !== MAGIC || buffer.length < 12) throw new FormatError(where, "not a .npy array");
  const version = buffer[6]!;
  if (version < 1 || version > 3) throw new FormatError(where, `expected .npy version 1 to 3, got ${version}`);
  const headerStart = version === 1 ? 10 : 12;
  const length = version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8);
  const dataStart = headerStart + length;
  if (dataStart > buffer.length || length > 1 << 20) {
    throw new FormatError(where, `cut short or broken: .npy header of ${length} bytes in ${buffer.length}`);
  }
  const text = buffer.toString("utf8", headerStart, dataStart);
  const descr = /['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)")/.exec(text);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text);
  const dimensions = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text);
  if (/['"]descr['"]\s*:\s*\[/.test(text)) throw new FormatError(where, "structured arrays are not supported");
  if (!descr || !order || !dimensions)
    throw new FormatError(where, `cannot read the .npy header ${showText(text, 200)}`);
  const shape = [...dimensions[1]!.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  return { descr: (descr[1] ?? descr[2])!, fortran: order[1] === "True", shape, dataStart };
}

function parseElement(descr: string, where: string): Element {
  const match = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr);
  const kind = match?.[2];
  const size = Number(match?.[3] || 0);
  const bigEndian = match?.[1] === ">";
  if (kind === "O") {
    const advice = "save it again as numbers or fixed-width text (in NumPy: array.astype(...))";
    throw new FormatError(where, `holds Python objects, which only Python can read safely; ${advice}`);
  }
  if (kind === "U" && size < 1 << 24) return { dtype: "unicode", bytes: size * 4, bigEndian };
  if ((kind === "S" || kind === "a") && size < 1 << 26) return { dtype: "bytes", bytes: size, bigEndian };
  const dtype = DTYPES[kind === "?" ? "b1" : `${kind}${size}`];
  if (!dtype) {
    throw new FormatError(
      where,
      `elements of type "${showText(descr)}" are not supported (known: ${Object.keys(DTYPES).join(", ")}, U, S)`,
    );
  }
  return { dtype, bytes: itemBytes(dtype), bigEndian };
}

function checkShape(shape: readonly number[], where: string): number {
  const whole = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const count = elementCount(shape);
  if (!whole || shape.length > MAX_AXES || !Number.isSafeInteger(count)) {
    throw new FormatError(where, `a shape of [${shape.slice(0, MAX_AXES).join(", ")}] is not possible`);
  }
  return count;
}

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const copy = Buffer.from(new Uint8Array(bytes).buffer);
  if (width === 2) copy.swap16();
  else if (width === 4) copy.swap32();
  else if (width === 8) copy.swap64();
  return copy;
}

function decodeTexts(
  element: Element,
  shape: readonly number[],
  strides: readonly number[],
  bytes: Uint8Array,
  where: string,
): string[] {
  const order = gatherStrided(
    Float64Array.from({ length: elementCount(shape) }, (_, i) => i),
    new Float64Array(elementCount(shape)),
    shape,
    strides,
    0,
  );
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from(order, (index) => {
    const item = buffer.subarray(index * element.bytes, (index + 1) * element.bytes);
    return element.dtype === "bytes" ? decodeByteText(item) : decodeUnicode(item, element.bigEndian, where);
  });
}

function decodeByteText(item: Buffer): string {
  let end = item.length;
  while (end > 0 && item[end - 1] === 0) end--;
  const text = item.toString("utf8", 0, end);
  return text.includes("\ufffd") ? item.toString("latin1", 0, end) : text;
}

function decodeUnicode(item: Buffer, bigEndian: boolean, where: string): string {
  let text = "";
  for (let at = 0; at < item.length; at += 4) {
    const code = bigEndian ? item.readUInt32BE(at) : item.readUInt32LE(at);
    if (code > 0x10ffff) throw new FormatError(where, `broken text: ${code} is no character`);
    text += String.fromCodePoint(code);
  }
  return text.replace(/\0+$/, "");
}

function encodeNumbers(array: HostTensor): readonly [descr: string, data: Uint8Array] {
  const descr = numberCode(array.dtype);
  if (elementCount(array.shape) !== array.data.length) {
    throw new FormatError("npy", `${array.data.length} elements do not fill [${array.shape.join(", ")}]`);
  }
  return [descr, bytesOf(array.data)];
}

function numberCode(dtype: HostDtype): string {
  const code = CODES.get(dtype);
  if (!code) throw new FormatError("npy", `NumPy has no ${dtype}; convert to float32 first`);
  return (itemBytes(dtype) === 1 ? "|" : "<") + code;
}

function encodeTexts(texts: readonly string[]): readonly [descr: string, data: Uint8Array] {
  const codes = texts.map((text) => Array.from(text, (letter) => letter.codePointAt(0)!));
  const width = codes.reduce((longest, letters) => Math.max(longest, letters.length), 1);
  const data = new Uint32Array(texts.length * width);
  codes.forEach((letters, i) => {
    data.set(letters, i * width);
  });
  return [`<U${width}`, bytesOf(data)];
}
