/** @file The bytes of a pickle: a cursor that never reads past the end, and Python's spellings of numbers and texts. */

/** Longest integer that is read, in bytes; larger ones are no data that anybody needs, and slow to convert. */
const MAX_LONG_BYTES = 1024;

/** A cursor over a pickle's bytes. Every method moves it past what it returns, and ends in `onEnd` where that is not there. */
export interface PickleBytes {
  position(): number;
  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array;
  /** The text up to the next line feed, one letter per byte. */
  line(): string;
  latin1(length: number): string;
  utf8(length: number): string;
  byte(): number;
  uint16(): number;
  uint32(): number;
  int32(): number;
  float64BE(): number;
  /** A length of four bytes, which old opcodes write as a signed number. */
  length32(): number;
  length64(): number;
}

/** A cursor at `start`. `onEnd` must throw. */
export function pickleBytes(bytes: Uint8Array, start: number, onEnd: () => never): PickleBytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = start;
  const advance = (length: number): number => {
    if (length > buffer.length - position) return onEnd();
    position += length;
    return position - length;
  };
  const text = (length: number, encoding: "latin1" | "utf8"): string => {
    const at = advance(length);
    return buffer.toString(encoding, at, at + length);
  };
  return {
    position: () => position,
    take: (length) => {
      const at = advance(length);
      return bytes.subarray(at, at + length);
    },
    line: () => {
      const end = buffer.indexOf(10, position);
      if (end < 0) return onEnd();
      const line = text(end - position, "latin1");
      position = end + 1;
      return line.replace(/\r$/, "");
    },
    latin1: (length) => text(length, "latin1"),
    utf8: (length) => text(length, "utf8"),
    byte: () => buffer[advance(1)]!,
    uint16: () => buffer.readUInt16LE(advance(2)),
    uint32: () => buffer.readUInt32LE(advance(4)),
    int32: () => buffer.readInt32LE(advance(4)),
    float64BE: () => buffer.readDoubleBE(advance(8)),
    length32: () => {
      const length = buffer.readInt32LE(advance(4));
      if (length < 0) throw new Error(`a length of ${length}`);
      return length;
    },
    length64: () => Number(buffer.readBigUInt64LE(advance(8))),
  };
}

/** A little-endian two's complement integer: a number, or a bigint beyond 2^53. */
export function decodeLong(bytes: Uint8Array): number | bigint {
  if (bytes.length > MAX_LONG_BYTES) throw new Error(`an integer of ${bytes.length} bytes`);
  if (bytes.length === 0) return 0;
  if (bytes.length <= 6) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readIntLE(0, bytes.length);
  const digits = Buffer.from(bytes).reverse().toString("hex");
  const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${digits}`));
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** A Python integer in decimal (a bigint beyond 2^53), or what protocol 0 writes for True and False: 01 and 00. */
export function parseInteger(text: string): number | bigint | boolean {
  if (text === "01") return true;
  if (text === "00") return false;
  if (!/^[+-]?\d{1,1000}$/.test(text)) throw new Error(`"${text.slice(0, 40)}" is no integer`);
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** The decimal index of a memo. */
export function memoIndex(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`"${text.slice(0, 40)}" is no place to remember`);
  return Number(text);
}

/** A Python float in decimal. */
export function parseDecimal(text: string): number {
  if (text === "nan" || text === "-nan") return Number.NaN;
  if (text === "inf" || text === "-inf") return text === "inf" ? Infinity : -Infinity;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw new Error(`"${text.slice(0, 40)}" is no number`);
  return Number(text);
}

/** A Python 2 string literal in its quotes. */
export function parseQuoted(text: string): string {
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote)
    throw new Error("a text has no quotes");
  return parseEscapes(text.slice(1, -1), "bytes");
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** Replaces backslash escapes: of byte strings (\n, \x41, \101), or of `raw-unicode-escape` (only \u and \U). */
export function parseEscapes(text: string, kind: "bytes" | "unicode"): string {
  if (!text.includes("\\")) return text;
  if (kind === "unicode") {
    return text.replace(/\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8}))/g, (_, short, long) => codePoint(short ?? long));
  }
  return text.replace(/\\(?:x([\da-fA-F]{2})|([0-7]{1,3})|([\s\S]))/g, (whole, hex, octal, letter) => {
    if (hex) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
    return ESCAPES[letter] ?? whole;
  });
}

function codePoint(hex: string): string {
  const code = Number.parseInt(hex, 16);
  if (code > 0x10ffff) throw new Error(`\\U${hex} is no character`);
  return String.fromCodePoint(code);
}
