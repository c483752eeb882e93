/** @file Videos as crops on disk: every person seen through windows, and what is behind; decoded once, read back at random. */
import { join } from "node:path";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import type { CropSquare } from "../../src/image/box.ts";
import { cropSquare } from "../../src/image/crop.ts";
import { decodeVideo, probeVideo, type VideoInfo } from "../../src/video/video.ts";
import {
  type ClipStore,
  type ClipStoreWriter,
  createClipStore,
  openClipStore,
  removeUnfinished,
} from "../clips/store.ts";
import { cachedTracks } from "../clips/track-cache.ts";
import type { Track } from "../clips/tracks.ts";
import { contentKey, fileDigest } from "../run/content-key.ts";
import type { Context } from "../run/context.ts";
import type { InputFile } from "../run/input-files.ts";
import { collectBackgrounds } from "./backgrounds.ts";
import { isCameraStill } from "./still-camera.ts";
import { trackWindows, type WindowShape } from "./windows.ts";

/** How footage is cropped. */
export interface FootageSettings extends WindowShape {
  /** Folder of what was computed from the videos. */
  readonly cache: string;
  readonly tracks: string;
  /** Side of the crops in pixels. */
  readonly size: number;
  /** Most frames of one track, evenly spread. */
  readonly maxFrames: number;
}

/** One video's crops, track by track. */
export interface Footage {
  /** Crops only, no flow. */
  readonly store: ClipStore;
  /** Whether frames of one window show one background. */
  readonly isStill: boolean;
  /** Where the camera stands still: track by track one crop for each window, with the same square. See collectBackgrounds. */
  readonly backgrounds?: ClipStore;
}

/** All videos that could be used, and those that could not, with the reason. */
export interface PreparedFootage {
  readonly footage: readonly Footage[];
  readonly skipped: readonly { readonly video: string; readonly problem: string; readonly failed: boolean }[];
}

/**
 * The crops of all videos, from the cache where it holds them. A video that cannot be read is told to the log and left
 * out. Throws on abort, leaving whole stores only.
 */
export async function prepareFootage(
  inputs: readonly InputFile[],
  settings: FootageSettings,
  context: Context,
): Promise<PreparedFootage> {
  await removeUnfinished(settings.cache);
  const footage: Footage[] = [];
  const skipped: { video: string; problem: string; failed: boolean }[] = [];
  const skip = (video: string, problem: string, failed: boolean) => {
    context.log.warn(problem.startsWith(video) ? problem : `${video}: ${problem}`);
    skipped.push({ video, problem, failed });
  };
  for (const input of inputs) {
    context.signal.throwIfAborted();
    try {
      const prepared = await prepareVideo(input, settings, context);
      if (prepared.store.index.clips.some(({ crops }) => crops.length > 0)) footage.push(prepared);
      else skip(input.path, "no frame shows a person; name the boxes with --tracks", false);
    } catch (error) {
      if (!(error instanceof MotionCueError) || error instanceof OptionError) throw error;
      skip(input.path, error.message, true);
    }
  }
  return { footage, skipped };
}

async function prepareVideo(input: InputFile, settings: FootageSettings, context: Context): Promise<Footage> {
  const { cache, size, maxFrames } = settings;
  const video = await probeVideo(input.path);
  const digest = await fileDigest(input.path);
  const tracks = await cachedTracks(cache, settings.tracks, video, input.relative, digest, context);
  const isStill = await isCameraStill(cache, video, digest, context);
  const windows = tracks.map((track) => evenly(trackWindows(track, settings), maxFrames));
  const told = windows.map((squares) => [...squares].map(([frame, { cx, cy, side }]) => [frame, cx, cy, side]));
  const name = (what: string) => join(cache, contentKey([what, 2, digest, size, told]));
  const folders = { crops: name("template crops"), backgrounds: name("template backgrounds") };
  const open = async () => ({
    store: await openClipStore(folders.crops),
    backgrounds: isStill ? await openClipStore(folders.backgrounds) : undefined,
  });
  const known = await open();
  if (!known.store || (isStill && !known.backgrounds))
    await fillStores(folders, video, tracks, windows, { size, isStill }, context);
  const { store, backgrounds } = known.store && (!isStill || known.backgrounds) ? known : await open();
  if (!store) throw new MotionCueError(folders.crops, "the cache cannot be read back; is the disk full?");
  return { store, isStill, ...(backgrounds ? { backgrounds } : {}) };
}

function evenly(windows: ReadonlyMap<number, CropSquare>, most: number): Map<number, CropSquare> {
  const all = [...windows];
  const kept = Math.min(most, all.length);
  return new Map(Array.from({ length: kept }, (_, i) => all[Math.floor((i * all.length) / kept)]!));
}

/** Decodes a video once and writes its crops, and its backgrounds where the camera stands still. */
async function fillStores(
  folders: { readonly crops: string; readonly backgrounds: string },
  video: VideoInfo,
  tracks: readonly Track[],
  windows: readonly ReadonlyMap<number, CropSquare>[],
  { size, isStill }: { readonly size: number; readonly isStill: boolean },
  context: Context,
): Promise<void> {
  const { width, height } = video;
  const info = { video: video.path, width, height, cropSize: size, flowSize: 0 };
  const ids = tracks.map(({ id }) => id);
  const total = video.frameCount ?? Math.round(video.durationSeconds * video.fps);
  const distinct = windows.flatMap((squares, clip) =>
    [...new Set(squares.values())].map((square) => ({ clip, square })),
  );
  const behind = isStill ? collectBackgrounds(distinct.map(({ square }) => square), size, total) : undefined; // biome-ignore format: one line
  const open: ClipStoreWriter[] = [];
  const create = async (folder: string) => {
    const writer = await createClipStore(folder, info, ids);
    open.push(writer);
    return writer;
  };
  const progress = context.progress(`crop ${video.path}`, { total, unit: "frames" });
  try {
    const crops = await create(folders.crops);
    for await (const { image, index, time } of decodeVideo(video, { warn: context.log.warn })) {
      context.signal.throwIfAborted();
      behind?.add(
        image,
        index,
        tracks.flatMap(({ boxes }) => boxes.get(index) ?? []),
      );
      for (const [clip, squares] of windows.entries()) {
        const square = squares.get(index);
        if (square) await crops.addCrop(clip, { frame: index, time, ...square }, cropSquare(image, square, size).data);
      }
      progress.update(index + 1);
    }
    await crops.finish(() => false);
    open.pop();
    if (!isStill) return;
    const writer = await create(folders.backgrounds);
    for (const [w, { clip, square }] of distinct.entries()) {
      const pixels = behind?.background(w);
      if (pixels) await writer.addCrop(clip, { frame: 0, time: 0, ...square }, pixels);
    }
    await writer.finish(() => false);
    open.pop();
  } catch (error) {
    for (const writer of open) await writer.discard();
    throw error;
  } finally {
    progress.finish();
  }
}
