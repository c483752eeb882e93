/** @file The report of a template's training: what was learnt in pictures, how the losses went, what was asked. */
import { stat } from "node:fs/promises";
import { readPng } from "../../src/image/png.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import type { RunFolder } from "../run/folder.ts";
import { formatReport, type ReportPart, type ReportSection } from "../run/report.ts";
import { readSteps, type StepReport } from "../run/step-records.ts";
import type { TrainTemplateResult } from "./train.ts";
import type { TemplateRecipe, TrainTemplateOptions } from "./train-options.ts";
import { picturePath } from "./train-steps.ts";

/** Pictures of steps before the last one that are shown. */
const EARLIER = 3;
const LEGEND =
  "Above: the part template where there is one, and the prior with its links. Each row: the picture, what is behind it where that is known, its reference, the moved parts or links, what is made of both, and the keypoints.";

/** Writes `report.html` of a finished training. */
export async function writeTemplateReport(
  folder: RunFolder,
  options: TrainTemplateOptions,
  recipe: TemplateRecipe,
  result: TrainTemplateResult,
): Promise<void> {
  const steps = await readSteps(folder.metrics);
  const sections: ReportSection[] = [
    { title: "What was learnt", parts: [{ kind: "text", text: LEGEND }, ...(await pictures(folder, options, steps))] },
    { title: "Losses", parts: curves(steps) },
    { title: "Videos", parts: [videoTable(result)] },
    { title: "Options", parts: [optionTable(options, recipe, result)] },
  ];
  await writeFileAtomic(folder.report, formatReport(`MotionCue: template ${options.system}`, sections));
}

async function pictures(
  folder: RunFolder,
  { picturesEvery }: TrainTemplateOptions,
  steps: readonly StepReport[],
): Promise<ReportPart[]> {
  const last = steps.at(-1)?.step ?? 0;
  const earlier = steps.map(({ step }) => step).filter((step) => step % picturesEvery === 0 && step < last);
  const spread = Array.from({ length: EARLIER }, (_, i) => earlier[Math.floor((i * earlier.length) / EARLIER)]);
  const shown = [last, ...[...new Set(spread)].filter((step) => step !== undefined)];
  const parts: ReportPart[] = [];
  for (const step of shown) {
    const path = picturePath(folder, step);
    if (!(await stat(path).catch(() => undefined))) continue;
    parts.push({ kind: "picture", image: await readPng(path), caption: `step ${step}` });
  }
  return parts;
}

function curves(steps: readonly StepReport[]): ReportPart[] {
  const x = steps.map(({ step }) => step);
  const curve = (name: string, of: (step: StepReport) => number): ReportPart => ({ kind: "curve", name, x, y: steps.map(of) }); // biome-ignore format: one line
  const terms = Object.keys(steps[0]?.cues ?? {});
  return [
    curve("loss", ({ loss }) => loss),
    ...terms.map((name) => curve(name, ({ cues }) => cues[name]?.value ?? Number.NaN)),
    curve("gradient norm", ({ gradientNorm }) => gradientNorm),
  ];
}

function videoTable({ videos, skipped }: TrainTemplateResult): ReportPart {
  const told = { frame: "another frame of the same window", masked: "the picture itself, 80 % hidden" };
  const rows = [
    ...videos.map(({ video, references }) => [video, told[references]]),
    ...skipped.map(({ video, problem, failed }) => [video, `${failed ? "failed" : "not used"}: ${problem}`]),
  ];
  return { kind: "table", head: ["video", "references"], rows };
}

function optionTable(options: TrainTemplateOptions, recipe: TemplateRecipe, result: TrainTemplateResult): ReportPart {
  const { own, steps: _steps, ...training } = recipe;
  const all = { ...options, ...training, steps: result.steps, ...own };
  const rows = Object.entries(all).map(([name, value]) => [name, value === undefined ? "" : JSON.stringify(value)]);
  const { engine, features = "none: pixels alone are compared", pictures, seconds } = result;
  return {
    kind: "table",
    head: ["", ""],
    rows: [
      ["engine", `${engine.name} (${engine.version}, ${engine.device})`],
      ["features", features],
      ["pictures", String(pictures)],
      ["seconds", seconds.toFixed(0)],
      ...rows,
    ],
  };
}
