/** @file `template train`: an estimator of 2D keypoints learnt from videos without labels. */
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import { templateEstimatorKind } from "../../templates/estimators.ts";
import { checkTracksChoice } from "../clips/tracks.ts";
import { type Checkpoint, lastCheckpoint } from "../run/checkpoint.ts";
import { contentKey, fileDigest } from "../run/content-key.ts";
import { type Context, createContext } from "../run/context.ts";
import { enterRunFolder, leaveRunFolder } from "../run/folder.ts";
import { expandVideos } from "../run/input-files.ts";
import { type NamedFeatures, openFeatures } from "./features.ts";
import { type PreparedFootage, prepareFootage } from "./footage.ts";
import { saveTemplate } from "./model-file.ts";
import { pairSource, type ReferenceKind } from "./pairs.ts";
import type { TrainTemplateOptions } from "./train-options.ts";
import { templateRecipe } from "./train-options.ts";
import { type TrainPlan, trainPlan } from "./train-plan.ts";
import { writeTemplateReport } from "./train-report.ts";
import { runTemplateSteps } from "./train-steps.ts";

/** What to train on (videos and folders of them), and how. */
export interface TrainTemplateJob extends Partial<TrainTemplateOptions> {
  readonly videos: readonly string[];
}

/** What a training did. */
export interface TrainTemplateResult {
  /** The estimator's file. */
  readonly template: string;
  readonly report: string;
  readonly engine: EngineInfo;
  readonly system: string;
  readonly steps: number;
  /** Of all steps together, those before a break too. */
  readonly seconds: number;
  /** Pictures that pairs were drawn from. */
  readonly pictures: number;
  readonly videos: readonly { readonly video: string; readonly references: ReferenceKind }[];
  readonly skipped: PreparedFootage["skipped"];
  /** Whose features pictures were compared by; none where only pixels were. */
  readonly features?: string;
  /** The mean loss of the last twentieth of the steps. */
  readonly loss: number;
}

/**
 * Trains and writes the run folder: `template.safetensors`, checkpoints, `metrics.jsonl`, `pictures/`, `options.json`,
 * `result.json` and `report.html`. A run that goes on ends as one that was never stopped. A video that cannot be read is
 * left out and listed. Throws OptionError, FormatError, and NonFiniteError where a loss or gradient is not finite.
 */
export async function trainTemplate(
  { videos, ...given }: TrainTemplateJob,
  context: Context = createContext(),
): Promise<TrainTemplateResult> {
  const plan = await trainPlan(videos, given);
  const { options, folder } = plan;
  const recipe = templateRecipe(options);
  const inputs = await expandVideos(plan.videos);
  if (inputs.length === 0) throw new OptionError("template train", "expected videos or folders of them, got none");
  await checkTracksChoice(options.tracks);
  const engine = await startEngine(options.engine, options.precision);
  const features = recipe.isPerceptual ? await openFeatures(options.vgg, recipe.vggLayers) : undefined;
  let estimator: TemplateEstimator | undefined;
  try {
    if (features) context.log.info(`pictures are compared by features: ${features.name}`);
    estimator = templateEstimatorKind(options.system).create(recipe.own, {
      seed: options.seed,
      ...(features ? { features: features.features } : {}),
    });
    await enterRunFolder(folder, options);
    if (!options.resume)
      await writeFileAtomic(folder.options, `${JSON.stringify({ videos: plan.videos, ...options }, null, 2)}\n`);
    const { size } = recipe;
    const { tracks, boxScale, windowGrowth, maxFrames } = options;
    const cache = options.cache ?? `${folder.path}/cache`;
    const settings = { cache, tracks, size, boxScale, windowGrowth, maxFrames };
    const prepared = await prepareFootage(inputs, settings, context);
    const source = pairSource(prepared.footage, recipe.references);
    if (source.count === 0) {
      if (!options.resume) await leaveRunFolder(folder);
      throw new MotionCueError(
        "template train",
        "none of the videos shows a person in two frames; see the lines above",
      );
    }
    if (!recipe.isReconstructing && !source.groups.some(({ background }) => background)) {
      if (!options.resume) await leaveRunFolder(folder);
      throw new MotionCueError(
        "template train",
        "expected a video of some length from a still camera, before whose background people stand out, found none; to learn from reconstructed pictures instead, which takes longer, give --system-option perceptualWeight=1 --size 64",
      );
    }
    const used = prepared.footage.map(({ store, isStill }) => {
      const own = recipe.references === "auto" ? (isStill ? "frame" : "masked") : recipe.references;
      return { video: store.index.video, references: own } as const;
    });
    for (const { video, references } of used)
      if (references === "masked") context.log.info(`${video}: references are the pictures themselves, 80 % hidden`);
    const checkpoint = options.resume ? await lastCheckpoint(folder.checkpoints) : undefined;
    const known = await inputsOf(options, prepared, features);
    if (checkpoint) checkInputs(checkpoint, known);
    const steps = recipe.steps(source.count);
    const job = { options, recipe, folder, estimator, source, steps, inputs: known, checkpoint };
    const { seconds, loss } = await runTemplateSteps(job, context);
    const header = { system: options.system, options: recipe.own };
    await saveTemplate(folder.regressor, estimator, header, provenance(plan, steps, features));
    const result: TrainTemplateResult = {
      template: folder.regressor,
      report: folder.report,
      engine,
      system: options.system,
      steps,
      seconds,
      pictures: source.count,
      videos: used,
      skipped: prepared.skipped,
      ...(features ? { features: features.name } : {}),
      loss,
    };
    await writeFileAtomic(folder.result, `${JSON.stringify(result, null, 2)}\n`);
    await writeTemplateReport(folder, options, recipe, result);
    return result;
  } finally {
    estimator?.dispose();
    features?.dispose();
  }
}

/** Digests of what the options only name. */
async function inputsOf(
  { vgg }: TrainTemplateOptions,
  { footage }: PreparedFootage,
  features: NamedFeatures | undefined,
): Promise<Record<string, string>> {
  const clips = contentKey(footage.map(({ store, isStill }) => [store.key, isStill]));
  return { clips, ...(features ? { features: vgg === undefined ? "shipped" : await fileDigest(vgg) } : {}) };
}

function checkInputs(checkpoint: Checkpoint, inputs: Readonly<Record<string, string>>): void {
  const changed = Object.keys(inputs).find((name) => checkpoint.inputs[name] !== inputs[name]);
  if (changed === undefined) return;
  throw new MotionCueError(
    "--resume",
    `the ${changed} differ from those the run was begun with; put the old files back or begin another run`,
  );
}

/** What the header of the file says of how it was made; no folders of this machine. */
function provenance({ options }: TrainPlan, steps: number, features: NamedFeatures | undefined) {
  const {
    out: _out,
    cache: _cache,
    resume: _resume,
    overwrite: _overwrite,
    tracks: _tracks,
    vgg: _vgg,
    ...recipe
  } = options;
  return {
    trainedBy: "motioncue template train",
    recipe: JSON.stringify({ ...recipe, steps }),
    ...(features ? { features: features.name } : {}),
  };
}
