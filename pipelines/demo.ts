/** @file The demo: makes synthetic video, refines the shipped regressor on it, and measures before and after on other video. */
import { join } from "node:path";
import { loadBody } from "../smpl/load-body.ts";
import { type EngineInfo, startEngine } from "../src/engine/engine.ts";
import { decodePng, encodePng } from "../src/image/png.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../src/options.ts";
import { decodeVideo } from "../src/video/video.ts";
import type { Accuracy } from "./evaluate/evaluate.ts";
import { evaluateFiles, FIGURES } from "./evaluate/files.ts";
import type { RefineOptions } from "./refine/options.ts";
import { type RefineJob, type RefineResult, refine } from "./refine/refine.ts";
import { lossCurves } from "./refine/report.ts";
import { render } from "./render/render.ts";
import { type Context, createContext } from "./run/context.ts";
import { runFolder } from "./run/folder.ts";
import { formatReport, type ReportPart } from "./run/report.ts";
import { readSteps } from "./run/step-records.ts";
import { ENGINE_OPTION } from "./shared-options.ts";
import { writeSynthStills } from "./synth/still-files.ts";
import { CROP_SCALE } from "./synth/stills.ts";
import { writeSynthVideos } from "./synth/videos.ts";
import { createWorld, type World } from "./synth/world.ts";

export const DEMO_OPTIONS = {
  out: { kind: "text", value: "DIR", default: "runs/demo", doc: "folder of everything that the demo makes" },
  videos: { kind: "integer", default: 48, min: 1, max: 1000, doc: "unlabelled videos to refine on" },
  heldOut: { kind: "integer", default: 12, min: 1, max: 1000, doc: "other videos, with known truth, to measure on" },
  frames: {
    kind: "integer",
    default: 10,
    min: 6,
    max: 10_000,
    doc: "frames of each unlabelled video, twice as many of the others",
  },
  stills: { kind: "integer", default: 2000, min: 16, max: 100_000, doc: "labelled stills that anchor the refinement" },
  steps: { kind: "integer", default: 600, min: 0, max: 1_000_000, doc: "optimisation steps" },
  seed: { kind: "integer", default: 7, min: 0, max: 2 ** 31 - 1, doc: "of the videos and of every random choice" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type DemoOptions = OptionsOf<typeof DEMO_OPTIONS>;

/** What the demo measures on the held-out videos: mm, mm/frame^2, and crop pixels for the flow residual. */
export type DemoFigures = Pick<Accuracy, "mpjpe" | "paMpjpe" | "pve" | "accelError" | "flowResidual">;

export interface DemoResult {
  readonly before: DemoFigures;
  readonly after: DemoFigures;
  readonly engine: EngineInfo;
  readonly seconds: number;
  readonly files: {
    readonly report: string;
    readonly result: string;
    readonly debugVideo: string;
    readonly regressor: string;
  };
}

/** Height of the videos, px, and their frames per second: at 25 the motion is hardly longer than the flow's error. */
const VIDEO_HEIGHT = 240;
const FPS = 12;
/** The stills that the shipped regressor was trained on begin with these (seed of `train regressor`). */
const STILL_SEED = 1;

/** Runs the demo and writes `report.html`, `result.json`, `debug.mp4` and the refined regressor into the folder. */
export async function demo(given: Partial<DemoOptions> = {}, context: Context = createContext()): Promise<DemoResult> {
  const options = completeOptions("demo", DEMO_OPTIONS, given);
  const started = performance.now();
  const engine = await startEngine(options.engine, options.precision);
  const body = await loadBody("default");
  const world = createWorld(body.host);
  body.dispose();
  const footage = await makeFootage(world, options, context);
  const job: RefineJob = {
    ...refinement(options, footage.stills),
    videos: [footage.unlabelled],
    tracks: footage.unlabelled,
    out: join(options.out, "refine"),
  };
  const result = await refine(job, context);
  context.log.info("measuring on held-out videos");
  const { evaluations } = await evaluateFiles(
    footage.heldOut,
    { compare: result.regressor, cache: join(options.out, "cache") },
    context,
  );
  const [before, after] = evaluations.map(figuresOf) as [DemoFigures, DemoFigures];
  const debugVideo = join(options.out, "debug.mp4");
  await render(
    {
      video: footage.shown,
      tracks: footage.heldOut,
      regressor: "default",
      compare: result.regressor,
      boxScale: CROP_SCALE,
      out: debugVideo,
    },
    context,
  );
  const files = {
    report: join(options.out, "report.html"),
    result: join(options.out, "result.json"),
    debugVideo,
    regressor: result.regressor,
  };
  const outcome: DemoResult = { before, after, engine, seconds: (performance.now() - started) / 1000, files };
  await writeFileAtomic(files.result, `${JSON.stringify(outcome, null, 2)}\n`);
  await writeReport(outcome, result, options);
  return outcome;
}

interface Footage {
  /** Folders of videos with tracks, and for the held-out ones truth, beside them. */
  readonly unlabelled: string;
  readonly heldOut: string;
  /** The held-out video that the debug video is of. */
  readonly shown: string;
  readonly stills: { readonly dataset: string; readonly images: string };
}

async function makeFootage(world: World, options: DemoOptions, context: Context): Promise<Footage> {
  const { out, frames, seed } = options;
  const [unlabelled, heldOut] = [join(out, "videos"), join(out, "held-out")];
  const shape = { size: VIDEO_HEIGHT, fps: FPS };
  await writeSynthVideos(
    world,
    { ...shape, frames, out: unlabelled, videos: options.videos, seed, name: "unlabelled" },
    context,
  );
  const shown = await writeSynthVideos(
    world,
    { ...shape, frames: 2 * frames, out: heldOut, videos: options.heldOut, seed: seed + 1, name: "held-out" },
    context,
  );
  const still = { out: join(out, "stills"), count: options.stills, size: 160, seed: STILL_SEED };
  const stills = await writeSynthStills(world, still, context);
  return { unlabelled, heldOut, shown: shown[0]!.video, stills };
}

/** How the demo refines: as `motioncue refine` does by default, anchored by the labelled stills. */
function refinement(
  { steps, seed, engine, precision }: DemoOptions,
  stills: Footage["stills"],
): Partial<RefineOptions> {
  return {
    regressor: "default",
    // Beside the labelled loss, whose scale is 60, the default weight of the flow would hardly count in so few steps.
    cue: ["flow=1"],
    anchor: "labelled",
    labelled: stills.dataset,
    images: stills.images,
    steps,
    seed,
    engine,
    precision,
    boxScale: CROP_SCALE,
    overwrite: true,
  };
}

function figuresOf({ mpjpe, paMpjpe, pve, accelError, flowResidual }: Accuracy): DemoFigures {
  return { mpjpe, paMpjpe, pve, accelError, flowResidual };
}

/** The table of before and after: a header, then a row for each figure. */
export function demoRows({ before, after }: Pick<DemoResult, "before" | "after">): string[][] {
  const change = (b: number, a: number) => `${a <= b ? "-" : "+"}${((100 * Math.abs(a - b)) / b).toFixed(1)} %`;
  return FIGURES.map(([key, name]) => [
    name,
    before[key].toFixed(2),
    after[key].toFixed(2),
    change(before[key], after[key]),
  ]);
}

async function writeReport(outcome: DemoResult, refined: RefineResult, options: DemoOptions): Promise<void> {
  const steps = await readSteps(runFolder(join(options.out, "refine")).metrics);
  const table: ReportPart = {
    kind: "table",
    head: ["held-out videos", "before", "after", "change"],
    rows: demoRows(outcome),
  };
  const about =
    `The shipped regressor, trained on few labelled synthetic stills, was refined for ${refined.steps} steps on ${options.videos} unlabelled ` +
    `synthetic videos (${refined.pairs.training} pairs of frames). The table is measured on ${options.heldOut} other videos of other people and ` +
    `motions, whose truth is known. Engine: ${outcome.engine.name}, ${outcome.engine.device}; ${outcome.seconds.toFixed(0)} s in all.`;
  const panels =
    "Frame with the person's box, mesh over the crop, observed flow, mesh flow, and the difference of the two; above before, below after.";
  const html = formatReport("MotionCue: demo", [
    { title: "Before and after", parts: [table, { kind: "text", text: about }] },
    {
      title: "A held-out video",
      parts: [{ kind: "text", text: panels }, ...(await pictures(outcome.files.debugVideo))],
    },
    { title: "Losses", parts: lossCurves(steps) },
  ]);
  await writeFileAtomic(outcome.files.report, html);
}

/** Three frames of the debug video, spread over its length. */
async function pictures(video: string): Promise<ReportPart[]> {
  const frames: Uint8Array[] = [];
  for await (const { image } of decodeVideo(video)) frames.push(encodePng(image));
  const chosen = [0.15, 0.5, 0.85].map((share) => Math.min(frames.length - 1, Math.floor(share * frames.length)));
  return chosen.map((i) => ({ kind: "picture", image: decodePng(frames[i]!), caption: `frame ${i}` }));
}
