/** @file One video's people, frame after frame, written as they are found so that memory does not grow with its length. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cropSquare } from "../../src/image/crop.ts";
import type { Image } from "../../src/image/image.ts";
import { encodeVideo, type VideoWriter } from "../../src/video/encode.ts";
import { decodeVideo, type Frame, probeVideo, type VideoInfo } from "../../src/video/video.ts";
import { drawPeople } from "../bodies/people-overlay.ts";
import type { PersonFrame } from "../bodies/predict.ts";
import { predictorInTurn } from "../bodies/predict-in-turn.ts";
import { trackSquares } from "../clips/track-squares.ts";
import { type Track, tracksOf } from "../clips/tracks.ts";
import { createPeopleScene } from "../export/glb.ts";
import type { PredictionWriter } from "../export/prediction-writer.ts";
import { predictionFormats } from "../export/predictions.ts";
import type { Context } from "../run/context.ts";
import type { InputFile } from "../run/input-files.ts";
import type { InferModels, InferredFile } from "./infer.ts";
import type { InferOptions } from "./options.ts";

/** A frame that waits until a batch of crops is full. */
interface Waiting {
  readonly frame: Pick<Frame, "index" | "time">;
  /** Kept for the overlay only. */
  readonly image: Image | undefined;
  readonly people: readonly (Pick<PersonFrame, "square" | "box"> & { readonly track: Track; readonly crop: Image })[];
}

/** Predicts every person of a video; see infer. Throws what decoding throws; then nothing of this video is left behind. */
export async function inferVideo(
  input: InputFile,
  models: InferModels,
  options: InferOptions,
  context: Context,
): Promise<InferredFile> {
  const video = await probeVideo(input.path);
  const { tracks } = await tracksOf(options.tracks, video, input.relative, context);
  if (tracks.length === 0) context.log.warn(`${input.path}: nobody was found; name the boxes with --tracks`);
  const folder = join(options.out, input.name);
  const outputs = await openOutputs(folder, video, tracks, models, options);
  const total = video.frameCount ?? Math.round(video.durationSeconds * video.fps);
  const progress = context.progress(`infer ${input.path}`, { total, unit: "frames" });
  const squares = new Map(
    tracks.map((track) => [track, trackSquares(track, options.boxScale, video.fps, options.boxSmoothing)]),
  );
  let frames = 0;
  let waiting: Waiting[] = [];
  const predict = predictorInTurn(models.regressor, models.body, options.batch);
  const flush = async () => {
    const lot = waiting;
    waiting = [];
    await outputs.write(lot, predictAll(lot, predict));
  };
  try {
    for await (const { image, index, time } of decodeVideo(video, { warn: context.log.warn })) {
      context.signal.throwIfAborted();
      const people = tracks.flatMap((track) => {
        const square = squares.get(track)!.get(index);
        const box = track.boxes.get(index);
        if (!square || !box) return [];
        return [{ track, square, box, crop: cropSquare(image, square, models.regressor.spec.cropSize) }];
      });
      waiting.push({ frame: { index, time }, image: options.overlay ? image : undefined, people });
      const crops = waiting.reduce((sum, one) => sum + one.people.length, 0);
      if (crops >= options.batch || waiting.length >= options.batch) await flush();
      progress.update(++frames);
    }
    await flush();
    const written = await outputs.close();
    return { input: input.path, people: tracks.length, predictions: outputs.count(), written };
  } catch (error) {
    await outputs.abort();
    throw error;
  } finally {
    progress.finish();
  }
}

/** The people of each waiting frame with their predictions. */
function predictAll(
  lot: readonly Waiting[],
  predict: ReturnType<typeof predictorInTurn>,
): (PersonFrame & { readonly track: number })[][] {
  const predictions = predict(
    lot.flatMap(({ frame, people }) =>
      people.map(({ track, crop }) => ({ person: String(track.id), frame: frame.index, crop })),
    ),
  );
  let next = 0;
  return lot.map(({ frame, people }) =>
    people.map(({ track, square, box }) => ({
      frame: frame.index,
      time: frame.time,
      square,
      box,
      track: track.id,
      prediction: predictions[next++]!,
    })),
  );
}

/** The files of one video: writers per track, made when it begins and closed when it ends, and the overlay. */
async function openOutputs(
  folder: string,
  video: VideoInfo,
  tracks: readonly Track[],
  { regressor, body }: InferModels,
  options: InferOptions,
) {
  const { width, height, fps } = video;
  const { cropSize } = regressor.spec;
  const info = { source: video.path, fps, width, height, cropSize, betaCount: body.betaCount };
  const people = tracks.length > 1 && options.format.includes("glb");
  const scene = people ? createPeopleScene(join(folder, "people.glb"), info, body.host) : undefined;
  const ends = new Map(tracks.map(({ id, boxes }) => [id, [...boxes.keys()].at(-1) ?? -1]));
  const open = new Map<number, PredictionWriter[]>();
  const written: string[] = [];
  let overlay: VideoWriter | undefined;
  let count = 0;
  const overlayPath = join(folder, "overlay.mp4");

  async function writersOf(person: PersonFrame & { readonly track: number }): Promise<PredictionWriter[]> {
    const { track } = person;
    const known = open.get(track);
    if (known) return known;
    const made: PredictionWriter[] = [];
    open.set(track, made);
    for (const format of new Set(options.format))
      made.push(
        await predictionFormats[format]!(join(folder, `track-${track}.${format}`), { ...info, track }, body.host),
      );
    return made;
  }

  async function finish(track: number): Promise<void> {
    for (const writer of open.get(track) ?? []) {
      await writer.close();
      written.push(writer.path);
    }
    open.delete(track);
  }

  async function write(lot: readonly Waiting[], people: readonly (readonly (PersonFrame & { track: number })[])[]) {
    for (const [i, { frame, image }] of lot.entries()) {
      for (const person of people[i]!) {
        count++;
        scene?.add(person);
        for (const writer of await writersOf(person)) await writer.write(person);
        if (frame.index >= ends.get(person.track)!) await finish(person.track);
      }
      if (!image) continue;
      overlay ??= await encodeVideo(overlayPath, { width, height, fps });
      await overlay.write(drawPeople(image, people[i]!, body.faces, cropSize));
    }
  }

  async function close(): Promise<readonly string[]> {
    for (const track of [...open.keys()]) await finish(track);
    if (scene && count > 0) {
      await scene.close();
      written.push(scene.path);
    }
    await overlay?.close();
    return overlay ? [...written, overlayPath] : written;
  }

  async function abort(): Promise<void> {
    for (const writers of open.values()) for (const writer of writers) await writer.abort();
    await overlay?.abort();
    for (const path of written) await rm(path, { force: true, recursive: true });
  }
  return { write, close, abort, count: () => count };
}
