#!/usr/bin/env node
/**
 * @file Gives damaged files to every reader: `node scripts/fuzz.mjs [CASES] [SEED]`. Exit code 1 where one crashed, hung,
 * took too much memory, or failed with anything but an error that names file and reason.
 * `node scripts/fuzz.mjs --case INDEX FILE [SEED]` writes the file of one case.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";

register();
const { fuzz, fuzzWorker } = await import("./fuzz/fuzz.ts");
const [first = "20000", ...rest] = process.argv.slice(2);
if (first === "--worker") {
  await fuzzWorker(...rest.map(Number));
} else if (first === "--case") {
  const { fuzzCase } = await import("./fuzz/run-cases.ts");
  const [index, file, seed = "1"] = rest;
  const { kind, bytes } = fuzzCase(Number(seed), Number(index));
  writeFileSync(file, bytes);
  console.log(`${file}: ${kind}, ${bytes.length} bytes`);
} else {
  const fine = await fuzz(fileURLToPath(import.meta.url), Number(rest[0] ?? 1), Number(first));
  process.exitCode = fine ? 0 : 1;
}
