/** @file Records of steps, one JSON object a line. */
import { appendFile, readFile } from "node:fs/promises";
import { writeFileAtomic } from "../src/io/write-file.ts";

/** Appends one record. */
export async function appendRecord(path: string, record: { readonly step: number }): Promise<void> {
  await appendFile(path, `${JSON.stringify(record)}\n`);
}

/** Removes the records of steps after `last`, which are taken again, and a line that a kill cut short. */
export async function keepRecords(path: string, last: number): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "");
  const kept = text
    .split("\n")
    .slice(0, -1)
    .filter((line) => stepOf(line) <= last);
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
}

function stepOf(line: string): number {
  try {
    return Number((JSON.parse(line) as { step?: number }).step ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
