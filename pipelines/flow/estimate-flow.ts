/** @file Optical flow of two pictures or of a video, written as files that others read. */
import { extname, join } from "node:path";
import { flowToImage } from "../../flow/color-wheel.ts";
import type { FlowEstimator } from "../../flow/estimator.ts";
import { flowEstimators, loadFlowEstimator } from "../../flow/estimators.ts";
import { writeFlo } from "../../flow/flo-file.ts";
import { type FlowField, flowFieldFrom, flowStatistics } from "../../flow/flow-field.ts";
import { writeKittiFlow } from "../../flow/kitti-file.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { NonFiniteError, OptionError } from "../../src/errors.ts";
import { createImage, type Image, imagesToTensor, sizeOf } from "../../src/image/image.ts";
import { writePng } from "../../src/image/png.ts";
import { readImage } from "../../src/image/read-image.ts";
import { resizeImage } from "../../src/image/resize.ts";
import { completeOptions } from "../../src/options.ts";
import { encodeVideo } from "../../src/video/encode.ts";
import { areNeighbours, medianStep } from "../../src/video/neighbours.ts";
import { decodeVideo, type Frame, isVideoPath, probeVideo, type VideoInfo } from "../../src/video/video.ts";
import type { Context } from "../run/context.ts";
import { FLOW_OPTIONS, type FlowOptions } from "./options.ts";

/** What was estimated: pairs of frames, their size, and how much moved (lengths in px of that size). */
export interface FlowSummary {
  readonly pairs: number;
  readonly width: number;
  readonly height: number;
  readonly meanLength: number;
  readonly maxLength: number;
  readonly seconds: number;
  /** Files and folders that were written. */
  readonly written: readonly string[];
}

const VIDEO_SIZE = 512;
/** A video's full colour is its longer side over this. */
const VIDEO_MAX_SHARE = 40;
/** Frames of a video that are worked on at once; the last one begins the next lot. */
const LOT = 5;

/**
 * The flow from picture `first` to `second`, or between the neighbouring frames of the video `first`, written as `options`
 * say. Throws OptionError for options that do not go together, FormatError for files, NonFiniteError for broken weights.
 */
export async function estimateFlow(
  first: string,
  second: string | undefined,
  given: Partial<FlowOptions>,
  context: Context,
): Promise<FlowSummary> {
  const options = completeOptions("flow", FLOW_OPTIONS, given);
  if (second !== undefined) return flowOfPictures(first, second, options);
  checkVideoOptions(first, options);
  return flowOfVideo(first, options, context);
}

async function flowOfPictures(first: string, second: string, options: FlowOptions): Promise<FlowSummary> {
  const { out, backward, png } = options;
  if (!out && !backward && !png) throw new OptionError("flow", "expected --out, --backward or --png FILE, got none");
  const pictures = await Promise.all([first, second].map((path) => readImage(path)));
  const [a, b] = pictures.map(sizeOf);
  if (a!.height !== b!.height || a!.width !== b!.width) {
    const sizes = `${first} is ${a!.width}x${a!.height}, ${second} is ${b!.width}x${b!.height}`;
    throw new OptionError("flow", `expected two pictures of one size, but ${sizes}`);
  }
  const began = performance.now();
  const flow = await withEstimator(options, (estimator, updates) =>
    flowsBetween(
      estimator,
      pictures.map((p) => limited(p, options.size)),
      [[0, 1]],
      updates,
    ),
  );
  const { forward, backward: back } = flow[0]!;
  if (out) await writeFlow(out, forward);
  if (backward) await writeFlow(backward, back);
  if (png) await writePng(png, flowToImage(forward, options.maxFlow));
  const written = [out, backward, png].filter((path) => path !== undefined);
  const { meanLength, maxLength } = flowStatistics(forward);
  const [height, width] = forward.shape as [number, number];
  return { pairs: 1, width, height, meanLength, maxLength, seconds: (performance.now() - began) / 1000, written };
}

/** As KITTI's 16-bit PNG where the name ends so, else as .flo. */
function writeFlow(path: string, field: FlowField): Promise<void> {
  return extname(path).toLowerCase() === ".png" ? writeKittiFlow(path, field) : writeFlo(path, field);
}

function checkVideoOptions(path: string, options: FlowOptions): void {
  if (!isVideoPath(path)) throw new OptionError("flow", `expected a second picture, or a video, got only ${path}`);
  if (options.png) throw new OptionError("flow", "--png is for two pictures; give --out VIDEO.mp4 for a video");
  if (!options.out && !options.backward)
    throw new OptionError("flow", "expected --out VIDEO.mp4 or --out DIR, got none");
  if (options.backward && extname(options.backward))
    throw new OptionError("flow", `expected --backward to be a folder for a video, got ${options.backward}`);
  if (options.out && extname(options.out) && !isVideoPath(options.out))
    throw new OptionError("flow", `expected --out to be a video file or a folder, got ${options.out}`);
}

async function flowOfVideo(path: string, options: FlowOptions, context: Context): Promise<FlowSummary> {
  const info = await probeVideo(path);
  const began = performance.now();
  const progress = context.progress(path, {
    unit: "frames",
    ...(info.frameCount === undefined ? {} : { total: info.frameCount }),
  });
  let [pairs, sum, maxLength, width, height] = [0, 0, 0, 0, 0];
  let video: Awaited<ReturnType<typeof encodeVideo>> | undefined;
  try {
    await withEstimator(options, async (estimator, updates) => {
      for await (const pair of videoFlows(info, estimator, updates, options.size ?? VIDEO_SIZE, context)) {
        [height, width] = pair.size;
        if (options.out && isVideoPath(options.out)) {
          video ??= await encodeVideo(options.out, { width, height, fps: info.fps });
          const radius = options.maxFlow ?? Math.max(width, height) / VIDEO_MAX_SHARE;
          await video.write(pair.flows ? flowToImage(pair.flows.forward, radius) : createImage(height, width));
        }
        progress.update(pair.index + 2);
        if (!pair.flows) continue;
        const name = `${String(pair.index).padStart(6, "0")}.flo`;
        if (options.out && !isVideoPath(options.out)) await writeFlo(join(options.out, name), pair.flows.forward);
        if (options.backward) await writeFlo(join(options.backward, name), pair.flows.backward);
        const statistics = flowStatistics(pair.flows.forward);
        pairs++;
        sum += statistics.meanLength;
        maxLength = Math.max(maxLength, statistics.maxLength);
      }
    });
    await video?.close();
  } catch (error) {
    await video?.abort();
    throw error;
  } finally {
    progress.finish();
  }
  if (pairs === 0) throw new OptionError(path, "expected a video with two neighbouring frames, got none");
  const written = [options.out, options.backward].filter((file) => file !== undefined);
  const seconds = (performance.now() - began) / 1000;
  return { pairs, width, height, meanLength: sum / pairs, maxLength, seconds, written };
}

interface BothFlows {
  readonly forward: FlowField;
  readonly backward: FlowField;
}

/** Frame `index`, and its flow to the next frame: none across a hole in time. */
interface PairFlows {
  readonly index: number;
  readonly size: readonly [height: number, width: number];
  readonly flows: BothFlows | undefined;
}

async function* videoFlows(
  video: VideoInfo,
  estimator: FlowEstimator,
  updates: number,
  size: number,
  context: Context,
): AsyncGenerator<PairFlows> {
  const times: number[] = [];
  let lot: Frame[] = [];
  const finish = function* (): Generator<PairFlows> {
    const step = medianStep(times);
    const pairs = lot.slice(1).map((frame, i) => [i, i + 1, areNeighbours(lot[i]!.time, frame.time, step)] as const);
    const wanted = pairs.filter((pair) => pair[2]).map(([i, j]) => [i, j] as const);
    const flows = flowsBetween(
      estimator,
      lot.map((frame) => frame.image),
      wanted,
      updates,
    );
    let next = 0;
    for (const [i, , isPair] of pairs) {
      const { image, index } = lot[i]!;
      const { height, width } = sizeOf(image);
      yield { index, size: [height, width], flows: isPair ? flows[next++] : undefined };
    }
    lot = lot.slice(-1);
  };
  for await (const { image, index, time } of decodeVideo(video)) {
    context.signal.throwIfAborted();
    times.push(time);
    lot.push({ image: limited(image, size), index, time });
    if (lot.length === LOT) yield* finish();
  }
  if (lot.length > 1) yield* finish();
}

async function withEstimator<T>(
  options: FlowOptions,
  work: (estimator: FlowEstimator, updates: number) => T | Promise<T>,
): Promise<T> {
  await startEngine(options.engine, options.precision);
  const estimator = await loadFlowEstimator(options.flow, options.flowWeights);
  try {
    return await work(estimator, options.flowUpdates ?? flowEstimators[options.flow]!.updates);
  } finally {
    estimator.dispose();
  }
}

function flowsBetween(
  estimator: FlowEstimator,
  images: readonly Image[],
  pairs: readonly (readonly [number, number])[],
  updates: number,
): BothFlows[] {
  if (pairs.length === 0) return [];
  const { height, width } = sizeOf(images[0]!);
  const flows = tf.tidy(() => ({ ...estimator.clipFlows(imagesToTensor(images), pairs, updates) }));
  try {
    const [forward, backward] = [flows.forward, flows.backward].map((tensor) => fieldsOf(tensor, height, width));
    return forward!.map((field, i) => ({ forward: field, backward: backward![i]! }));
  } finally {
    tf.dispose([flows.forward, flows.backward]);
  }
}

function fieldsOf(flows: Tensor4D, height: number, width: number): FlowField[] {
  const values = flows.dataSync() as Float32Array;
  if (!values.every(Number.isFinite))
    throw new NonFiniteError("flow", "the network gave flow that is not finite; check the file of --flow-weights");
  const length = height * width * 2;
  return Array.from({ length: values.length / length }, (_, i) =>
    flowFieldFrom(values.slice(i * length, (i + 1) * length), height, width),
  );
}

/** The image, shrunk if its longer side is over `size`. */
function limited(image: Image, size: number | undefined): Image {
  const { height, width } = sizeOf(image);
  const scale = size === undefined ? 1 : size / Math.max(height, width);
  if (scale >= 1) return image;
  return resizeImage(image, Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale)));
}
