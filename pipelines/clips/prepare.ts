/** @file From videos to clip stores: each video is decoded once, its people cropped, and the flow between neighbours kept. */
import { join } from "node:path";
import type { FlowEstimator } from "../../flow/estimator.ts";
import { runningPrecision } from "../../src/engine/engine.ts";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import { cropSquare } from "../../src/image/crop.ts";
import { areNeighbours, medianStep } from "../../src/video/neighbours.ts";
import { decodeVideo, type Frame, probeVideo, type VideoInfo } from "../../src/video/video.ts";
import { contentKey, fileDigest } from "../run/content-key.ts";
import type { Context } from "../run/context.ts";
import type { InputFile } from "../run/input-files.ts";
import { choosePairs, type PairChoice } from "./choose-pairs.ts";
import { type CropFlow, type CroppedFrame, cropFlow, type FlowSource } from "./flow-source.ts";
import { type ClipStore, type ClipStoreWriter, createClipStore, openClipStore, removeUnfinished } from "./store.ts";
import { cachedTracks } from "./track-cache.ts";
import { BOX_SMOOTHING, trackSquares } from "./track-squares.ts";
import type { Track } from "./tracks.ts";

/** How clips are made. Everything here is part of the cache's key, except where the cache is. */
export interface PrepareSettings extends Omit<PairChoice, "most"> {
  readonly cache: string;
  readonly tracks: string;
  readonly cropSize: number;
  readonly flowSize: number;
  readonly boxScale: number;
  /** Seconds over which boxes are steadied; BOX_SMOOTHING unless given. */
  readonly boxSmoothing?: number;
  readonly maxPairs: number;
  readonly flowUpdates: number;
  /** Stands for what gives the flow: a network and its weights. */
  readonly flowIdentity: string;
}

/** A video that could not be used, and why. `failed` is false for one that is whole but holds no pair of a person. */
export interface SkippedVideo {
  readonly video: string;
  readonly problem: string;
  readonly failed: boolean;
}

export interface PreparedClips {
  readonly stores: readonly ClipStore[];
  readonly skipped: readonly SkippedVideo[];
}

/** The most pairs whose flow is computed at once, and the correlation entries (H/8 W/8)^2 they may have together. */
const MAX_FLOW_PAIRS = 8;
const MAX_CORRELATIONS = 2 ** 23;

/**
 * The stores of all videos, from the cache where it holds them. A video that cannot be read is told to the log by name and
 * left out; the others are not concerned. Throws on abort, leaving whole stores only.
 */
export async function prepareClips(
  inputs: readonly InputFile[],
  settings: PrepareSettings,
  flow: FlowEstimator | FlowSource,
  context: Context,
): Promise<PreparedClips> {
  await removeUnfinished(settings.cache);
  const stores: ClipStore[] = [];
  const skipped: SkippedVideo[] = [];
  const skip = (video: string, problem: string, failed: boolean) => {
    context.log.warn(problem.startsWith(video) ? problem : `${video}: ${problem}`);
    skipped.push({ video, problem, failed });
  };
  for (const input of inputs) {
    context.signal.throwIfAborted();
    try {
      const store = await prepareVideo(input, settings, flow, context);
      if (store.index.clips.some((clip) => clip.pairs.length > 0)) stores.push(store);
      else skip(input.path, "no two neighbouring frames show a person, so there is nothing to learn from", false);
    } catch (error) {
      if (!(error instanceof MotionCueError) || error instanceof OptionError) throw error;
      skip(input.path, error.message, true);
    }
  }
  return { stores, skipped };
}

async function prepareVideo(
  input: InputFile,
  settings: PrepareSettings,
  flow: FlowEstimator | FlowSource,
  context: Context,
): Promise<ClipStore> {
  const video = await probeVideo(input.path);
  const digest = await fileDigest(input.path);
  const tracks = await cachedTracks(settings.cache, settings.tracks, video, input.relative, digest, context);
  const {
    cache: _cache,
    tracks: _tracks,
    gap: _gap,
    neighbours: _neighbours,
    sequence: _sequence,
    ...kept
  } = {
    boxSmoothing: BOX_SMOOTHING,
    ...settings,
  };
  const boxes = tracks.map(({ id, boxes }) => [id, [...boxes].map(([i, b]) => [i, b.x0, b.y0, b.x1, b.y1])]);
  // The pairs stand in the key only where they are not the usual ones, whatever the settings that led to them.
  const pairsBy = (choice: Omit<PairChoice, "most">) =>
    JSON.stringify(tracks.map((track) => choosePairs(track, { ...choice, most: settings.maxPairs })));
  const pairs = pairsBy(settings);
  const unusual = [
    ...(pairs === pairsBy({}) ? [] : [pairs]),
    ...(runningPrecision() === "fp32" ? [] : [runningPrecision()]),
  ];
  const folder = join(settings.cache, contentKey(["clips", 2, digest, kept, boxes, ...unusual]));
  const known = await openClipStore(folder);
  if (known) return known;
  const { width, height } = video;
  const info = { video: input.path, width, height, cropSize: settings.cropSize, flowSize: settings.flowSize };
  const writer = await createClipStore(
    folder,
    info,
    tracks.map(({ id }) => id),
  );
  try {
    const between = await cropFlow(flow, input.path, settings.flowUpdates);
    return await fillStore(writer, video, tracks, settings, between, context);
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

async function fillStore(
  writer: ClipStoreWriter,
  video: VideoInfo,
  tracks: readonly Track[],
  settings: PrepareSettings,
  flow: CropFlow,
  context: Context,
): Promise<ClipStore> {
  const builders = tracks.map((track, clip) => clipBuilder(writer, clip, track, video.fps, settings, flow));
  const total = video.frameCount ?? Math.round(video.durationSeconds * video.fps);
  const progress = context.progress(`prepare ${video.path}`, { total, unit: "frames" });
  const times: number[] = [];
  try {
    for await (const frame of decodeVideo(video, { warn: context.log.warn })) {
      context.signal.throwIfAborted();
      times.push(frame.time);
      for (const builder of builders) await builder.add(frame);
      progress.update(times.length);
    }
    for (const builder of builders) await builder.flush();
  } finally {
    progress.finish();
  }
  const step = medianStep(times);
  const isContinuous = (from: number, to: number): boolean => {
    for (let i = from; i < to; i++) if (!areNeighbours(times[i]!, times[i + 1]!, step)) return false;
    return true;
  };
  return writer.finish((first, second) => isContinuous(first.frame, second.frame));
}

/** Collects the chosen frames of one track and computes flow whenever a batch of pairs is full. */
function clipBuilder(
  writer: ClipStoreWriter,
  clip: number,
  track: Track,
  fps: number,
  settings: PrepareSettings,
  flow: CropFlow,
) {
  const squares = trackSquares(track, settings.boxScale, fps, settings.boxSmoothing);
  const { maxPairs, gap = 1, neighbours = 1 } = settings;
  const chosen = choosePairs(track, { ...settings, most: maxPairs });
  const firstsOf = new Map<number, number[]>();
  const lastUse = new Map<number, number>();
  for (const [first, second] of chosen) {
    firstsOf.set(second, [...(firstsOf.get(second) ?? []), first]);
    for (const frame of [first, second]) lastUse.set(frame, Math.max(second, lastUse.get(frame) ?? 0));
  }
  const batch = flowBatchSize(settings.flowSize);
  // Pairs that share no frame make twice as many images as pairs; the images are what takes memory.
  const mostImages = batch + gap * neighbours - 1;
  let held: (CroppedFrame & { readonly place: number })[] = [];
  let pairs: [number, number][] = [];

  async function add(frame: Frame): Promise<void> {
    if (!lastUse.has(frame.index)) return;
    const square = squares.get(frame.index)!;
    const crop = cropSquare(frame.image, square, settings.cropSize);
    const place = await writer.addCrop(clip, { frame: frame.index, time: frame.time, ...square }, crop.data);
    const isSame = settings.flowSize === settings.cropSize;
    const image = isSame ? crop : cropSquare(frame.image, square, settings.flowSize);
    held.push({ frame: frame.index, square, place, image });
    const firsts = firstsOf.get(frame.index) ?? [];
    for (const first of firsts) pairs.push([held.findIndex((one) => one.frame === first), held.length - 1]);
    if (firsts.length > 0 && (held.length > mostImages || pairs.length >= batch)) await flush();
  }

  /** Frames that later pairs begin with stay. */
  async function flush(): Promise<void> {
    for (let begin = 0; begin < pairs.length; begin += batch) {
      const part = pairs.slice(begin, begin + batch);
      const used = [...new Set(part.flat())].sort((a, b) => a - b);
      const local = part.map(([a, b]) => [used.indexOf(a), used.indexOf(b)] as const);
      const frames = used.map((i) => held[i]!);
      const flows = await flow(frames, local);
      for (const [i, [a, b]] of part.entries()) {
        await writer.addPair(clip, [held[a]!.place, held[b]!.place], flows.forward(i), flows.backward(i));
      }
    }
    const now = held.at(-1)?.frame ?? 0;
    held = held.filter(({ frame }) => lastUse.get(frame)! > now);
    pairs = [];
  }
  return { add, flush };
}

function flowBatchSize(size: number): number {
  const correlations = Math.ceil(size / 8) ** 4;
  return Math.max(1, Math.min(MAX_FLOW_PAIRS, Math.floor(MAX_CORRELATIONS / correlations)));
}
