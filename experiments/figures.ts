/** @file The figures of the kept results, as SVG files for README. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { dotChart } from "./draw/dot-chart.ts";
import { lineChart, type Series } from "./draw/line-chart.ts";
import type { Spread } from "./draw/svg.ts";
import type { Figures } from "./measure.ts";
import { type LabelsBody, METHOD_NAMES } from "./plans/labels.ts";
import type { ScoreRow } from "./plans/score.ts";
import { RESULTS, readResult } from "./results.ts";
import type { ResultBody, ResultRow } from "./rows.ts";
import type { Statistic } from "./statistics.ts";

const DOCS = fileURLToPath(new URL("../docs/", import.meta.url));
const COLOURS = { base: "#6b7280", labels: "#9aa3ae", texture: "#c2620a", flow: "#1d5fd1", both: "#0b8457" } as const;
/** The figures that charts have a panel for. */
const SHOWN: readonly (readonly [keyof Figures, string])[] = [
  ["paMpjpe", "PA-MPJPE, mm"],
  ["accelError", "acceleration error, mm/frame²"],
];
const LABELS = SHOWN.map(([, label]) => label);

/** Draws every experiment that has a result into `folder`; returns the files. */
export async function drawFigures(results: string = RESULTS, folder: string = DOCS): Promise<string[]> {
  const written: string[] = [];
  for (const [name, draw] of Object.entries(DRAWERS)) {
    if (!existsSync(join(results, `${name}.json`))) continue;
    const path = join(folder, `${name}.svg`);
    await writeFileAtomic(path, draw(name, results));
    written.push(path);
  }
  return written;
}

const DRAWERS: Readonly<Record<string, (name: string, folder: string) => string>> = {
  labels: drawLabels,
  "video-amount": (name, folder) =>
    drawAlong(name, folder, "More unlabelled video", "unlabelled videos of 1 s", "videos"),
  "frame-gap": (name, folder) =>
    drawAlong(name, folder, "Frames further apart", "frames between the two of a pair", "frameGap"),
  backbones: drawBackbones,
  "no-anchor": (name, folder) => drawDots(name, folder, "What the anchor holds"),
  "flow-source": (name, folder) => drawDots(name, folder, "Where the flow comes from"),
  presets: (name, folder) => drawDots(name, folder, "Published settings and default ones"),
  "own-videos": (name, folder) => drawDots(name, folder, "On the videos that were refined on"),
  ablation: (name, folder) => drawDots(name, folder, "Ingredients of the default, on validation", "default"),
  score: drawScore,
};

function noteOf({ seeds, split }: { readonly seeds: readonly number[]; readonly split: string }, more = ""): string {
  const runs = seeds.length === 1 ? "one seed" : `means over ${seeds.length} seeds, bars: standard deviation`;
  return `Synthetic world, ${split} split; ${runs}.${more}`;
}

function spreadOf({ mean, deviation }: Statistic): Spread {
  return { value: mean, spread: deviation };
}

function drawLabels(name: string, folder: string): string {
  const result = readResult<LabelsBody>(name, folder)!;
  const series = (["base", "labels", "texture", "flow", "both"] as const).map((method): Series => {
    const own = result.figures.filter(({ group }) => group["method"] === method);
    return {
      name: METHOD_NAMES[method],
      colour: COLOURS[method],
      dashed: method === "labels",
      panels: SHOWN.map(([key]) =>
        own.map(({ group, figures }) => ({ x: Number(group["fraction"]), ...spreadOf(figures[key]) })),
      ),
    };
  });
  return lineChart({
    title: "What labels, video and both give",
    xLabel: "share of the labels, %",
    xTicks: result.rows.map(({ fraction }) => fraction),
    xLog: true,
    yLabels: LABELS,
    series,
    note: noteOf(result),
  });
}

/** Refined networks along a number, with their base as a line across; the group without refinement has 0 there. */
function drawAlong(name: string, folder: string, title: string, xLabel: string, key: string): string {
  const result = readResult<ResultBody<ResultRow>>(name, folder)!;
  const points = result.rows.map((row) => ({ x: Number(row.group[key]), row }));
  const own = points.filter(({ x }) => x > 0);
  const base = points.find(({ x }) => x === 0);
  const ends = [own[0]!.x, own.at(-1)!.x];
  const at = ({ x, row }: (typeof points)[number], figure: keyof Figures) => ({ x, ...spreadOf(row.figures[figure]) });
  return lineChart({
    title,
    xLabel,
    xTicks: own.map(({ x }) => x),
    xLog: key === "videos",
    yLabels: LABELS,
    series: [
      ...(base
        ? [
            {
              name: METHOD_NAMES.base,
              colour: COLOURS.base,
              dashed: true,
              panels: SHOWN.map(([figure]) =>
                ends.map((x) => ({ x, value: base.row.figures[figure].mean, spread: null })),
              ),
            },
          ]
        : []),
      {
        name: METHOD_NAMES.flow,
        colour: COLOURS.flow,
        panels: SHOWN.map(([figure]) => own.map((point) => at(point, figure))),
      },
    ],
    note: noteOf(result, " 10 % of the labels."),
  });
}

function drawBackbones(name: string, folder: string): string {
  const result = readResult<ResultBody<ResultRow>>(name, folder)!;
  const titles = { landmarks: "landmarks", resnet18: "ResNet-18" } as const;
  const series = (["landmarks", "resnet18"] as const).flatMap((backbone, i) =>
    (["base", "flow"] as const).map((method): Series => {
      const own = result.rows.filter(({ group }) => group["backbone"] === backbone && group["method"] === method);
      return {
        name: `${titles[backbone]} ${METHOD_NAMES[method]}`,
        colour: i === 0 ? COLOURS.flow : COLOURS.both,
        dashed: method === "base",
        panels: SHOWN.map(([figure]) =>
          own.map(({ group, figures }) => ({ x: Number(group["fraction"]), ...spreadOf(figures[figure]) })),
        ),
      };
    }),
  );
  const fractions = [...new Set(result.rows.map(({ group }) => Number(group["fraction"])))];
  return lineChart({
    title: "Two backbones",
    xLabel: "share of the labels, %",
    xTicks: fractions,
    xLog: true,
    yLabels: LABELS,
    series,
    note: noteOf(result),
  });
}

/** Methods one below the other. Without the base as the reference it is left out, so that smaller differences show. */
function drawDots(name: string, folder: string, title: string, reference = "base"): string {
  const result = readResult<ResultBody<ResultRow>>(name, folder)!;
  const shown = result.rows.filter(({ group }) => reference === "base" || group["method"] !== "base");
  const rows = shown.map(({ group, figures }) => ({
    name: String(group["method"]),
    colour: group["method"] === reference ? COLOURS.base : COLOURS.flow,
    values: SHOWN.map(([figure]) => spreadOf(figures[figure])),
  }));
  return dotChart({ title, labels: LABELS, rows, reference, note: noteOf(result, " 10 % of the labels.") });
}

function drawScore(name: string, folder: string): string {
  const result = readResult<ResultBody<ScoreRow>>(name, folder)!;
  const series = result.rows.map(({ group, correlation, tenths }): Series => {
    const method = group["method"] === "base" ? "base" : "flow";
    return {
      name: `${METHOD_NAMES[method]}, rank correlation ${correlation.paMpjpe.mean.toFixed(2)}`,
      colour: COLOURS[method],
      panels: [tenths.map(({ residual, paMpjpe }) => ({ x: residual.mean, ...spreadOf(paMpjpe) }))],
    };
  });
  return lineChart({
    title: "What a frame's flow residual says of its error",
    xLabel: "flow residual of a frame, px of the crop (means of tenths)",
    yLabels: LABELS.slice(0, 1),
    series,
    note: noteOf(result),
  });
}
