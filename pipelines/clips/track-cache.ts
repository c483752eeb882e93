/** @file Keeps the boxes that were found by looking through a whole video, so that a second run need not look again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import type { VideoInfo } from "../../src/video/video.ts";
import { contentKey } from "../run/content-key.ts";
import type { Context } from "../run/context.ts";
import { type Track, trackSource, tracksFrom } from "./tracks.ts";

/** Counts changes of the way in which boxes are found. */
const VERSION = 1;

/**
 * The tracks of `video` as `--tracks choice` says, those that need decoding (motion, full) from `cache` where it has them.
 * `digest` stands for the video's content. Throws as tracksOf does.
 */
export async function cachedTracks(
  cache: string,
  choice: string,
  video: VideoInfo,
  relativePath: string,
  digest: string,
  context: Context,
): Promise<readonly Track[]> {
  const source = await trackSource(choice, video, relativePath, context);
  if (source !== "motion" && source !== "full") return (await tracksFrom(source, video, context)).tracks;
  const path = join(cache, `${contentKey(["tracks", VERSION, source, digest])}.tracks.json`);
  const known = await readCached(path);
  if (known) return known;
  const { tracks } = await tracksFrom(source, video, context);
  const plain = tracks.map(({ id, boxes }) => [id, [...boxes].map(([i, { x0, y0, x1, y1 }]) => [i, x0, y0, x1, y1])]);
  await writeFileAtomic(path, JSON.stringify(plain));
  return tracks;
}

type Cached = readonly (readonly [id: number, boxes: readonly (readonly [number, number, number, number, number])[]])[];

async function readCached(path: string): Promise<Track[] | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const tracks = JSON.parse(text) as Cached;
  return tracks.map(([id, boxes]) => ({
    id,
    boxes: new Map(boxes.map(([index, x0, y0, x1, y1]) => [index, { x0, y0, x1, y1 }])),
  }));
}
