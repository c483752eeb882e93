import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { toFloat64 } from "../../../src/io/host-tensor.ts";
import { formatNpy, type NpyArray } from "../../../src/io/npy.ts";
import { formatNpz, numbersOf, readNpz, summarizeNpz, textsOf, writeNpz } from "../../../src/io/npz.ts";
import { formatZip } from "../../../src/io/zip-write.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { shared } from "../../support/shared.ts";

const ARRAYS = {
  poses: { dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  "nested/name": { dtype: "string", shape: [2], data: ["a.png", "bä.png"] },
  count: { dtype: "int64", shape: [], data: BigInt64Array.of(5n) },
} satisfies Record<string, NpyArray>;

describe.each([true, false])("compress: %s", (compress) => {
  test("arrays come back as they were written", async () => {
    const path = join(temporaryFolder(), "a.npz");
    await writeNpz(path, ARRAYS, { compress });
    expect(Object.fromEntries(await readNpz(path))).toEqual(ARRAYS);
    expect(await readNpz(new Uint8Array(readFileSync(path)), { keys: ["count", "absent"] })).toEqual(
      new Map([["count", ARRAYS.count]]),
    );
    expect((await summarizeNpz(path)).get("poses")).toEqual({ dtype: "float32", shape: [2, 3] });
  });
});

/** A zip64 archive of one deflated member, with every plain size full, as NumPy writes for streams. */
function zip64(data: Uint8Array): Uint8Array {
  const packed = deflateRawSync(data);
  const local = Buffer.alloc(30 + 5 + 20);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(5, 26);
  local.writeUInt16LE(20, 28);
  const central = Buffer.alloc(46 + 5 + 28);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(0xffffffff, 20);
  central.writeUInt32LE(0xffffffff, 24);
  central.writeUInt16LE(5, 28);
  central.writeUInt16LE(28, 30);
  central.writeUInt32LE(0xffffffff, 42);
  central.write("a.npy", 46);
  central.writeUInt16LE(1, 51);
  central.writeUInt16LE(24, 53);
  [data.length, packed.length, 0].forEach((value, i) => central.writeBigUInt64LE(BigInt(value), 55 + 8 * i));
  const directoryAt = local.length + packed.length;
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  [1, 1, central.length, directoryAt].forEach((value, i) => end.writeBigUInt64LE(BigInt(value), 24 + 8 * i));
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(directoryAt + central.length), 64);
  end.writeUInt32LE(0x06054b50, 76);
  end.fill(0xff, 84, 96);
  return new Uint8Array(Buffer.concat([local, packed, central, end]));
}

test("zip64 sizes and offsets are read", async () => {
  expect((await readNpz(zip64(formatNpy(ARRAYS.poses)))).get("a")).toEqual(ARRAYS.poses);
});

test("a member's own header may disagree: the directory counts", async () => {
  const bytes = Buffer.concat(formatNpz({ a: ARRAYS.poses }, false));
  bytes.writeUInt32LE(0, 18);
  expect((await readNpz(new Uint8Array(bytes))).get("a")).toEqual(ARRAYS.poses);
});

test("entries are asked for by name and shape", async () => {
  const arrays = await readNpz(new Uint8Array(Buffer.concat(formatNpz(ARRAYS))));
  expect(numbersOf(arrays, "poses", "x.npz", [-1, 3]).shape).toEqual([2, 3]);
  expect(textsOf(arrays, "nested/name", "x.npz").data[1]).toBe("bä.png");
  expect(() => numbersOf(arrays, "poses", "x.npz", [-1, 4])).toThrow(
    "x.npz: poses must have shape [any, 4], got [2, 3]",
  );
  expect(() => numbersOf(arrays, "betas", "x.npz")).toThrow(
    "x.npz: array betas is missing (it has: poses, nested/name, count)",
  );
  expect(() => numbersOf(arrays, "nested/name", "x.npz")).toThrow("must hold numbers");
  expect(() => textsOf(arrays, "poses", "x.npz")).toThrow("must hold texts");
});

describe("broken and hostile archives", () => {
  const good = Buffer.concat(formatNpz({ a: ARRAYS.poses, b: ARRAYS.count }, false));
  const directoryAt = good.readUInt32LE(good.length - 6);
  const changed = (change: (bytes: Buffer) => void): Uint8Array => {
    const copy = Buffer.from(good);
    change(copy);
    return new Uint8Array(copy);
  };

  test.each<[string, Uint8Array, RegExp]>([
    ["cut short", new Uint8Array(good.subarray(0, -30)), /no central directory/],
    ["empty", new Uint8Array(0), /no central directory/],
    ["flipped data", changed((b) => b.writeUInt8(99, 170)), /damaged \(its checksum differs\)/],
    ["encrypted", changed((b) => b.writeUInt16LE(1, directoryAt + 8)), /encrypted/],
    ["unknown method", changed((b) => b.writeUInt16LE(12, directoryAt + 10)), /zip method 12/],
    [
      "bomb",
      changed((b) => b.writeUInt16LE(8, directoryAt + 10).valueOf() && b.writeUInt32LE(2 ** 31, directoryAt + 24)),
      /cannot hold/,
    ],
    ["member beyond the end", changed((b) => b.writeUInt32LE(2 ** 30, directoryAt + 20)), /past its place/],
    ["overlapping members", changed((b) => b.writeUInt32LE(0, directoryAt + 51 + 42)), /past its place/],
    ["one name twice", changed((b) => b.write("a", directoryAt + 51 + 46)), /comes twice/],
    ["endless directory", changed((b) => b.writeUInt16LE(60000, b.length - 12)), /cannot hold 60000 members/],
    ["not deflated", changed((b) => b.writeUInt16LE(8, directoryAt + 10)), /a\.npy (cannot be unpacked|has 6 bytes)/],
  ])("%s", async (_, bytes, message) => {
    const text = await failure(readNpz(bytes, { name: "x.npz" }));
    expect(text).toMatch(/^FormatError: x\.npz: /);
    expect(text).toMatch(message);
  });

  test("a deflated member that unpacks to more than it says", async () => {
    const bytes = Buffer.concat(formatZip("x", [{ name: "a.npy", data: new Uint8Array(100_000), compress: true }]));
    bytes.writeUInt32LE(5000, bytes.readUInt32LE(bytes.length - 6) + 24);
    expect(await failure(readNpz(new Uint8Array(bytes)))).toMatch(/cannot be unpacked/);
  });

  test("missing files and folders are named", async () => {
    const folder = temporaryFolder();
    expect(await failure(readNpz(join(folder, "no.npz")))).toBe(`FormatError: ${folder}/no.npz: there is no such file`);
    expect(await failure(readNpz(folder))).toBe(`FormatError: ${folder}: expected a file, got a folder`);
    writeFileSync(join(folder, "a.npz"), "PK");
    expect(await failure(readNpz(join(folder, "a.npz")))).toMatch(/no zip archive/);
  });
});

const golden = shared("golden/smpl");
test.skipIf(!golden)(
  "every .npz of the reference bodies is read; big-endian Fortran order equals the plain values",
  async () => {
    const names = readdirSync(golden!).filter((name) => name.endsWith(".npz"));
    for (const name of names) expect((await readNpz(join(golden!, name))).size).toBeGreaterThan(0);
    const odd = await readNpz(join(golden!, "smpl_v24_bigendian_fortran.npz"));
    const plain = await readNpz(join(golden!, "smpl_v24_expected.npz"));
    const models = [...plain.keys()].filter((key) => key.startsWith("model_") && odd.has(key.slice(6)));
    expect(models.length).toBeGreaterThan(3);
    for (const key of models) {
      const [a, b] = [numbersOf(odd, key.slice(6), "odd"), numbersOf(plain, key, "plain")];
      expect(a.shape).toEqual(b.shape);
      expect(toFloat64(a)).toEqual(toFloat64(b));
    }
  },
);
