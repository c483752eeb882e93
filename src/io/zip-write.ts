/** @file Writing zip archives whose members are stored or deflated; reproducible: no times, no owner. */
import { crc32, deflateRawSync } from "node:zlib";
import { FormatError } from "../errors.ts";

const LIMIT = 0xffffffff;

/** One member to write. `align`: its data begin at a multiple of so many bytes (stored members only). */
export interface ZipInput {
  readonly name: string;
  readonly data: Uint8Array;
  readonly compress?: boolean;
  readonly align?: number;
}

/** The bytes of a zip archive, in pieces. `where` begins the error for an archive of 4 GiB or more. */
export function formatZip(where: string, inputs: Iterable<ZipInput>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const input of inputs) {
    const packed = input.compress ? deflateRawSync(input.data) : input.data;
    const member = { ...input, crc: crc32(input.data), size: input.data.length, packedSize: packed.length };
    const local = zipHeader(member, offset, "local");
    directory.push(zipHeader(member, offset, "central"));
    pieces.push(local, packed);
    offset += local.length + packed.length;
    if (offset > LIMIT || input.data.length > LIMIT) throw new FormatError(where, "would need 4 GiB or more; split it");
  }
  if (directory.length >= 0xffff) throw new FormatError(where, `${directory.length} members are too many for one zip`);
  const size = directory.reduce((sum, piece) => sum + piece.length, 0);
  return [...pieces, ...directory, zipEnd(directory.length, size, offset)];
}

/** What the headers of a member say of it. */
export interface ZipMember extends Omit<ZipInput, "data"> {
  readonly crc: number;
  readonly size: number;
  readonly packedSize: number;
}

/** The record that ends an archive of `count` members whose directory takes `size` bytes from `offset` on. */
export function zipEnd(count: number, size: number, offset: number): Uint8Array {
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, count, true);
  end.setUint16(10, count, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Uint8Array(end.buffer);
}

/** The header before a member's data, or its entry in the directory; `offset` is where the former begins. */
export function zipHeader(input: ZipMember, offset: number, kind: "local" | "central"): Uint8Array {
  const name = Buffer.from(input.name, "utf8");
  const central = kind === "central";
  const fixed = central ? 46 : 30;
  const align = input.align ?? 1;
  const padding = central ? 0 : paddingFor(offset + fixed + name.length, align);
  const bytes = new Uint8Array(fixed + name.length + padding);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, central ? 0x02014b50 : 0x04034b50, true);
  let at = 4;
  // Version 2.0 made it and is needed; bit 11: names are UTF-8; the DOS date is 1 January 1980.
  for (const value of [...(central ? [20] : []), 20, 0x0800, input.compress ? 8 : 0, 0, 0x21]) {
    data.setUint16(at, value, true);
    at += 2;
  }
  data.setUint32(at, input.crc, true);
  data.setUint32(at + 4, input.packedSize, true);
  data.setUint32(at + 8, input.size, true);
  data.setUint16(at + 12, name.length, true);
  if (central) data.setUint32(42, offset, true);
  else data.setUint16(at + 14, padding, true);
  bytes.set(name, fixed);
  if (padding >= 4) {
    // An extra field of a private id that holds nothing but zeros.
    data.setUint16(fixed + name.length, 0x4d43, true);
    data.setUint16(fixed + name.length + 2, padding - 4, true);
  }
  return bytes;
}

function paddingFor(end: number, align: number): number {
  const padding = (align - (end % align)) % align;
  return padding === 0 || padding >= 4 ? padding : padding + align * Math.ceil((4 - padding) / align);
}
