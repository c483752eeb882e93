/** @file What a video or picture file says about itself, by ffprobe. */
import { extname } from "node:path";
import ffmpeg, { type FfprobeData, type FfprobeStream } from "fluent-ffmpeg";
import { FormatError } from "../errors.ts";
import { MAX_PIXELS, MAX_SIDE } from "../image/image.ts";
import { checkedPath, INPUT_OPTIONS, isMissingFfmpeg, meaningfulLine, missingFfmpeg } from "./ffmpeg.ts";

/** A video as it will be decoded. */
export interface VideoInfo {
  readonly path: string;
  /** Of an upright frame with square pixels. */
  readonly width: number;
  readonly height: number;
  /** Degrees clockwise by which the stored pictures are turned to stand upright; `width` and `height` are after it. */
  readonly rotation: number;
  /** Frames per second on average. Frames of a variable frame rate have their own times; see decodeVideo. */
  readonly fps: number;
  /** 0 where the file does not say. */
  readonly durationSeconds: number;
  /** As the file's index counts them; decoding may give a few more or fewer. Absent where the file does not say. */
  readonly frameCount?: number;
  readonly codec: string;
  /** Which stream of the file: the first true video (cover pictures of music are none). */
  readonly stream: number;
  readonly interlaced: boolean;
}

const EXTENSIONS = "3gp avi flv gif m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv y4m".split(" ");
/** Text and playlists, which ffmpeg would turn into pictures or follow to other files. */
const NOT_VIDEO = new Set(["tty", "hls", "dash", "concat", "concatf", "lrc", "sdp", "rtsp", "imf"]);

/** Whether a path has the extension of a video file (searching folders; files named one by one need none). */
export function isVideoPath(path: string): boolean {
  return EXTENSIONS.includes(extname(path).slice(1).toLowerCase());
}

/**
 * Size, rate, length and codec of a video file. Throws FormatError for missing, empty or broken files, folders,
 * pictures, files without a picture track, and frames larger than MAX_SIDE or MAX_PIXELS; MotionCueError without ffmpeg.
 */
export async function probeVideo(path: string): Promise<VideoInfo> {
  const { info, still } = await probeStream(path, "a video file");
  if (still) throw new FormatError(path, "expected a video file, got a picture; give it where pictures are taken");
  return info;
}

/** The first picture stream of a video or picture file, and which it is; `kind` is what the caller expects, for messages. */
export async function probeStream(
  path: string,
  kind: string,
  inputOptions = INPUT_OPTIONS,
): Promise<{ readonly info: VideoInfo; readonly still: boolean }> {
  const { format, streams } = await ffprobe(await checkedPath(path, kind), path, kind, inputOptions);
  const names = `${format.format_name ?? ""}`.split(",");
  if (names.some((name) => NOT_VIDEO.has(name)))
    throw new FormatError(path, `expected ${kind}, got text or a playlist; give the file itself`);
  const found = streams.find((s) => s.codec_type === "video" && !Number(s.disposition?.["attached_pic"] ?? 0));
  if (!found)
    throw new FormatError(path, `expected ${kind}, got a file without a picture track (sound only?); leave it out`);
  const info = describe(path, found, Number(format.duration));
  checkSize(info, kind);
  const still = names.some((name) => name === "image2" || name.endsWith("_pipe"));
  return { info, still };
}

function describe(path: string, stream: FfprobeStream, containerSeconds: number): VideoInfo {
  // ffprobe counts degrees counter-clockwise.
  const rotation = (((-Math.round(Number(stream.rotation) || 0) % 360) + 360) % 360) + 0;
  const aspect = ratio(stream.sample_aspect_ratio) || 1;
  // Square pixels by enlarging the shorter side, so that no detail is lost.
  const stored = [
    Math.round(Number(stream.width) * Math.max(aspect, 1)),
    Math.round(Number(stream.height) * Math.max(1 / aspect, 1)),
  ] as const;
  const [width, height] = rotation % 180 === 90 ? [stored[1], stored[0]] : stored;
  const seconds = Number(stream.duration) || containerSeconds || 0;
  const frameCount = Number(stream.nb_frames);
  return {
    path,
    width,
    height,
    rotation,
    fps: ratio(stream.avg_frame_rate) || ratio(stream.r_frame_rate) || 25,
    durationSeconds: Math.max(seconds, 0),
    ...(frameCount > 0 ? { frameCount } : {}),
    codec: `${stream.codec_name}`,
    stream: stream.index,
    interlaced: /^(tt|bb|tb|bt)$/.test(`${stream.field_order}`),
  };
}

function checkSize({ path, width, height }: VideoInfo, kind: string): void {
  if (!(width > 0 && height > 0))
    throw new FormatError(path, `expected ${kind}, got pictures without a size; copy or record it again`);
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
    throw new FormatError(path, `${width}x${height} px is too large; scale it down, at most ${MAX_SIDE} px a side`);
}

/** `"30000/1001"` or `"64:45"` as a number; 0 where it is none. */
function ratio(text: unknown): number {
  const [above, below] = `${text}`.split(/[/:]/).map(Number);
  const value = above! / below!;
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function ffprobe(absolute: string, path: string, kind: string, inputOptions: readonly string[]): Promise<FfprobeData> {
  return new Promise((fulfil, reject) => {
    ffmpeg(absolute).ffprobe(["-v", "error", ...inputOptions], (error: Error | null, data) => {
      if (!error) fulfil(data);
      else if (isMissingFfmpeg(error.message)) reject(missingFfmpeg());
      else reject(new FormatError(path, unreadable(meaningfulLine(error.message, absolute), kind)));
    });
  });
}

function unreadable(line: string, kind: string): string {
  if (/moov atom not found/.test(line))
    return `expected ${kind}, got a cut-off one (its index, the moov atom, is missing); copy or record it again`;
  return `expected ${kind}, got something that ffmpeg cannot read (${line}); check that the file is whole`;
}
