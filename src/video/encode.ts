/** @file Writing videos: RGB pictures to H.264 in MP4, by ffmpeg. */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import ffmpeg from "fluent-ffmpeg";
import { MotionCueError, ShapeError } from "../errors.ts";
import { type Image, sizeOf } from "../image/image.ts";
import { pendingFile } from "../io/write-file.ts";
import { GLOBAL_OPTIONS, isMissingFfmpeg, meaningfulLine, missingFfmpeg } from "./ffmpeg.ts";

/** What a video is written with. `fps` may be fractional. */
export interface EncodeOptions {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** libx264's constant rate factor: 18 looks like the original, 51 is the worst. */
  readonly crf?: number;
}

/** A video in the making. Its file appears under its name with `close`, whole, or not at all. */
export interface VideoWriter {
  /** Adds one frame of the video's size; ready when the encoder wants the next. The picture may be reused then. */
  write(image: Image): Promise<void>;
  /** Ends the file and gives it its name. Throws MotionCueError if ffmpeg failed or no frame was written. */
  close(): Promise<void>;
  /** Ends the encoder and removes what it wrote; does nothing after `close`. */
  abort(): Promise<void>;
}

/** What the encoder is given ahead of its work, in bytes. */
const AHEAD_BYTES = 16 * 2 ** 20;

/**
 * Starts a video file: H.264, 4:2:0 (BT.709), playable while it loads; odd sides get one black row or column. Missing
 * folders are made. Throws MotionCueError for a size or rate that is not positive, or where the file cannot be.
 */
export async function encodeVideo(path: string, options: EncodeOptions): Promise<VideoWriter> {
  const { width, height, fps } = options;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && fps > 0 && fps <= 1000))
    throw new MotionCueError(path, `expected a positive size and 0 < fps <= 1000, got ${width}x${height} at ${fps}`);
  const pending = await pendingFile(path);
  const frames = new PassThrough({ highWaterMark: Math.max(AHEAD_BYTES, width * height * 3) });
  const run = startEncoder(path, pending.temporary, frames, options);
  let count = 0;
  let state: "open" | "closed" = "open";
  const abort = async () => {
    if (state === "closed") return;
    state = "closed";
    await run.kill();
    await pending.discard();
  };
  const failed = async (error: unknown): Promise<never> => {
    await abort();
    throw error;
  };
  return {
    abort,
    write: async (image) => {
      if (state === "closed") throw new MotionCueError(path, "a frame was written after the video was closed");
      const size = sizeOf(image);
      if (size.width !== width || size.height !== height)
        throw new ShapeError(`a frame of ${path}`, `[${height}, ${width}, 3]`, image.shape);
      count++;
      // Copied: the caller may draw into the picture while this frame still waits for the encoder.
      if (frames.write(image.data.slice())) return;
      await Promise.race([once(frames, "drain"), run.ended.then(() => run.check())]).catch(failed);
    },
    close: async () => {
      if (state === "closed") throw new MotionCueError(path, "the video was closed already");
      if (count === 0) return failed(new MotionCueError(path, "a video needs at least one frame, got none"));
      frames.end();
      await run.ended;
      await Promise.resolve().then(run.check).catch(failed);
      state = "closed";
      await pending.commit();
    },
  };
}

interface EncoderRun {
  /** When ffmpeg has ended, well or not. */
  readonly ended: Promise<void>;
  /** Throws if ffmpeg failed. */
  check(): void;
  kill(): Promise<void>;
}

function startEncoder(path: string, file: string, frames: PassThrough, options: EncodeOptions): EncoderRun {
  const { width, height, fps, crf = 18 } = options;
  let failure: Error | undefined;
  let started = false;
  let unwanted = false;
  const log: string[] = [];
  const command = ffmpeg(frames)
    .inputOptions(["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", `${width}x${height}`])
    .inputOptions(["-framerate", `${fps}`])
    .videoFilters([
      "pad=ceil(iw/2)*2:ceil(ih/2)*2",
      "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_inp+bicubic",
      "format=yuv420p",
    ])
    .videoCodec("libx264")
    .outputOptions([...GLOBAL_OPTIONS, "-preset", "veryfast", "-crf", `${crf}`])
    .outputOptions(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"])
    .outputOptions(["-movflags", "+faststart", "-f", "mp4"])
    .output(file);
  const ended = new Promise<void>((fulfil) => {
    command.on("stderr", (line: string) => {
      if (/\[(error|fatal)\]/.test(line)) log.push(line);
    });
    command.on("start", () => {
      started = true;
      if (unwanted) command.kill("SIGKILL");
    });
    command.on("end", () => fulfil());
    command.on("error", (error: Error) => {
      failure = isMissingFfmpeg(error.message) ? missingFfmpeg() : encoderError(path, file, log, error);
      fulfil();
    });
  });
  command.run();
  return {
    ended,
    check: () => {
      if (failure) throw failure;
    },
    kill: async () => {
      unwanted = true;
      if (started) command.kill("SIGKILL");
      frames.destroy();
      await ended;
    },
  };
}

function encoderError(path: string, file: string, log: readonly string[], error: Error): MotionCueError {
  const line = meaningfulLine(log.join("\n") || error.message, file);
  return new MotionCueError(path, `the video cannot be written (${line}); check the disk, and that ffmpeg has libx264`);
}
