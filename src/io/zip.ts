/** @file Reading zip archives through their central directory: stored and deflated members, zip64. */
import { promisify } from "node:util";
import { constants, crc32, inflateRaw, inflateRawSync } from "node:zlib";
import { FormatError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { showText } from "./show-text.ts";

/** One member as the central directory describes it. Sizes in bytes. */
export interface ZipMember {
  readonly name: string;
  readonly method: 0 | 8;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc32: number;
  /** Where its local header begins. */
  readonly headerOffset: number;
}

const END_RECORD = 0x06054b50;
const END_LOCATOR_64 = 0x07064b50;
const END_RECORD_64 = 0x06064b50;
const CENTRAL_HEADER = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
/** Far beyond every archive of arrays; a hostile directory of 46 bytes a member would fill the memory. */
const MAX_MEMBERS = 2 ** 18;
/** Deflate cannot shrink data by more than this. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * The members of a zip archive by name. Checked before anything is allocated: all lie inside the file, none overlap (so
 * that all together unpack to at most 1032 times the file), no name comes twice. Throws FormatError.
 */
export async function readZipMembers(source: ByteSource): Promise<Map<string, ZipMember>> {
  const { offset, size, count } = await findDirectory(source);
  if (count > MAX_MEMBERS) throw broken(source, `${count} members are more than ${MAX_MEMBERS}`);
  const directory = await source.read(offset, size);
  if (count * 46 > size) throw broken(source, `its directory of ${size} bytes cannot hold ${count} members`);
  const members = new Map<string, ZipMember>();
  for (let i = 0, at = 0; i < count; i++) {
    const [member, next] = readCentralHeader(source, directory, at);
    if (members.has(member.name)) throw broken(source, `member ${showText(member.name)} comes twice`);
    members.set(member.name, member);
    at = next;
  }
  checkPlaces(source, [...members.values()], offset);
  return members;
}

/** The bytes of a member, unpacked and checked against size and CRC (a CRC of 0 counts as not given). */
export async function readZipMember(source: ByteSource, member: ZipMember): Promise<Uint8Array> {
  const start = await memberStart(source, member);
  const packed = await source.read(start, member.compressedSize);
  const bytes = member.method === 0 ? packed : await inflate(source, member, packed);
  if (bytes.length !== member.size) {
    throw broken(
      source,
      `member ${showText(member.name)} has ${bytes.length} bytes, its directory entry says ${member.size}`,
    );
  }
  if (member.crc32 !== 0 && crc32(bytes) !== member.crc32) {
    throw broken(source, `member ${showText(member.name)} is damaged (its checksum differs)`);
  }
  return bytes;
}

/** The first bytes of a member, at least 1 KiB where it has so many; for headers. */
export async function readZipMemberStart(source: ByteSource, member: ZipMember): Promise<Uint8Array> {
  const start = await memberStart(source, member);
  const packed = await source.read(start, Math.min(member.compressedSize, 8192));
  if (member.method === 0) return packed;
  try {
    // Flushing takes what a cut stream gives; 8 KiB unpack to 8 MB at most.
    return inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw broken(source, `member ${showText(member.name)} cannot be unpacked (${(error as Error).message})`);
  }
}

async function memberStart(source: ByteSource, member: ZipMember): Promise<number> {
  const header = view(await source.read(member.headerOffset, 30));
  if (header.getUint32(0, true) !== LOCAL_HEADER)
    throw broken(source, `member ${showText(member.name)} has no local header`);
  return member.headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

const inflateAsync = promisify(
  inflateRaw as (
    data: Uint8Array,
    options: { maxOutputLength: number; chunkSize: number },
    done: (error: Error | null, result: Buffer) => void,
  ) => void,
);

async function inflate(source: ByteSource, member: ZipMember, packed: Uint8Array): Promise<Uint8Array> {
  try {
    // One chunk of the whole size saves joining many; both are bounded by the checks on the directory.
    const chunkSize = Math.min(Math.max(member.size + 64, 1024), 2 ** 26);
    const result = await inflateAsync(packed, { maxOutputLength: Math.max(member.size, 1), chunkSize });
    // Small results may sit unaligned in a shared pool.
    return result.byteOffset % 8 === 0 ? result : new Uint8Array(result);
  } catch (error) {
    throw broken(source, `member ${showText(member.name)} cannot be unpacked (${(error as Error).message})`);
  }
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; size: number; count: number }> {
  const length = Math.min(source.size, 22 + 0xffff);
  const tailStart = source.size - length;
  const tail = await source.read(tailStart, length);
  const record = view(tail);
  let end = length - 22;
  while (end >= 0 && record.getUint32(end, true) !== END_RECORD) end--;
  if (end < 0) throw broken(source, "no central directory found: the file is cut short or no zip archive");
  const found = {
    count: record.getUint16(end + 10, true),
    size: record.getUint32(end + 12, true),
    offset: record.getUint32(end + 16, true),
  };
  const zip64 = found.count === 0xffff || found.size === 0xffffffff || found.offset === 0xffffffff;
  const directory = zip64 ? await findDirectory64(source, tailStart + end - 20) : found;
  if (directory.offset + directory.size > tailStart + end) throw broken(source, "its directory lies past its end");
  return directory;
}

async function findDirectory64(source: ByteSource, locatorOffset: number): Promise<ReturnType<typeof findDirectory>> {
  if (locatorOffset < 0) throw broken(source, "its zip64 locator is missing");
  const locator = view(await source.read(locatorOffset, 20));
  if (locator.getUint32(0, true) !== END_LOCATOR_64) throw broken(source, "its zip64 locator is missing");
  const record = view(await source.read(readUint64(source, locator, 8), 56));
  if (record.getUint32(0, true) !== END_RECORD_64) throw broken(source, "its zip64 end record is missing");
  return {
    count: readUint64(source, record, 32),
    size: readUint64(source, record, 40),
    offset: readUint64(source, record, 48),
  };
}

function readCentralHeader(source: ByteSource, bytes: Uint8Array, at: number): readonly [ZipMember, next: number] {
  const header = view(bytes);
  if (at + 46 > bytes.length || header.getUint32(at, true) !== CENTRAL_HEADER) {
    throw broken(source, "its directory is damaged");
  }
  const nameEnd = at + 46 + header.getUint16(at + 28, true);
  const extraEnd = nameEnd + header.getUint16(at + 30, true);
  const next = extraEnd + header.getUint16(at + 32, true);
  if (next > bytes.length) throw broken(source, "its directory is damaged");
  const name = Buffer.from(bytes.buffer, bytes.byteOffset + at + 46, nameEnd - at - 46).toString("utf8");
  const flags = header.getUint16(at + 8, true);
  const method = header.getUint16(at + 10, true);
  if (flags & 1)
    throw new FormatError(source.name, `member ${showText(name)} is encrypted; unpack and pack it without a password`);
  if (method !== 0 && method !== 8) {
    throw new FormatError(
      source.name,
      `member ${showText(name)}: expected stored or deflated data, got zip method ${method}`,
    );
  }
  const [size, compressedSize, headerOffset] = sizesOf(source, header, at, nameEnd, extraEnd);
  const member = { name, method, compressedSize, size, crc32: header.getUint32(at + 16, true), headerOffset } as const;
  return [member, next];
}

/** Size, compressed size and header offset, each from the zip64 extra field where the plain field is full. */
function sizesOf(source: ByteSource, header: DataView, at: number, extraStart: number, extraEnd: number): number[] {
  const plain = [24, 20, 42].map((field) => header.getUint32(at + field, true));
  if (!plain.includes(0xffffffff)) return plain;
  for (let p = extraStart; p + 4 <= extraEnd; ) {
    const id = header.getUint16(p, true);
    const end = p + 4 + header.getUint16(p + 2, true);
    if (end > extraEnd) break;
    let from = p + 4;
    if (id === 1) {
      return plain.map((value) => {
        if (value !== 0xffffffff) return value;
        if (from + 8 > end) throw broken(source, "its zip64 field is cut short");
        from += 8;
        return readUint64(source, header, from - 8);
      });
    }
    p = end;
  }
  return plain;
}

function checkPlaces(source: ByteSource, members: ZipMember[], directoryOffset: number): void {
  members.sort((a, b) => a.headerOffset - b.headerOffset);
  members.forEach((member, i) => {
    const limit = members[i + 1]?.headerOffset ?? directoryOffset;
    if (member.headerOffset + 30 + member.compressedSize > limit) {
      throw broken(
        source,
        `member ${showText(member.name)} reaches past its place (another member, or the end of the file)`,
      );
    }
    const most = member.method === 0 ? member.compressedSize : (member.compressedSize + 1) * MAX_DEFLATE_RATIO;
    if (member.size > most || (member.method === 0 && member.size !== most)) {
      throw broken(
        source,
        `member ${showText(member.name)} cannot hold ${member.size} bytes in ${member.compressedSize}`,
      );
    }
  });
}

function readUint64(source: ByteSource, data: DataView, at: number): number {
  const value = Number(data.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw broken(source, `a size or offset of ${value} is beyond every file`);
  return value;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function broken(source: ByteSource, problem: string): FormatError {
  return new FormatError(source.name, `broken zip archive: ${problem}`);
}
