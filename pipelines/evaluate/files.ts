/** @file `evaluate` on files: videos with their truth beside them, or a labelled data set, for one regressor or two. */
import { stat } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { loadBody } from "../../smpl/load-body.ts";
import { loadRegressor, type Regressor } from "../../smpl/regressor.ts";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { FormatError, MotionCueError, OptionError } from "../../src/errors.ts";
import { completeOptions } from "../../src/options.ts";
import { prepareClips, type SkippedVideo } from "../clips/prepare.ts";
import type { ClipStore } from "../clips/store.ts";
import { checkTracksChoice } from "../clips/tracks.ts";
import { flowCropSize, loadClipFlow } from "../flow/load-flow.ts";
import { openLabelledDataset } from "../labelled/dataset.ts";
import { type Context, createContext } from "../run/context.ts";
import { expandVideos } from "../run/input-files.ts";
import { labelledSequence, truthPath, videoSequences } from "./data.ts";
import { type Accuracy, type Evaluation, type EvaluationSequence, evaluate } from "./evaluate.ts";
import { EVALUATE_OPTIONS, type EvaluateFilesOptions } from "./options.ts";

/** The figures of each regressor, in the order in which they were given. */
export interface EvaluateFilesResult {
  readonly engine: EngineInfo;
  readonly evaluations: readonly ({ readonly regressor: string } & Evaluation)[];
  /** Videos that could not be read (`failed`) or show no person. */
  readonly skipped: readonly SkippedVideo[];
}

/** Names and units of the figures, in the order of a table. */
export const FIGURES: readonly (readonly [
  key: Exclude<keyof Accuracy, "frames" | "relativeFlowResidual">,
  name: string,
])[] = [
  ["mpjpe", "MPJPE, mm (root-aligned)"],
  ["paMpjpe", "PA-MPJPE, mm"],
  ["pve", "PVE, mm (root-aligned)"],
  ["accelError", "acceleration error, mm/frame²"],
  ["flowResidual", "flow residual, px of the crop"],
];

/** Sequences for a regressor's crop size. */
type SequencesFor = (cropSize: number) => Promise<readonly EvaluationSequence[]>;

/**
 * Evaluates on `data`: a labelled data set (.npz, .json), a video, or a folder of videos (as `synth` writes them, each with its truth
 * in a .npz beside it). Throws OptionError and FormatError; a video that cannot be read is listed in the result.
 */
export async function evaluateFiles(
  data: string,
  given: Partial<EvaluateFilesOptions> = {},
  context: Context = createContext(),
): Promise<EvaluateFilesResult> {
  const options = completeOptions("evaluate", EVALUATE_OPTIONS, given);
  const found = await stat(data).catch(() => undefined);
  if (!found)
    throw new OptionError(
      data,
      "expected a data set (.npz, .json), a video or a folder of videos, found nothing there",
    );
  const isDataset = !found.isDirectory() && [".npz", ".json"].includes(extname(data).toLowerCase());
  if (!isDataset && options.images) throw new OptionError("--images", `is for data sets (.npz, .json), got ${data}`);
  if (options.tracks) await checkTracksChoice(options.tracks);
  const engine = await startEngine(options.engine, options.precision);
  const skipped = new Map<string, SkippedVideo>();
  const load = isDataset
    ? await datasetSequences(data, options)
    : await footageSequences(data, found.isDirectory() ? data : dirname(data), options, skipped, context);
  const body = await loadBody(options.body);
  const evaluations: ({ regressor: string } & Evaluation)[] = [];
  try {
    for (const file of [options.regressor, ...(options.compare ? [options.compare] : [])]) {
      const regressor = await loadRegressor(file, options.camera ? { camera: options.camera } : {});
      try {
        evaluations.push({ regressor: file, ...(await measure(regressor)) });
      } finally {
        regressor.dispose();
      }
    }
  } finally {
    load.dispose();
    body.dispose();
  }
  return { engine, evaluations, skipped: [...skipped.values()] };

  async function measure(regressor: Regressor): Promise<Evaluation> {
    const sequences = await load.sequences(regressor.spec.cropSize);
    const total = sequences.reduce((sum, { frames }) => sum + frames.length, 0);
    if (total === 0) throw new MotionCueError(data, "expected frames with a person, got none");
    const progress = context.progress("evaluate", { total, unit: "frames" });
    let done = 0;
    const onProgress = (frames: number) => {
      done += frames;
      progress.update(done);
    };
    try {
      return await evaluate(regressor, body, sequences, { batch: options.batch, signal: context.signal, onProgress });
    } finally {
      progress.finish();
    }
  }
}

async function datasetSequences(
  path: string,
  { images }: EvaluateFilesOptions,
): Promise<{ readonly sequences: SequencesFor; dispose(): void }> {
  const dataset = await openLabelledDataset(path, images ?? dirname(path));
  return { sequences: async (cropSize) => [labelledSequence(dataset, cropSize)], dispose: () => {} };
}

async function sequencesOf(store: ClipStore): Promise<EvaluationSequence[]> {
  const truth = truthPath(store.index.video);
  if (!(await stat(truth).catch(() => undefined)))
    throw new FormatError(truth, `expected the truth of ${store.index.video} there, as synth writes it, found nothing`);
  return videoSequences(store, truth);
}

async function footageSequences(
  path: string,
  folder: string,
  options: EvaluateFilesOptions,
  skipped: Map<string, SkippedVideo>,
  context: Context,
): Promise<{ readonly sequences: SequencesFor; dispose(): void }> {
  const videos = await expandVideos([path]);
  const flow = await loadClipFlow(options);
  const sequences: SequencesFor = async (cropSize) => {
    const settings = {
      cache: options.cache,
      tracks: options.tracks ?? folder,
      cropSize,
      flowSize: flowCropSize(undefined, cropSize),
      boxScale: options.boxScale,
      maxPairs: options.maxPairs,
      flowUpdates: flow.updates,
      flowIdentity: flow.identity,
    };
    const prepared = await prepareClips(videos, settings, flow.source, context);
    for (const video of prepared.skipped) skipped.set(video.video, video);
    const { stores } = prepared;
    return (await Promise.all(stores.map(sequencesOf))).flat();
  };
  return { sequences, dispose: () => flow.dispose() };
}
