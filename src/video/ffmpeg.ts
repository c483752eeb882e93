/** @file What reading and writing with ffmpeg share: its messages, and the errors that are made of them. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { FormatError, MotionCueError } from "../errors.ts";

/** Options before every `-i`: nothing but local files is opened, whatever a playlist inside a file asks for. */
export const INPUT_OPTIONS: readonly string[] = ["-protocol_whitelist", "file"];
/** Options of every ffmpeg run: each line of its log says how grave it is. */
export const GLOBAL_OPTIONS: readonly string[] = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info"];

/** Whether fluent-ffmpeg failed because the program itself is absent. */
export function isMissingFfmpeg(message: string): boolean {
  return /cannot find ff(mpeg|probe)|ENOENT/i.test(message);
}

/** The error that says how to get ffmpeg. */
export function missingFfmpeg(): MotionCueError {
  return new MotionCueError(
    "ffmpeg",
    "expected ffmpeg and ffprobe in PATH, found neither; install them (Debian: apt-get install ffmpeg, macOS: brew install ffmpeg) or set FFMPEG_PATH and FFPROBE_PATH",
  );
}

/** The first line of an ffmpeg log that says what is wrong, without the tags, the address and the path before it. */
export function meaningfulLine(log: string, path: string): string {
  const lines = log.split(/[\r\n]+/).map((line) => tidyLine(line, path));
  return (
    lines.find((line) => line !== "" && !/^(ff(mpeg|probe) exited|Input #|Output #)/.test(line)) ?? "no reason given"
  );
}

/** One line of a log without `[demuxer @ 0x55d1]`, `[error]` and the file's path. */
export function tidyLine(line: string, path: string): string {
  return line
    .replace(/^(\s*\[[^\]]*\])+\s*/, "")
    .replace(`${path}: `, "")
    .trim();
}

/**
 * The absolute path of an existing, regular, non-empty file (so that ffmpeg cannot take it for an address or an option).
 * Throws FormatError for anything else; `kind` is what was expected, such as "a video file".
 */
export async function checkedPath(path: string, kind: string): Promise<string> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === "ENOENT" || cause.code === "ENOTDIR";
    throw new FormatError(
      path,
      missing ? `no such file; expected ${kind}, check the path` : `cannot be read: ${cause.message}`,
    );
  });
  if (found.isDirectory()) throw new FormatError(path, `expected ${kind}, got a folder; give a file in it`);
  if (!found.isFile()) throw new FormatError(path, `expected ${kind}, got a device or pipe; save it to a file first`);
  if (found.size === 0) throw new FormatError(path, `expected ${kind}, got an empty file; copy or record it again`);
  return resolve(path);
}
