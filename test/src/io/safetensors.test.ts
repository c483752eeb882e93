import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { HostTensor } from "../../../src/io/host-tensor.ts";
import {
  formatSafetensors,
  readSafetensors,
  readSafetensorsHeader,
  writeSafetensors,
} from "../../../src/io/safetensors.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { expectLoaderGolden } from "../../support/loader-golden.ts";
import { shared } from "../../support/shared.ts";

const TENSORS = new Map<string, HostTensor>([
  ["b.weight", { dtype: "float32", shape: [2, 1], data: Float32Array.of(1.0001, -70000) }],
  ["7", { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
  ["a", { dtype: "int64", shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
  ["half", { dtype: "float16", shape: [1], data: Uint16Array.of(0x3c01) }],
  ["brain", { dtype: "bfloat16", shape: [1], data: Uint16Array.of(0x3f81) }],
  ["flag", { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) }],
  ["empty", { dtype: "float64", shape: [0, 4], data: new Float64Array(0) }],
]);

test("tensors, their order and the metadata come back as they were written", async () => {
  const path = join(temporaryFolder(), "w.safetensors");
  await writeSafetensors(path, TENSORS, { backbone: "resnet18", note: 'ä "quoted"' });
  const { tensors, metadata } = await readSafetensors(path);
  expect([...tensors].sort()).toEqual([...TENSORS].sort());
  expect(metadata).toEqual({ backbone: "resnet18", note: 'ä "quoted"' });
  expect((await readSafetensorsHeader(path)).entries.get("b.weight")).toMatchObject({
    dtype: "float32",
    shape: [2, 1],
  });
});

test("every tensor lies aligned, and equal input gives equal bytes", async () => {
  const bytes = Buffer.concat(formatSafetensors(TENSORS));
  expect(bytes).toEqual(Buffer.concat(formatSafetensors(TENSORS)));
  const { entries, dataStart } = await readSafetensorsHeader(new Uint8Array(bytes));
  expect(dataStart % 8).toBe(0);
  for (const [key, { begin }] of entries) expect(begin % TENSORS.get(key)!.data.BYTES_PER_ELEMENT).toBe(0);
});

test("conversion touches floating-point tensors only", async () => {
  const bytes = new Uint8Array(Buffer.concat(formatSafetensors(TENSORS, {}, { dtype: "float16" })));
  const { tensors } = await readSafetensors(bytes);
  expect(tensors.get("b.weight")).toEqual({ dtype: "float16", shape: [2, 1], data: Uint16Array.of(0x3c00, 0xfc00) });
  expect(tensors.get("brain")!.data).toEqual(Uint16Array.of(0x3c08));
  expect(tensors.get("a")).toEqual(TENSORS.get("a"));
  expect(tensors.get("empty")!.dtype).toBe("float16");
});

test("what cannot be written is refused before a file is made", async () => {
  const wrong = new Map<string, HostTensor>([["x", { dtype: "float32", shape: [3], data: Float32Array.of(1) }]]);
  const path = join(temporaryFolder(), "w.safetensors");
  expect(await failure(writeSafetensors(path, wrong))).toMatch(/x has 1 elements for float32\[3\]/);
  expect(() => readFileSync(path)).toThrow("ENOENT");
});

function file(header: string, dataBytes: number, length = header.length): Uint8Array {
  const bytes = Buffer.alloc(8 + header.length + dataBytes);
  bytes.writeBigUInt64LE(BigInt(length));
  bytes.write(header, 8);
  return new Uint8Array(bytes);
}
const entry = (begin: number, end: number, rest = "") =>
  `{"dtype":"F32","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]${rest}}`;

describe("broken and hostile files", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["empty", new Uint8Array(0), /shorter than/],
    ["header beyond the end", file("{}", 0, 1000), /a header of 1000 bytes in a file of 10/],
    ["broken JSON", file('{"a":', 0), /broken safetensors header/],
    ["a list", file("[]", 0), /expected a JSON object/],
    ["no entry", file('{"a":3}', 0), /has dtype undefined/],
    ["null", file('{"a":null}', 0), /has dtype undefined/],
    [
      "inherited dtype",
      file('{"a":{"dtype":"constructor","shape":[],"data_offsets":[0,0]}}', 0),
      /has dtype "constructor"/,
    ],
    ["negative size", file('{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}', 0), /no shape/],
    ["huge size", file('{"a":{"dtype":"U8","shape":[1e15],"data_offsets":[0,4]}}', 4), /needs 1000000000000000 bytes/],
    ["offsets reversed", file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[4,0]}}', 4), /has -4/],
    ["past the end", file(`{"a":${entry(0, 8)}}`, 4), /its tensors take 8 bytes, the file has 4/],
    ["bytes left over", file(`{"a":${entry(0, 8)}}`, 12), /its tensors take 8 bytes, the file has 12/],
    ["a hole", file(`{"a":${entry(4, 8)}}`, 8), /leaves a hole/],
    ["overlap", file(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12), /overlaps/],
    ["metadata of numbers", file('{"__metadata__":{"a":1}}', 0), /must map texts to texts/],
  ])("%s", async (_, bytes, message) => {
    expect(await failure(readSafetensors(bytes))).toMatch(message);
  });
});

const loader = shared("golden/regressor/loader");
test.skipIf(!loader).each(["plain.safetensors", "unpadded_header_other_order.safetensors"])("%s", async (name) => {
  const { tensors } = await readSafetensors(join(loader!, name));
  expectLoaderGolden(tensors, join(loader!, "expected.json"));
});
