/** @file Damage inside zip archives: to a member with a good checksum around it, or to the list of members. */
import { inflateRawSync } from "node:zlib";
import { formatZip, type ZipInput } from "../../src/io/zip-write.ts";
import type { Random } from "../../src/random.ts";

/** The bytes of an archive. */
export function zipBytes(members: readonly ZipInput[]): Buffer {
  return Buffer.concat(formatZip("fuzz", members));
}

/** The members of an archive that our writer made. */
export function readZipInputs(pieces: readonly Uint8Array[]): ZipInput[] {
  const bytes = Buffer.concat(pieces);
  const members: ZipInput[] = [];
  for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
    const [method, packed] = [bytes.readUInt16LE(at + 8), bytes.readUInt32LE(at + 18)];
    const nameEnd = at + 30 + bytes.readUInt16LE(at + 26);
    const start = nameEnd + bytes.readUInt16LE(at + 28);
    const data = bytes.subarray(start, start + packed);
    members.push({ name: bytes.toString("utf8", at + 30, nameEnd), data: method === 8 ? inflateRawSync(data) : data });
    at = start + packed;
  }
  return members;
}

/** The archive with one change to its members; `damage` changes the bytes of one. */
export function mutateZip(
  members: readonly ZipInput[],
  random: Random,
  damage: (bytes: Buffer, name: string) => Buffer,
): Buffer {
  const changed = members.map((member) => ({ ...member }));
  // Most members hold raw numbers, in which little can go wrong.
  const pickle = changed.findIndex(({ name }) => name.endsWith("/data.pkl"));
  const at = pickle >= 0 && random.next() < 0.6 ? pickle : random.integer(changed.length);
  const member = changed[at]!;
  switch (random.integer(8)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.push({
        ...member,
        name: random.pick([`${member.name}x`, "a/b/data.pkl", "\x1b[2J.npy", "../../x.npy", ".npy"]),
      });
      break;
    case 2:
      changed[at] = { ...member, data: random.pick(changed).data };
      break;
    case 3:
      changed[at] = { ...member, compress: !member.compress };
      break;
    default:
      changed[at] = { ...member, data: damage(Buffer.from(member.data), member.name) };
  }
  return zipBytes(changed);
}
