/** @file Recorded motions from folders of BVH files, divided among the splits, read when they are needed. */
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { OptionError } from "../../src/errors.ts";
import { readBvh } from "../../src/io/bvh.ts";
import type { Random } from "../../src/random.ts";
import { fileDigest } from "../run/content-key.ts";
import type { Recording } from "./recorded-motion.ts";
import { type MotionClip, retargetMotion } from "./retarget.ts";
import { namesOfSplit, type Split } from "./splits.ts";

/** The recordings that a job may use. */
export interface MotionLibrary {
  /** Paths from the folder, with `/`, in order. */
  readonly names: readonly string[];
  /** One of them, drawn. Throws FormatError for a file that is no motion of a person. */
  draw(random: Random): Promise<Recording>;
}

/** Clips kept ready; a minute at 120 frames per second takes 3 MB. */
const KEPT = 48;

/**
 * The .bvh files in `folder` and below it that belong to `split` (all, without one). Files of equal content count as one,
 * so that no split shows what another one shows. `rest`: rest joints [24*3] of the body that is to move. Throws
 * OptionError where the folder holds none, or none for the split.
 */
export async function openMotionLibrary(
  folder: string,
  rest: Float32Array,
  split: Split | undefined,
): Promise<MotionLibrary> {
  const found = await readdir(folder, { recursive: true }).catch(() => undefined);
  if (!found) throw new OptionError("--motions", `expected a folder of .bvh files, found no folder ${folder}`);
  const paths = found.filter((name) => /\.bvh$/i.test(name)).sort();
  const all = await withoutCopies(folder, paths);
  const names = split ? namesOfSplit(all, split) : all;
  if (names.length === 0) {
    const lack = split ? `${all.length} motions are too few to divide; none is left for ${split}` : "found none";
    throw new OptionError("--motions", `expected .bvh files in ${folder}: ${lack}`);
  }
  const kept = new Map<string, MotionClip>();
  return {
    names,
    async draw(random) {
      const name = random.pick(names);
      const path = join(folder, name);
      const clip = kept.get(name) ?? retargetMotion(await readBvh(path), rest, path);
      // Last used is last in the map's order.
      kept.delete(name);
      kept.set(name, clip);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
      return { name, clip };
    },
  };
}

/** The first name of each content; only files of equal size are compared. */
async function withoutCopies(folder: string, paths: readonly string[]): Promise<string[]> {
  const bySize = new Map<number, string[]>();
  for (const path of paths) {
    const { size } = await stat(join(folder, path));
    bySize.set(size, [...(bySize.get(size) ?? []), path]);
  }
  const names: string[] = [];
  for (const same of bySize.values()) {
    const seen = new Set<string>();
    for (const path of same) {
      const content = same.length === 1 ? path : await fileDigest(join(folder, path));
      if (!seen.has(content)) names.push(relative(folder, join(folder, path)).split(sep).join("/"));
      seen.add(content);
    }
  }
  return names.sort();
}
