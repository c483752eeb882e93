/** @file A slice of the fuzz run (scripts/fuzz.mjs): damaged files are read, or refused by file and reason. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fuzzCase, runCases } from "../../scripts/fuzz/run-cases.ts";
import { seedFiles } from "../../scripts/fuzz/seeds.ts";
import { readBody } from "../../smpl/load-body.ts";
import { readBvh } from "../../src/io/bvh.ts";
import { readNpz } from "../../src/io/npz.ts";
import { readPickledArrays } from "../../src/io/pickle-file.ts";
import { readPyTorch } from "../../src/io/pytorch.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { temporaryFolder } from "../support/files.ts";

test("the files that are damaged are good ones", async () => {
  const folder = temporaryFolder();
  const read = async (kind: string, at: number, reader: (path: string) => Promise<unknown>) => {
    const path = join(folder, `good.${kind}`);
    writeFileSync(path, seedFiles().filter((seed) => seed.kind === kind)[at]!.bytes);
    return reader(path);
  };
  await read("pkl", 0, readBody);
  for (const at of [1, 2]) expect(await read("pkl", at, readPickledArrays)).toHaveProperty("size", 1);
  await read("npz", 0, readNpz);
  await read("npz", 1, readBody);
  for (const at of [0, 1, 2]) await read("pth", at, readPyTorch);
  await read("safetensors", 0, readSafetensors);
  await read("bvh", 0, readBvh);
});

test("500 damaged files", async () => {
  const { findings, cases, readings, refused } = await runCases(temporaryFolder(), 2, 0, 500);
  expect(findings).toEqual([]);
  expect([cases, readings > 1000, refused > 500, refused < readings]).toEqual([500, true, true, true]);
});

test("a case is the same every time, and differs from its neighbours", () => {
  expect(fuzzCase(1, 7)).toEqual(fuzzCase(1, 7));
  expect(fuzzCase(1, 7).bytes.equals(fuzzCase(1, 22).bytes)).toBe(false);
  expect(fuzzCase(2, 7).bytes.equals(fuzzCase(1, 7).bytes)).toBe(false);
});
