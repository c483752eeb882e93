/** @file Bodies in pictures and videos, frame by frame: the refined regressor at work, without flow. */
import { extname, join } from "node:path";
import type { BodyModel } from "../../smpl/body-model.ts";
import { loadBody } from "../../smpl/load-body.ts";
import { loadRegressor, type Regressor } from "../../smpl/regressor.ts";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import { fullBox, squareBox } from "../../src/image/box.ts";
import { cropSquare } from "../../src/image/crop.ts";
import { sizeOf } from "../../src/image/image.ts";
import { writePng } from "../../src/image/png.ts";
import { readImage } from "../../src/image/read-image.ts";
import { isVideoPath } from "../../src/video/video.ts";
import { drawPeople } from "../bodies/people-overlay.ts";
import { predictCrops } from "../bodies/predict.ts";
import { checkTracksChoice } from "../clips/tracks.ts";
import type { PredictionInfo } from "../export/prediction-writer.ts";
import { predictionFormats } from "../export/predictions.ts";
import { type Context, createContext } from "../run/context.ts";
import { expandInputs, type InputFile } from "../run/input-files.ts";
import { completeInferOptions, type InferOptions } from "./options.ts";
import { inferVideo } from "./video.ts";

/** Pictures, videos and folders of them, and how; see INFER_OPTIONS. */
export interface InferJob extends Partial<InferOptions> {
  readonly inputs: readonly string[];
}

/** What was found in one file. */
export interface InferredFile {
  readonly input: string;
  readonly people: number;
  /** Of all people together. */
  readonly predictions: number;
  readonly written: readonly string[];
}

export interface InferResult {
  readonly engine: EngineInfo;
  readonly files: readonly InferredFile[];
  readonly failed: readonly { readonly input: string; readonly problem: string }[];
}

/** What the work on one file needs. */
export interface InferModels {
  readonly regressor: Regressor;
  readonly body: BodyModel;
}

const PICTURES = "avif bmp gif heic jpeg jpg png ppm tif tiff webp".split(" ");

/**
 * Predicts and writes `OUT/<name>.<format>` for a picture (its whole frame is the box), `OUT/<name>/track-<id>.<format>` for
 * each person of a video (and `people.glb` with all of them), and overlays beside them. A file that cannot be read is
 * listed in the result, and the others go on. Throws OptionError and FormatError for options, weights and bodies.
 */
export async function infer(job: InferJob, context: Context = createContext()): Promise<InferResult> {
  const { inputs: paths, ...given } = job;
  const options = completeInferOptions(given);
  const inputs = await expandInputs(paths, (path) => isVideoPath(path) || isPicturePath(path), "picture or video");
  await checkTracksChoice(options.tracks);
  const engine = await startEngine(options.engine, options.precision);
  const body = await loadBody(options.body);
  const regressor = await loadRegressor(options.regressor, options.camera ? { camera: options.camera } : {});
  const files: InferredFile[] = [];
  const failed: { input: string; problem: string }[] = [];
  try {
    for (const input of inputs) {
      context.signal.throwIfAborted();
      try {
        const run = isPicturePath(input.path) ? inferPicture : inferVideo;
        files.push(await run(input, { regressor, body }, options, context));
      } catch (error) {
        if (!(error instanceof MotionCueError) || error instanceof OptionError) throw error;
        context.log.warn(error.message.startsWith(input.path) ? error.message : `${input.path}: ${error.message}`);
        failed.push({ input: input.path, problem: error.message });
      }
    }
  } finally {
    regressor.dispose();
    body.dispose();
  }
  return { engine, files, failed };
}

async function inferPicture(
  input: InputFile,
  { regressor, body }: InferModels,
  options: InferOptions,
): Promise<InferredFile> {
  const image = await readImage(input.path);
  const { height, width } = sizeOf(image);
  const { cropSize } = regressor.spec;
  const box = fullBox(height, width);
  const square = squareBox(box, 1);
  const [prediction] = predictCrops(regressor, body, [cropSquare(image, square, cropSize)]);
  const person = { frame: 0, time: 0, square, box, prediction: prediction! };
  const betaCount = prediction!.betas.length;
  const info: PredictionInfo = { source: input.path, track: 1, fps: 0, width, height, cropSize, betaCount };
  const written: string[] = [];
  for (const format of new Set(options.format)) {
    const writer = await predictionFormats[format]!(join(options.out, `${input.name}.${format}`), info, body.host);
    try {
      await writer.write(person);
      await writer.close();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    written.push(writer.path);
  }
  if (options.overlay) {
    const path = join(options.out, `${input.name}.overlay.png`);
    await writePng(path, drawPeople(image, [{ ...person, track: 1 }], body.faces, cropSize));
    written.push(path);
  }
  return { input: input.path, people: 1, predictions: 1, written };
}

/** Whether a path has the extension of a picture. */
function isPicturePath(path: string): boolean {
  return PICTURES.includes(extname(path).slice(1).toLowerCase());
}
