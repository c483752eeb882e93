/** @file Videos as streams of upright RGB frames, decoded by ffmpeg in a worker thread while the caller computes. */
import { resolve } from "node:path";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { FormatError, OptionError } from "../errors.ts";
import { type Image, imageFrom } from "../image/image.ts";
import type { DecodeEnd, DecodeJob } from "./decode-messages.ts";
import { startDecoder } from "./decode-thread.ts";
import { GLOBAL_OPTIONS, INPUT_OPTIONS, isMissingFfmpeg, missingFfmpeg, tidyLine } from "./ffmpeg.ts";
import { probeVideo, type VideoInfo } from "./probe.ts";

export { isVideoPath, probeVideo, type VideoInfo } from "./probe.ts";

/** One decoded frame. Its image is the caller's: nothing writes to it afterwards. */
export interface Frame {
  readonly image: Image;
  /** Counts decoded frames from 0. */
  readonly index: number;
  /** Seconds from the start of the file, by the frame's own time stamp. */
  readonly time: number;
}

export interface DecodeOptions {
  /** Frames decoded ahead of the caller; by default what 64 MB hold, 2 to 16. */
  readonly queue?: number;
  /** Stop after so many frames; by default all. */
  readonly maxFrames?: number;
  /** Told once, at the end, where ffmpeg had to patch over damage inside the file. */
  readonly warn?: (message: string) => void;
}

/** What the frames waiting for the caller may take, in bytes. */
const QUEUE_BYTES = 64 * 2 ** 20;

/**
 * The frames of a video, by its path or what probeVideo said of it, in order. Nothing happens before the first is asked for; at most `queue` wait; leaving the loop
 * ends ffmpeg. Rotation is applied, pixels are made square, interlaced frames are deinterlaced, no frame
 * is repeated or dropped to even out the rate.
 *
 * Throws what probeVideo throws. A file that breaks off in the middle gives the frames before, then throws FormatError
 * in place of its end; damage that the decoder could conceal is told to `warn`.
 */
export async function* decodeVideo(
  video: string | VideoInfo,
  options: DecodeOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  for (const name of ["queue", "maxFrames"] as const) {
    const value = options[name] ?? 1;
    if (!(Number.isInteger(value) && value >= 1))
      throw new OptionError("decode", `${name} must be an integer >= 1, got ${value}`);
  }
  const info = typeof video === "string" ? await probeVideo(video) : video;
  const { path, width, height, fps } = info;
  const decoder = startDecoder(jobFor(info, options));
  try {
    for (let index = 0; ; index++) {
      const message = await decoder.next();
      // A port hands over messages without end while they keep coming, so that signals and timers would have to wait.
      await turnOfTheLoop();
      if (message.kind === "end") return conclude(path, message, index, options);
      decoder.credit();
      const time = Number.isNaN(message.time) ? index / fps : message.time;
      yield { image: imageFrom(message.data, height, width), index, time };
    }
  } finally {
    await decoder.stop();
  }
}

function jobFor(info: VideoInfo, options: DecodeOptions): DecodeJob {
  const { width, height, rotation, stream, interlaced } = info;
  const fitting = Math.floor(QUEUE_BYTES / (width * height * 3));
  return {
    path: resolve(info.path),
    width,
    height,
    queue: options.queue ?? Math.min(Math.max(fitting, 2), 16),
    inputOptions: INPUT_OPTIONS,
    outputOptions: [
      ...GLOBAL_OPTIONS,
      ...["-map", `0:${stream}`, "-f", "rawvideo", "-pix_fmt", "rgb24"],
      ...(options.maxFrames === undefined ? [] : ["-frames:v", `${options.maxFrames}`]),
    ],
    filters: [
      // ffmpeg turns frames upright before the first filter; fields of a turned frame would lie in columns.
      ...(interlaced && rotation === 0 ? ["yadif=mode=send_frame:deint=interlaced"] : []),
      `scale=${width}:${height}`,
      "setsar=1",
      "format=rgb24",
      "showinfo=checksum=0",
    ],
  };
}

function conclude(path: string, end: DecodeEnd, frames: number, { maxFrames, warn }: DecodeOptions): void {
  const { failure, problems } = end;
  const line = tidyLine(problems.first, resolve(path)) || tidyLine(failure.split("\n")[0]!, resolve(path));
  if (isMissingFfmpeg(failure)) throw missingFfmpeg();
  const complete = maxFrames !== undefined && frames >= maxFrames;
  if (complete) return;
  if (frames === 0) throw new FormatError(path, `no frame can be decoded (${line || "it holds none"}); leave it out`);
  if (failure || problems.cutOff)
    throw new FormatError(
      path,
      `breaks off after ${frames} frames (${line}); copy or record it again, or cut it there`,
    );
  if (problems.count > 0)
    warn?.(`${path}: damaged in ${problems.count} places, concealed by the decoder (first: ${line})`);
}
