/** @file `template infer`: the keypoints of everybody in videos, as files that refinement and others read. */
import { basename, join } from "node:path";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import { cropMap, cropSquare } from "../../src/image/crop.ts";
import { type Image, imagesToTensor } from "../../src/image/image.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { encodeVideo } from "../../src/video/encode.ts";
import { decodeVideo, probeVideo, type VideoInfo } from "../../src/video/video.ts";
import { checkTracksChoice, tracksOf } from "../clips/tracks.ts";
import { type Context, createContext } from "../run/context.ts";
import { expandVideos, type InputFile } from "../run/input-files.ts";
import { findKeypoints } from "./find-keypoints.ts";
import { completeInferTemplateOptions, type InferTemplateOptions, windowShapeOf } from "./infer-options.ts";
import { keypointName } from "./keypoint-names.ts";
import { type LoadedTemplate, loadTemplate } from "./model-file.ts";
import { drawPose, priorOf } from "./pictures.ts";
import { trackWindows } from "./windows.ts";

/** Videos and folders of them, and how. */
export interface InferTemplateJob extends Partial<InferTemplateOptions> {
  readonly videos: readonly string[];
}

/** What was found in one video. */
export interface FoundInVideo {
  readonly video: string;
  readonly keypoints: string;
  readonly overlay?: string;
  readonly people: number;
  /** Of all people together. */
  readonly frames: number;
  /** Mean confidence of all keypoints; NaN where there are none. */
  readonly confidence: number;
}

export interface InferTemplateResult {
  readonly engine: EngineInfo;
  readonly system: string;
  readonly files: readonly FoundInVideo[];
  readonly failed: readonly { readonly video: string; readonly problem: string }[];
}

/** A person's keypoints: by frame [J*3] x, y in pixels of the frame, confidence. */
interface FoundTrack {
  readonly id: number;
  readonly frames: Map<number, Float32Array>;
}

/**
 * Writes `OUT/<name>.keypoints.json` ("motioncue-keypoints", see parseOwnKeypoints) for each video, and `.overlay.mp4`
 * where asked for. A video that cannot be read is listed. Throws OptionError, and FormatError for the template's file.
 */
export async function inferTemplate(
  { videos, ...given }: InferTemplateJob,
  context: Context = createContext(),
): Promise<InferTemplateResult> {
  const options = completeInferTemplateOptions(given);
  const inputs = await expandVideos(videos);
  if (inputs.length === 0) throw new OptionError("template infer", "expected videos or folders of them, got none");
  await checkTracksChoice(options.tracks);
  const engine = await startEngine(options.engine, options.precision);
  const template = await loadTemplate(options.template);
  const files: FoundInVideo[] = [];
  const failed: { video: string; problem: string }[] = [];
  try {
    for (const input of inputs) {
      context.signal.throwIfAborted();
      try {
        files.push(await inferVideo(input, template, options, context));
      } catch (error) {
        if (!(error instanceof MotionCueError) || error instanceof OptionError) throw error;
        context.log.warn(error.message.startsWith(input.path) ? error.message : `${input.path}: ${error.message}`);
        failed.push({ video: input.path, problem: error.message });
      }
    }
  } finally {
    template.estimator.dispose();
  }
  return { engine, system: template.system, files, failed };
}

async function inferVideo(
  input: InputFile,
  template: LoadedTemplate,
  options: InferTemplateOptions,
  context: Context,
): Promise<FoundInVideo> {
  const video = await probeVideo(input.path);
  const found = await findInVideo(video, input, template, options, context);
  const path = join(options.out, `${input.name}.keypoints.json`);
  await writeFileAtomic(path, keypointsJson(video, found, template, options));
  const overlay = join(options.out, `${input.name}.overlay.mp4`);
  const isDrawn = options.overlay && (await drawOverlay(overlay, video, found, template, context));
  const all = found.flatMap(({ frames }) => [...frames.values()]);
  const confidences = all.flatMap((points) => Array.from(points).filter((_, i) => i % 3 === 2));
  return {
    video: input.path,
    keypoints: path,
    ...(isDrawn ? { overlay } : {}),
    people: found.length,
    frames: all.length,
    confidence: confidences.reduce((sum, c) => sum + c, 0) / confidences.length,
  };
}

async function findInVideo(
  video: VideoInfo,
  input: InputFile,
  template: LoadedTemplate,
  options: InferTemplateOptions,
  context: Context,
): Promise<FoundTrack[]> {
  const { tracks } = await tracksOf(options.tracks, video, input.relative, context);
  if (tracks.length === 0) context.log.warn(`${input.path}: nobody was found; name the boxes with --tracks`);
  const { size, jointNames } = template.estimator;
  const shape = windowShapeOf(template.metadata, options);
  const windows = tracks.map((track) => trackWindows(track, shape));
  const found = tracks.map(({ id }): FoundTrack => ({ id, frames: new Map() }));
  let waiting: { readonly track: number; readonly frame: number; readonly crop: Image }[] = [];
  const { iterations, flipTest, shiftTest } = options;
  const looking = { iterations, flipTest: flipTest === "yes", shiftTest: shiftTest === "yes" };
  const flush = () => {
    if (waiting.length === 0) return;
    const images = imagesToTensor(waiting.map(({ crop }) => crop));
    const { points, confidence } = findKeypoints(template, images, looking);
    images.dispose();
    waiting.forEach(({ track, frame }, i) => {
      const { a, bx, by } = cropMap(windows[track]!.get(frame)!, size);
      const own = Float32Array.from({ length: 3 * jointNames.length }, (_, k) => {
        const at = i * jointNames.length + Math.floor(k / 3);
        if (k % 3 === 2) return confidence[at]!;
        return (points[2 * at + (k % 3)]! - (k % 3 === 0 ? bx : by)) / a;
      });
      found[track]!.frames.set(frame, own);
    });
    waiting = [];
  };
  const total = video.frameCount ?? Math.round(video.durationSeconds * video.fps);
  const progress = context.progress(`template infer ${video.path}`, { total, unit: "frames" });
  try {
    for await (const { image, index } of decodeVideo(video, { warn: context.log.warn })) {
      context.signal.throwIfAborted();
      for (const [track, squares] of windows.entries()) {
        const square = squares.get(index);
        if (square) waiting.push({ track, frame: index, crop: cropSquare(image, square, size) });
      }
      if (waiting.length >= options.batch) flush();
      progress.update(index + 1);
    }
    flush();
  } finally {
    progress.finish();
  }
  return found;
}

function keypointsJson(
  video: VideoInfo,
  found: readonly FoundTrack[],
  { system, estimator }: LoadedTemplate,
  { facing }: InferTemplateOptions,
): string {
  const round = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;
  const entry = ([x, y, c]: ArrayLike<number> & Iterable<number>) =>
    c! > 0 ? [round(x!, 2), round(y!, 2), round(c!, 3)] : null;
  const pointsOf = (values: Float32Array) =>
    estimator.jointNames.map((_, j) => entry(values.subarray(3 * j, 3 * j + 3)));
  return `${JSON.stringify({
    format: "motioncue-keypoints",
    video: basename(video.path),
    source: { template: system, facing },
    joints: estimator.jointNames.map((name) => keypointName(name, facing === "away" ? "away" : "camera")),
    tracks: found.map(({ id, frames }) => ({
      id,
      frames: [...frames].map(([index, values]) => ({ index, points: pointsOf(values) })),
    })),
  })}\n`;
}

/** False where nobody was found. The video is decoded again, so that no frame has to wait for its keypoints. */
async function drawOverlay(
  path: string,
  video: VideoInfo,
  found: readonly FoundTrack[],
  { estimator }: LoadedTemplate,
  context: Context,
): Promise<boolean> {
  if (found.length === 0) return false;
  const { width, height, fps } = video;
  const { bones } = priorOf(estimator);
  const writer = await encodeVideo(path, { width, height, fps });
  try {
    for await (const { image, index } of decodeVideo(video)) {
      context.signal.throwIfAborted();
      for (const { frames } of found) {
        const own = frames.get(index);
        if (own) drawPose(image, own.filter((_, k) => k % 3 < 2), bones); // biome-ignore format: one thought
      }
      await writer.write(image);
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return true;
}
