/** @file `template evaluate`: trained estimators on held-out footage with truth, beside predictions that look at no picture. */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { MotionCueError, OptionError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { createRandom } from "../../src/random.ts";
import type { Keypoints } from "../../templates/keypoint-metrics.ts";
import { mirroredJoints } from "../../templates/part-template.ts";
import { hideCells } from "../../templates/references.ts";
import { regressionError } from "../../templates/regression-protocol.ts";
import { checkTracksChoice } from "../clips/tracks.ts";
import { type Context, createContext } from "../run/context.ts";
import { expandVideos } from "../run/input-files.ts";
import { type ConstantPose, constantPoses, repeated } from "./constant-poses.ts";
import { completeEvaluateTemplateOptions, type EvaluateTemplateOptions } from "./evaluate-options.ts";
import { allLooks, type Looking } from "./find-keypoints.ts";
import { prepareFootage } from "./footage.ts";
import { windowShapeOf } from "./infer-options.ts";
import { type KeypointMeasures, measureKeypoints } from "./measure.ts";
import { type LoadedTemplate, loadTemplate } from "./model-file.ts";
import { type CropPlace, readCrops, toPictures } from "./pairs.ts";
import { priorOf } from "./pictures.ts";
import { type LabelledFrames, labelledFrames } from "./true-keypoints.ts";

/** What one estimator's figures are set against. */
export interface ConstantFigures extends KeypointMeasures {
  readonly kind: ConstantPose["kind"];
  /** `training`: poses of --training; `evaluated`: of the very frames, which favours the constant. */
  readonly from: "training" | "evaluated";
}

/** Errors where cells of the pictures are hidden: nL2, or by the regression protocol for points without names. */
export interface OcclusionFigures {
  /** Share of 32 x 32 cells that are hidden. */
  readonly hidden: number;
  readonly error: number;
  /** Of each look, where the estimator can look again. */
  readonly iterations?: readonly number[];
}

export interface TemplateFigures {
  readonly template: string;
  readonly system: string;
  readonly size: number;
  readonly frames: number;
  /** None for points without names. */
  readonly measures?: KeypointMeasures;
  /** Its own prior, unmoved, for all frames; none for points without names. */
  readonly prior?: KeypointMeasures;
  /** The AutoLink protocol: a linear map that is learnt from the labels of --training. Percent of the crop's side. */
  readonly regression?: number;
  /** Why there is no such figure although there is training footage. */
  readonly regressionProblem?: string;
  /** The constant pose with the smallest nL2, and all that were tried. */
  readonly constantPose: ConstantFigures;
  readonly constants: readonly ConstantFigures[];
  readonly occlusion?: readonly OcclusionFigures[];
}

export interface EvaluateTemplateResult {
  readonly engine: EngineInfo;
  readonly rows: readonly TemplateFigures[];
}

/** Joints that points without names are mapped to by regression: all that part templates have. */
const BODY_JOINTS: readonly string[] = [
  ...["pelvis", "chest", "neck"],
  ...["left", "right"].flatMap((side) =>
    ["hip", "knee", "ankle", "shoulder", "elbow", "wrist"].map((joint) => `${side}-${joint}`),
  ),
];
const HIDDEN_CELLS = 32;
const HIDDEN_SHARES = [0, 0.1, 0.2, 0.3, 0.4];

/**
 * Measures each of `options.template` on `data`: videos, or a folder of them, each with its truth in a .npz beside it. Throws
 * OptionError and FormatError.
 */
export async function evaluateTemplates(
  data: string,
  given: Partial<EvaluateTemplateOptions>,
  context: Context = createContext(),
): Promise<EvaluateTemplateResult> {
  const options = completeEvaluateTemplateOptions(given);
  const engine = await startEngine(options.engine, options.precision);
  const rows: TemplateFigures[] = [];
  for (const path of options.template) {
    const template = await loadTemplate(path);
    try {
      rows.push({ template: path, ...(await figuresOf(template, data, options, context)) });
    } finally {
      template.estimator.dispose();
    }
  }
  const result = { engine, rows };
  if (options.out !== undefined) await writeFileAtomic(options.out, `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

async function figuresOf(
  template: LoadedTemplate,
  data: string,
  options: EvaluateTemplateOptions,
  context: Context,
): Promise<Omit<TemplateFigures, "template">> {
  const { estimator, system } = template;
  const hasNames = !estimator.jointNames.some((name) => /^point-\d+$/.test(name));
  const names = hasNames ? estimator.jointNames : BODY_JOINTS;
  const frames = await framesOf(data, names, template, options, context);
  const training = options.training && (await framesOf(options.training, names, template, options, context));
  const { batch, seed } = options;
  const means = { flipTest: options.flipTest === "yes", shiftTest: options.shiftTest === "yes" };
  const look = (of: LabelledFrames, what: string, hidden = 0, iterations = 1) =>
    lookAt(template, of.places, { hidden, iterations, ...means, batch, seed }, what, context);
  const [found] = (await look(frames, "evaluate")) as [Keypoints];
  const trained = training ? (await look(training, "training poses"))[0]! : undefined;
  const byRegression = (of: Keypoints) =>
    regressionError(shares(trained!, (training as LabelledFrames).truth.keypoints, estimator.size), shares(of, frames.truth.keypoints, estimator.size), mirroredJoints(names)); // biome-ignore format: one thought
  const constants = constantFigures(frames, training || undefined);
  const count = frames.places.length;
  const measure = (keypoints: Keypoints) => measureKeypoints(keypoints, frames.truth);
  const prior = { data: repeated(priorOf(estimator).points, count), joints: names.length };
  const errorOf = (of: Keypoints) => (hasNames ? measure(of).nL2 : byRegression(of));
  return {
    system,
    size: estimator.size,
    frames: count,
    ...(hasNames ? { measures: measure(found), prior: measure(prior) } : {}),
    ...(trained ? attempt(() => byRegression(found)) : {}),
    constantPose: constants.reduce((best, one) => (one.nL2 < best.nL2 ? one : best)),
    constants,
    ...(options.occlusion && (hasNames || trained) ? { occlusion: await occluded() } : {}),
  };

  async function occluded(): Promise<OcclusionFigures[]> {
    const figures: OcclusionFigures[] = [];
    const iterations = estimator.inferIteratively ? options.iterations : 1;
    for (const hidden of HIDDEN_SHARES) {
      const looks = (await look(frames, `${100 * hidden} % hidden`, hidden, iterations)).map(errorOf);
      figures.push({ hidden, error: looks[0]!, ...(looks.length > 1 ? { iterations: looks } : {}) });
    }
    return figures;
  }
}

async function framesOf(
  data: string,
  names: readonly string[],
  { estimator, metadata }: LoadedTemplate,
  options: EvaluateTemplateOptions,
  context: Context,
): Promise<LabelledFrames> {
  const info = await stat(data).catch(() => undefined);
  const tracks = options.tracks ?? (info?.isDirectory() ? data : dirname(data));
  await checkTracksChoice(tracks);
  const { cache, maxFrames } = options;
  const settings = { cache, tracks, size: estimator.size, ...windowShapeOf(metadata, options), maxFrames };
  const { footage, skipped } = await prepareFootage(await expandVideos([data]), settings, context);
  const broken = skipped.find(({ failed }) => failed);
  if (broken)
    throw new MotionCueError(broken.video, `${broken.problem}; figures without it would mislead, so take it away`);
  if (footage.length === 0) throw new OptionError("template evaluate", `expected people in ${data}, found none`);
  return labelledFrames(footage, names);
}

/** What an estimator finds in all places, of each look; `hidden` is the share of cells that it does not see. */
async function lookAt(
  { estimator }: LoadedTemplate,
  places: readonly CropPlace[],
  how: Looking & { readonly hidden: number; readonly batch: number; readonly seed: number },
  what: string,
  context: Context,
): Promise<Keypoints[]> {
  const joints = estimator.jointNames.length;
  const looks: Float64Array[] = [];
  const progress = context.progress(what, { total: places.length, unit: "frames" });
  try {
    for (let begin = 0; begin < places.length; begin += how.batch) {
      context.signal.throwIfAborted();
      const some = places.slice(begin, begin + how.batch);
      const pictures = toPictures(await readCrops(some), estimator.size);
      const random = createRandom(how.seed, "hidden", how.hidden, begin);
      const seen = how.hidden > 0 ? hideCells(pictures, random, { cells: HIDDEN_CELLS, share: how.hidden }) : pictures;
      allLooks(estimator, seen, how).forEach((found, i) => {
        looks[i] ??= new Float64Array(places.length * joints * 2);
        looks[i].set(found, begin * joints * 2);
      });
      pictures.dispose();
      if (seen !== pictures) seen.dispose();
      progress.update(begin + some.length);
    }
  } finally {
    progress.finish();
  }
  return looks.map((data) => ({ data, joints }));
}

function constantFigures(frames: LabelledFrames, training: LabelledFrames | undefined): ConstantFigures[] {
  const { names, keypoints } = frames.truth;
  const left = [...names.keys()].filter((joint) => names[joint]!.startsWith("left-"));
  const from = training ? "training" : "evaluated";
  return constantPoses((training ?? frames).truth.keypoints, mirroredJoints(names), left).map(({ kind, pose }) => {
    const data = repeated(pose, frames.places.length);
    return { kind, from, ...measureKeypoints({ data, joints: keypoints.joints }, frames.truth) };
  });
}

/** Points and truth as shares of the picture, as the protocol takes them. */
function shares(detected: Keypoints, truth: Keypoints, size: number) {
  const scaled = ({ data, joints }: Keypoints): Keypoints => ({
    data: Float64Array.from(data, (x) => x / size),
    joints,
  });
  return { detected: scaled(detected), truth: scaled(truth) };
}

function attempt(error: () => number): Pick<TemplateFigures, "regression" | "regressionProblem"> {
  try {
    return { regression: error() };
  } catch (problem) {
    if (problem instanceof MotionCueError) return { regressionProblem: problem.message };
    throw problem;
  }
}
