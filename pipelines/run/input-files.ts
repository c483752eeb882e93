/** @file The files that a command's arguments stand for: files as they are, folders searched recursively, sorted. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join, relative } from "node:path";
import { OptionError } from "../../src/errors.ts";
import { isVideoPath } from "../../src/video/video.ts";

/** One file to work on. */
export interface InputFile {
  readonly path: string;
  /** Path below the folder that was given; of a file that was given itself, its base name. */
  readonly relative: string;
  /** `relative` without its extension, made unique among the inputs: the file's own folder or name in an output folder. */
  readonly name: string;
}

/**
 * The videos that `paths` (files and folders, searched recursively; hidden ones left out) stand for, each once, sorted by
 * path. A file that is named itself is taken whatever it is called. Throws OptionError for a missing path and where
 * there is no video at all.
 */
export function expandVideos(paths: readonly string[]): Promise<InputFile[]> {
  return expandInputs(paths, isVideoPath, "video");
}

/** As expandVideos, for the files of a folder that `accepts` takes; `noun` names them in messages. */
export async function expandInputs(
  paths: readonly string[],
  accepts: (path: string) => boolean,
  noun: string,
): Promise<InputFile[]> {
  const found = new Map<string, { path: string; relative: string }>();
  for (const root of paths) {
    const kind = await kindOf(root);
    if (kind === "missing") throw new OptionError(root, `expected a ${noun} or a folder, found nothing there`);
    const files = kind === "folder" ? await filesBelow(root, accepts) : [root];
    if (files.length === 0)
      throw new OptionError(
        root,
        `expected a ${noun} in this folder or below it, found none; name the files themselves`,
      );
    for (const path of files) {
      const key = await realpath(path);
      const below = kind === "folder" ? relative(root, path) : basename(path);
      if (!found.has(key)) found.set(key, { path, relative: below });
    }
  }
  const files = [...found.values()].sort((a, b) => compareText(a.path, b.path));
  return withUniqueNames(files);
}

async function filesBelow(root: string, accepts: (path: string) => boolean): Promise<string[]> {
  const files: string[] = [];
  const open = [root];
  const seen = new Set<string>();
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const real = await realpath(folder);
    if (seen.has(real)) continue; // a link that leads back up
    seen.add(real);
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (name.startsWith(".")) continue;
      const kind = await kindOf(path);
      if (kind === "folder") open.push(path);
      else if (kind === "file" && accepts(path)) files.push(path);
    }
  }
  return files;
}

async function kindOf(path: string): Promise<"file" | "folder" | "missing"> {
  const info = await stat(path).catch(() => undefined);
  if (!info) return "missing";
  return info.isDirectory() ? "folder" : "file";
}

function withUniqueNames(files: readonly { path: string; relative: string }[]): InputFile[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const stem = file.relative.slice(0, file.relative.length - extname(file.relative).length);
    let name = stem;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}`;
    taken.add(name.toLowerCase());
    return { ...file, name };
  });
}

/** Order by code units: the same on every machine, whatever its language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
