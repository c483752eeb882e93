/** @file Who is where: the boxes of each person in the frames of a video, from a file, a folder of files, or the video itself. */
import { readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FormatError, OptionError } from "../../src/errors.ts";
import { type Box, fullBox } from "../../src/image/box.ts";
import { showValue } from "../../src/io/show-text.ts";
import { decodeVideo, type VideoInfo } from "../../src/video/video.ts";
import { motionTrack } from "../motion/motion-track.ts";
import { type Context, createContext } from "../run/context.ts";

/** One person in one video. Frames in which the person is not seen are not in `boxes`. */
export interface Track {
  readonly id: number;
  /** By frame index, in ascending order. */
  readonly boxes: ReadonlyMap<number, Box>;
}

/** A video's tracks and, for reports, where they came from. */
export interface VideoTracks {
  readonly tracks: readonly Track[];
  readonly source: string;
}

/** What `--tracks` may be besides a path: the whole frame, or the box of what moves against the camera. */
const MADE = { full: fullTracks, motion: motionTracks } as const;

const MAX_FILE_BYTES = 256 * 2 ** 20;
const MAX_FRAME_INDEX = 2 ** 31 - 1;

/**
 * The tracks of `video`. `choice` is `full`, `motion`, a tracks file, or a folder in which `<video>.tracks.json` is looked
 * for under `relativePath` (the video's path below the folder it was found in) and then under its base name; a video
 * without a file there gets its motion track, and the log says so. Throws FormatError for a file that is broken or was
 * made for another video.
 */
export async function tracksOf(
  choice: string,
  video: VideoInfo,
  relativePath: string = basename(video.path),
  context: Context = createContext(),
): Promise<VideoTracks> {
  return tracksFrom(await trackSource(choice, video, relativePath, context), video, context);
}

/** Throws OptionError unless `choice` is `full`, `motion` or an existing path: once for all videos of a job. */
export async function checkTracksChoice(choice: string): Promise<void> {
  if (choice === "full" || choice === "motion" || (await stat(choice).catch(() => undefined))) return;
  throw new OptionError("--tracks", `expected a tracks file, a folder of them, full or motion, got "${choice}"`);
}

/** What `choice` comes to for one video, as tracksOf describes: `full`, `motion` or the path of a tracks file. */
export async function trackSource(
  choice: string,
  video: VideoInfo,
  relativePath: string,
  context: Context,
): Promise<string> {
  if (choice === "full" || choice === "motion") return choice;
  const info = await stat(choice).catch(() => undefined);
  if (!info)
    throw new FormatError(choice, "expected a tracks file, a folder of them, full or motion, found nothing there");
  if (!info.isDirectory()) return choice;
  for (const stem of [withoutExtension(relativePath), withoutExtension(basename(relativePath))]) {
    const path = join(choice, `${stem}.tracks.json`);
    if (await isFile(path)) return path;
  }
  const wanted = `${withoutExtension(relativePath)}.tracks.json`;
  context.log.info(`${video.path}: no ${wanted} in ${choice}, so the box of what moves is used`);
  return "motion";
}

/** The tracks of `video` from a source that trackSource named. */
export async function tracksFrom(source: string, video: VideoInfo, context: Context): Promise<VideoTracks> {
  if (source === "full" || source === "motion") return MADE[source](video, context);
  return readTracksOf(source, video);
}

/**
 * The tracks in a file `{video?, frameCount?, tracks: [{id, frames: [{index, box: [x0, y0, x1, y1]}]}]}`; frame indices
 * count decoded frames from 0, boxes are in pixels of the upright frame. Throws FormatError naming the wrong entry.
 */
export async function readTracks(path: string): Promise<Track[]> {
  return parseTracks(path, await readTracksFile(path));
}

async function readTracksOf(path: string, video: VideoInfo): Promise<VideoTracks> {
  const content = await readTracksFile(path);
  const tracks = parseTracks(path, content);
  checkBelongs(path, content, tracks, video);
  return { tracks, source: path };
}

async function readTracksFile(path: string): Promise<Record<string, unknown>> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile()) throw new FormatError(path, "expected a tracks file, found nothing there");
  if (info.size > MAX_FILE_BYTES) throw new FormatError(path, `expected a tracks file, got ${info.size} bytes`);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch {
    throw new FormatError(path, "expected a tracks file, got something that is not JSON");
  }
  if (!isRecord(content) || !Array.isArray(content["tracks"]))
    throw new FormatError(path, 'expected a tracks file with a list "tracks", got other JSON');
  return content;
}

function parseTracks(path: string, content: Record<string, unknown>): Track[] {
  const ids = new Set<number>();
  return (content["tracks"] as unknown[]).map((track, t) => {
    const where = `tracks[${t}]`;
    if (!isRecord(track) || !Array.isArray(track["frames"]))
      throw new FormatError(path, `expected ${where} to hold a list "frames"`);
    const id = track["id"] ?? t + 1;
    if (typeof id !== "number" || !Number.isInteger(id) || ids.has(id))
      throw new FormatError(path, `expected ${where}.id to be an integer of its own, got ${showValue(id)}`);
    ids.add(id);
    const frames = track["frames"].map((frame, f) => parseFrame(path, `${where}.frames[${f}]`, frame));
    const boxes = new Map(frames.sort((a, b) => a[0] - b[0]));
    if (boxes.size < frames.length) throw new FormatError(path, `expected one box per frame in ${where}, got two`);
    return { id, boxes };
  });
}

function parseFrame(path: string, where: string, frame: unknown): [number, Box] {
  const { index, box } = isRecord(frame) ? frame : {};
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index > MAX_FRAME_INDEX)
    throw new FormatError(path, `expected ${where}.index to count frames from 0, got ${showValue(index)}`);
  if (!Array.isArray(box) || box.length !== 4 || !box.every((v) => typeof v === "number" && Number.isFinite(v)))
    throw new FormatError(path, `expected ${where}.box to be [x0, y0, x1, y1], got ${showValue(box)}`);
  const [x0, y0, x1, y1] = box as [number, number, number, number];
  if (x1 <= x0 || y1 <= y0)
    throw new FormatError(path, `expected ${where}.box with x0 < x1 and y0 < y1, got [${box.join(", ")}]`);
  return [index, { x0, y0, x1, y1 }];
}

/** A file made for another video would crop at random places, so whatever can tell is looked at. */
function checkBelongs(
  path: string,
  content: Record<string, unknown>,
  tracks: readonly Track[],
  video: VideoInfo,
): void {
  const name = content["video"];
  if (typeof name === "string" && withoutExtension(basename(name)) !== withoutExtension(basename(video.path)))
    throw new FormatError(path, `expected the tracks of ${basename(video.path)}, got those of ${basename(name)}`);
  for (const track of tracks) {
    for (const [index, { x0, y0, x1, y1 }] of track.boxes) {
      if (x1 > 0 && y1 > 0 && x0 < video.width && y0 < video.height) continue;
      const size = `${video.width} x ${video.height}`;
      throw new FormatError(
        path,
        `expected boxes inside the ${size} frame of ${basename(video.path)}, got [${[x0, y0, x1, y1].join(", ")}] in frame ${index}`,
      );
    }
  }
}

async function fullTracks(video: VideoInfo, context: Context): Promise<VideoTracks> {
  const count = video.frameCount ?? (await countFrames(video, context));
  const box = fullBox(video.height, video.width);
  return { tracks: [{ id: 1, boxes: new Map(Array.from({ length: count }, (_, i) => [i, box])) }], source: "full" };
}

async function motionTracks(video: VideoInfo, context: Context): Promise<VideoTracks> {
  const boxes = await motionTrack(video, context);
  return { tracks: boxes.size > 0 ? [{ id: 1, boxes }] : [], source: "motion" };
}

async function countFrames(video: VideoInfo, context: Context): Promise<number> {
  let count = 0;
  for await (const _frame of decodeVideo(video)) {
    context.signal.throwIfAborted();
    count++;
  }
  return count;
}

function withoutExtension(path: string): string {
  return path.slice(0, path.length - extname(path).length);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
