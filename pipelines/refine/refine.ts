/** @file The main job: refines a regressor on unlabelled videos so that the mesh moves as the picture does. */
import { saveRegressor } from "../../smpl/regressor.ts";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { copyParameters, disposeParameters } from "../../src/nn/parameters.ts";
import { type PrepareSettings, prepareClips, type SkippedVideo } from "../clips/prepare.ts";
import type { ClipStore } from "../clips/store.ts";
import { checkTracksChoice } from "../clips/tracks.ts";
import { flowCropSize, loadClipFlow } from "../flow/load-flow.ts";
import { type Checkpoint, lastCheckpoint } from "../run/checkpoint.ts";
import { contentKey } from "../run/content-key.ts";
import { type Context, createContext } from "../run/context.ts";
import { enterRunFolder, leaveRunFolder, type RunFolder, readRunOptions, runFolder } from "../run/folder.ts";
import { expandVideos } from "../run/input-files.ts";
import { heldOutResidual, type ResidualSummary } from "./held-out.ts";
import { type KeypointSource, openKeypoints } from "./keypoint-match.ts";
import { type LoadedModels, loadModels } from "./models.ts";
import { moveWeights } from "./move-weights.ts";
import { completeRefineOptions, FREE_ON_RESUME, type RefineOptions } from "./options.ts";
import { writeRunReport } from "./report.ts";
import { evenlySpread, nearestPairs, type PairPlace, splitPairs } from "./sampler.ts";
import { runSteps } from "./steps.ts";
import { checkTemplateChoice, openTemplateKeypoints } from "./template-keypoints.ts";

/** What to refine on (videos and folders of them), and how; options that are left out come from the preset. */
export interface RefineJob extends Partial<RefineOptions> {
  readonly videos: readonly string[];
}

/** What a refinement did. */
export interface RefineResult {
  /** The refined regressor's file. */
  readonly regressor: string;
  readonly report: string;
  readonly engine: EngineInfo;
  readonly steps: number;
  readonly videos: readonly string[];
  /** Videos that could not be read (`failed`) or hold nothing to learn from. */
  readonly skipped: readonly SkippedVideo[];
  readonly pairs: { readonly training: number; readonly heldOut: number };
  /** Flow residual on held-out pairs before and after. */
  readonly before: ResidualSummary;
  readonly after: ResidualSummary;
}

interface Plan {
  readonly videos: readonly string[];
  readonly options: RefineOptions;
  readonly folder: RunFolder;
}

/**
 * Refines and writes the run folder; see RefineJob. A video that cannot be read is skipped and listed in the result.
 * Throws OptionError for options that cannot be used, FormatError for broken files, NonFiniteError where a step's loss or
 * gradient is not finite, and the signal's reason when it is aborted (after a checkpoint).
 */
export async function refine(job: RefineJob, context: Context = createContext()): Promise<RefineResult> {
  const plan = await makePlan(job, context);
  const inputs = await expandVideos(plan.videos);
  if (inputs.length === 0) throw new OptionError("refine", "expected videos or folders of them, got none");
  const { options, folder } = plan;
  await checkTracksChoice(options.tracks);
  const engine = await startEngine(options.engine, options.precision);
  await checkTemplateChoice(options.keypointsFrom);
  const models = await loadModels(options);
  try {
    const flow = await loadClipFlow(options);
    await enterRunFolder(folder, options);
    if (!options.resume)
      await writeFileAtomic(folder.options, `${JSON.stringify({ videos: plan.videos, ...options }, null, 2)}\n`);
    const { cropSize } = models.regressor.spec;
    const settings: PrepareSettings = {
      cache: options.cache ?? `${folder.path}/cache`,
      tracks: options.tracks,
      cropSize,
      flowSize: flowCropSize(options.flowCropSize, cropSize),
      boxScale: options.boxScale,
      boxSmoothing: options.boxSmoothing,
      maxPairs: options.maxPairs,
      flowUpdates: flow.updates,
      flowIdentity: flow.identity,
      ...pairSettings(options),
    };
    const prepared = await prepareClips(inputs, settings, flow.source, context);
    flow.dispose();
    const splits = prepared.stores.map(splitPairs);
    const training = splits.flatMap((split) => split.training);
    const heldOut = nearestPairs(splits.flatMap((split) => split.heldOut));
    if (training.length === 0) {
      if (!options.resume) await leaveRunFolder(folder);
      throw new MotionCueError("refine", "none of the videos gave a pair of frames to train on; see the lines above");
    }
    const keypoints = await openSource(options, prepared.stores, { ...models, ...settings }, context);
    const clips = contentKey(prepared.stores.map(({ key }) => key));
    const inputsKnown = { ...models.inputs, clips, ...(keypoints ? { keypoints: keypoints.digest } : {}) };
    const { sampler: points, mirror } = keypoints ?? {};
    const ready = { ...models, inputs: inputsKnown, ...(points ? { points } : {}), ...(mirror ? { mirror } : {}) };
    const done = await train({ ...plan, models: ready, training, heldOut, keypoints }, context).finally(() =>
      keypoints?.sampler.dispose(),
    );
    const result: RefineResult = {
      regressor: folder.regressor,
      report: folder.report,
      engine,
      steps: options.steps,
      videos: prepared.stores.map(({ index }) => index.video),
      skipped: prepared.skipped,
      pairs: { training: training.length, heldOut: heldOut.length },
      ...done,
    };
    await writeFileAtomic(folder.result, `${JSON.stringify(result, null, 2)}\n`);
    await writeRunReport(folder, options, result, models, splits);
    return result;
  } finally {
    models.dispose();
  }
}

interface TrainingJob extends Plan {
  readonly models: LoadedModels;
  readonly training: readonly PairPlace[];
  readonly heldOut: readonly PairPlace[];
  readonly keypoints: KeypointSource | undefined;
}

/** How pairs are chosen, where it is not the usual way: what is unset does not change the names of cached clips. */
function pairSettings({ frameGap, neighbours, sequence }: RefineOptions): Partial<PrepareSettings> {
  return {
    ...(frameGap > 1 ? { gap: frameGap } : {}),
    ...(neighbours > 1 ? { neighbours } : {}),
    ...(sequence > 2 ? { sequence } : {}),
  };
}

/** The keypoints that the options name, if any. */
async function openSource(
  { keypoints, keypointsFrom }: RefineOptions,
  stores: readonly ClipStore[],
  setting: Pick<LoadedModels, "regressor" | "body"> & Pick<PrepareSettings, "cache" | "boxScale">,
  context: Context,
): Promise<KeypointSource | undefined> {
  if (keypoints !== undefined) return openKeypoints(keypoints, stores, setting.body.host, context);
  return keypointsFrom === undefined ? undefined : openTemplateKeypoints(keypointsFrom, stores, setting, context);
}

async function train(job: TrainingJob, context: Context): Promise<{ before: ResidualSummary; after: ResidualSummary }> {
  const { options, folder, models } = job;
  const checkpoint = options.resume ? await lastCheckpoint(folder.checkpoints) : undefined;
  if (checkpoint) checkInputs(checkpoint, models.inputs);
  const measured = evenlySpread(job.heldOut, options.heldOutPairs);
  const before =
    (checkpoint?.before as ResidualSummary | undefined) ??
    (await heldOutResidual(models, measured, options.batch, context));
  const first = options.blend < 1 ? copyParameters(models.regressor.parameters) : undefined;
  try {
    await runSteps({ ...job, checkpoint, before }, context);
    if (first) moveWeights(models.regressor.parameters, first, options.blend);
  } finally {
    if (first) disposeParameters(first);
  }
  const after = await heldOutResidual(models, measured, options.batch, context);
  await saveRegressor(folder.regressor, models.regressor, {
    motioncueOptions: JSON.stringify(options),
    motioncueInputs: JSON.stringify(models.inputs),
    motioncueSteps: String(options.steps),
  });
  return { before, after };
}

/** Options, videos and folder; when a run goes on, those it was begun with, which what is given must not contradict. */
async function makePlan({ videos, ...given }: RefineJob, context: Context): Promise<Plan> {
  const asked = completeRefineOptions(given);
  const folder = runFolder(asked.out);
  if (!asked.resume) return { videos, options: asked, folder };
  const saved = await readRunOptions(folder);
  if (!saved) {
    // Killed before its first file, or never begun: for a script that always says --resume both are a start.
    context.log.info(`${folder.path}: no run to go on with, so one is begun`);
    return { videos, options: { ...asked, resume: false }, folder };
  }
  const all: Record<string, unknown> = { ...given, ...(videos.length > 0 ? { videos } : {}) };
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined || FREE_ON_RESUME.has(name as keyof RefineOptions)) continue;
    const before = JSON.stringify(saved[name]);
    if (JSON.stringify(value) === before) continue;
    const found = `option ${name} is ${JSON.stringify(value)}, but the run was begun with ${before ?? "nothing"}`;
    throw new OptionError("--resume", `${found}; leave it out to go on, or begin another run in another folder`);
  }
  const { videos: begun, ...options } = saved as { videos: string[] } & Partial<RefineOptions>;
  const free = {
    ...{ out: asked.out, resume: true, overwrite: false },
    ...(asked.cache ? { cache: asked.cache } : {}),
    ...(given.blend === undefined ? {} : { blend: given.blend }),
  };
  return { videos: begun, options: completeRefineOptions({ ...options, ...free }), folder };
}

function checkInputs(checkpoint: Checkpoint, inputs: Readonly<Record<string, string>>): void {
  for (const [name, digest] of Object.entries(inputs)) {
    if (checkpoint.inputs[name] !== digest)
      throw new MotionCueError(
        "--resume",
        `the ${name} differ from those the run was begun with; put the old files back or begin another run`,
      );
  }
}
