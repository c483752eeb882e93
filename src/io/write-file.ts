/** @file Files that appear whole or not at all. */
import { randomBytes } from "node:crypto";
import { mkdir, open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MotionCueError } from "../errors.ts";

/** A file in the making: write to `temporary`, then `commit()` gives it its name, or `discard()` removes it. */
export interface PendingFile {
  /** Where to write; in the same folder as the file. */
  readonly temporary: string;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Prepares the writing of `path`: makes its folder, follows a symbolic link to the file itself, and names a temporary
 * file beside it. Throws MotionCueError where `path` is a folder or device, or its folder cannot
 * be made.
 */
export async function pendingFile(path: string): Promise<PendingFile> {
  const target = await writableTarget(path);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}-${randomBytes(4).toString("hex")}.part`);
  return {
    temporary,
    commit: () => rename(temporary, target).catch((cause) => fail(path, cause)),
    discard: () => rm(temporary, { force: true }),
  };
}

/**
 * Writes `data` (text as UTF-8, bytes, or pieces of bytes in a row) to a temporary file beside `path`, flushes it to the
 * disk and renames it: a reader, or a crash, never meets half a file. Makes missing folders. Devices and pipes such as
 * /dev/stdout are written directly.
 * Throws MotionCueError, and leaves nothing behind, where that cannot be done.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string | readonly Uint8Array[]): Promise<void> {
  if (await isSpecial(path)) return writeFile(path, data).catch((cause) => fail(path, cause));
  const pending = await pendingFile(path);
  try {
    const file = await open(pending.temporary, "w");
    try {
      // A second writeFile on the same handle goes on where the first ended.
      for (const piece of typeof data === "string" || data instanceof Uint8Array ? [data] : data)
        await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await pending.commit();
  } catch (cause) {
    await pending.discard();
    fail(path, cause);
  }
}

async function writableTarget(path: string): Promise<string> {
  try {
    await mkdir(dirname(resolve(path)), { recursive: true });
  } catch (cause) {
    fail(path, cause);
  }
  const target = await realpath(path).catch(() => resolve(path));
  const found = await stat(target).catch(() => undefined);
  if (found && !found.isFile())
    throw new MotionCueError(
      path,
      `expected a file to write, got a ${found.isDirectory() ? "folder" : "device"}; give a file name`,
    );
  return target;
}

async function isSpecial(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied; choose another folder or change its permissions",
  EPERM: "not permitted; choose another folder or change its permissions",
  EROFS: "the file system is read-only; choose another folder",
  ENOSPC: "no space left on the disk; free some and run again",
  ENOTDIR: "a part of the path is a file, not a folder; choose another path",
  EEXIST: "a part of the path is a file, not a folder; choose another path",
};

function fail(path: string, cause: unknown): never {
  if (cause instanceof MotionCueError) throw cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  throw new MotionCueError(path, `cannot be written: ${(code && REASONS[code]) ?? message}`);
}
