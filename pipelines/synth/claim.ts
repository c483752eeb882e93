/** @file What a folder of synthetic data was made with and what is unfinished there: a job goes on with its own files only. */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { OptionError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";

/**
 * Writes `<folder>/<name>.synth.json` with all that decides what the files `name` in it show; where it is there already,
 * throws OptionError naming what differs.
 */
export async function claimFolder(
  folder: string,
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const path = join(folder, `${name}.synth.json`);
  const text = `${JSON.stringify(options, null, 2)}\n`;
  const found = await readFile(path, "utf8").catch(() => undefined);
  if (found === undefined) return writeFileAtomic(path, text);
  if (found === text) return;
  const before = parsed(found);
  const changed = Object.keys(options).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(options[key]));
  const shown = changed.map(
    (key) => `${key} ${JSON.stringify(before[key])} there, ${JSON.stringify(options[key])} now`,
  );
  throw new OptionError(
    "synth",
    `${folder} holds ${name} made with other options (${shown.join("; ") || "unreadable"}); choose another folder or remove that one`,
  );
}

/** Removes what a killed job left half written of the files `<name>-...` in the folder: nobody would finish it. */
export async function removeLeftovers(folder: string, name: string): Promise<void> {
  const left = (await readdir(folder)).filter((file) => file.startsWith(`.${name}-`) && file.includes(".part"));
  for (const file of left) await rm(join(folder, file), { force: true });
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
