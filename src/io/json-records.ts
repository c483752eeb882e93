/** @file Long lists of records in .json files, read one record at a time: such files outgrow the longest text that can be parsed. */
import { FormatError } from "../errors.ts";
import { openFile } from "./byte-source.ts";

/** A JSON object. */
export type JsonRecord = Readonly<Record<string, unknown>>;

const PIECE_BYTES = 1 << 20;
/** A record is a few kilobytes; what is a thousand times longer is no record. */
const MAX_RECORD_BYTES = 1 << 22;
const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const OPENERS = new Set([0x7b, 0x5b]);
const CLOSERS = new Set([0x7d, 0x5d]);
/** By byte: whether it opens or closes something. */
const SIGNS = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte === QUOTE || OPENERS.has(byte) || CLOSERS.has(byte)),
);
const [BRACE, BRACKET] = [0x7b, 0x5b];

/**
 * The objects of the list at `key` of a .json file's outermost object, or of a file that is a list, in order. Only they are
 * parsed; the rest is looked at for its brackets alone. Memory does not grow with the file. Throws FormatError naming file
 * and record: no such list, something in it that is no object, an object above 4 MiB, a file that ends too early.
 */
export async function* readJsonRecords(path: string, key: string): AsyncGenerator<JsonRecord> {
  const source = await openFile(path);
  try {
    const scanner = createScanner(path, key);
    for (let offset = 0; offset < source.size; offset += PIECE_BYTES)
      yield* scanner.feed(await source.read(offset, Math.min(PIECE_BYTES, source.size - offset)));
    scanner.end();
  } finally {
    await source.close();
  }
}

function createScanner(path: string, key: string) {
  let depth = 0;
  /** Depth inside the list; 0 before it. */
  let listDepth = 0;
  let found = false;
  let count = 0;
  let inText = false;
  let escaped = false;
  let text: number[] = [];
  let lastKey: string | undefined;
  /** The bytes so far of the record that is open. */
  let record: Uint8Array[] | undefined;
  let recordBytes = 0;

  const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
  const problem = (what: string) => new FormatError(path, what);
  const parse = (): JsonRecord => {
    const content = Buffer.concat(record!).toString("utf8");
    record = undefined;
    try {
      return JSON.parse(content) as JsonRecord;
    } catch (error) {
      throw problem(`record ${count}: ${(error as Error).message}`);
    }
  };
  const isWanted = () => depth === 0 || (depth === 1 && lastKey === key);

  function* feed(piece: Uint8Array): Generator<JsonRecord> {
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      // Numbers, names and commas within a record are most of a file.
      if (record && !inText) while (i < piece.length - 1 && !SIGNS[piece[i]!]) i++;
      const byte = piece[i]!;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
        if (inText && depth === 1 && text.length <= key.length) text.push(byte);
      } else if (byte === QUOTE) {
        inText = true;
        text = [];
        if (listDepth > 0 && depth === listDepth) throw problem(`record ${count} must be an object, got a text`);
      } else if (OPENERS.has(byte)) {
        if (listDepth > 0 && depth === listDepth) {
          if (byte !== BRACE) throw problem(`record ${count} must be an object, got a list`);
          record = [];
          recordBytes = 0;
          start = i;
        } else if (!found && byte === BRACKET && isWanted()) {
          found = true;
          listDepth = depth + 1;
        }
        depth++;
      } else if (CLOSERS.has(byte)) {
        depth--;
        if (depth < 0) throw problem("is no JSON: a bracket closes what was not opened");
        if (listDepth > 0 && depth === listDepth && record) {
          record.push(piece.subarray(start, i + 1));
          yield parse();
          count++;
        } else if (depth < listDepth) listDepth = 0;
      } else if (byte === COLON && depth === 1) lastKey = Buffer.from(text).toString("utf8");
      else if (listDepth > 0 && depth === listDepth && byte !== 0x2c && !isSpace(byte))
        throw problem(`record ${count} must be an object, got ${JSON.stringify(String.fromCharCode(byte))}`);
      else if (depth === 0 && !isSpace(byte) && byte < 0x80) throw problem("is no JSON: expected { or [ first");
    }
    if (!record) return;
    record.push(piece.subarray(start));
    recordBytes += piece.length - start;
    if (recordBytes > MAX_RECORD_BYTES) throw problem(`record ${count} is longer than ${MAX_RECORD_BYTES} bytes`);
  }

  return {
    /** The records that end in the next piece of the file. */
    feed,
    /** Checks that the file was whole. */
    end(): void {
      if (depth > 0 || inText) throw problem(`cut short after ${count} records`);
      if (!found) throw problem(`expected a list of records under "${key}", found none`);
    },
  };
}
