/** @file The folder of one run: where its files are, and whether a run may begin or go on there. */
import { mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, OptionError } from "../../src/errors.ts";

/** The paths of a run folder's files. */
export interface RunFolder {
  readonly path: string;
  readonly options: string;
  readonly metrics: string;
  readonly checkpoints: string;
  readonly regressor: string;
  readonly result: string;
  readonly report: string;
}

/** The paths of the run folder `path`; nothing is made. */
export function runFolder(path: string): RunFolder {
  return {
    path,
    options: join(path, "options.json"),
    metrics: join(path, "metrics.jsonl"),
    checkpoints: join(path, "checkpoints"),
    regressor: join(path, "regressor.safetensors"),
    result: join(path, "result.json"),
    report: join(path, "report.html"),
  };
}

/**
 * Makes the folder ready: for a run that goes on nothing but the folder itself, else without what another run left.
 * A folder that holds a run's work is not begun anew without `overwrite`: OptionError. The cache is never removed.
 */
export async function enterRunFolder(
  folder: RunFolder,
  { resume, overwrite }: { readonly resume: boolean; readonly overwrite: boolean },
): Promise<void> {
  const info = await stat(folder.path).catch(() => undefined);
  if (info && !info.isDirectory()) throw new OptionError("--out", `expected a folder, got a file: ${folder.path}`);
  await mkdir(folder.path, { recursive: true }).catch((error: Error) => {
    throw new OptionError("--out", `${folder.path} cannot be made (${error.message}); name another folder`);
  });
  if (resume) return;
  const holdsWork = (await exists(folder.regressor)) || (await listOf(folder.checkpoints)).length > 0;
  if (holdsWork && !overwrite)
    throw new OptionError(
      "--out",
      `${folder.path} holds a run; give --resume to go on with it, --overwrite to begin anew, or another folder`,
    );
  const { options, metrics, checkpoints, regressor, result, report } = folder;
  for (const path of [options, metrics, checkpoints, regressor, result, report])
    await rm(path, { recursive: true, force: true });
}

/** Takes back what a run that cannot begin has written: its options, and the folder if nothing else is in it. */
export async function leaveRunFolder(folder: RunFolder): Promise<void> {
  await rm(folder.options, { force: true });
  await rmdir(folder.path).catch(() => undefined);
}

/** The options that the run in `folder` was begun with, or undefined where there is none. Throws FormatError if broken. */
export async function readRunOptions(folder: RunFolder): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readFile(folder.options, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new FormatError(folder.options, "expected a run's options as a JSON object, got something else");
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function listOf(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
