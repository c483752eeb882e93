/** @file README's tables of the experiments, made from the kept results. */
import { withTable } from "../bench/readme.ts";
import { FLOW_ERROR, type FlowErrorRow } from "./flow-error.ts";
import type { Figures } from "./measure.ts";
import { type LabelsBody, METHOD_NAMES, METHODS } from "./plans/labels.ts";
import type { ScoreRow } from "./plans/score.ts";
import { plans } from "./plans.ts";
import { RESULTS, type ResultHead, readResult } from "./results.ts";
import type { ResultBody, ResultRow } from "./rows.ts";
import type { Statistic } from "./statistics.ts";
import { TEMPLATES } from "./template-run.ts";
import { orderingLines, type TemplatesBody, templateTable } from "./template-table.ts";

/** Headings of what groups are named by. */
const HEADINGS: Readonly<Record<string, string>> = {
  fraction: "labels, %",
  method: "network",
  videos: "unlabelled videos",
  frameGap: "frames apart",
  backbone: "backbone",
};
const FIGURE_NAMES = {
  paMpjpe: "PA-MPJPE, mm",
  mpjpe: "MPJPE, mm",
  accelError: "acceleration error, mm/frame²",
  flowResidual: "flow residual, px",
} as const satisfies Partial<Record<keyof Figures, string>>;

/** The name of the markers between which an experiment's table stands. */
export function markerOf(name: string): string {
  return `experiment ${name}`;
}

/** `text` with the table of every experiment that it has markers for and that has a result. */
export function withTables(text: string, folder: string = RESULTS): string {
  return [...plans.keys(), TEMPLATES.name, FLOW_ERROR.name].reduce((written, name) => {
    const table = experimentTable(name, folder);
    const isWanted = written.includes(`<!-- ${markerOf(name)} -->`);
    return table && isWanted ? withTable(written, table, markerOf(name)) : written;
  }, text);
}

/** The table of an experiment, with a line on how it was made; undefined where it has no result. */
export function experimentTable(name: string, folder: string = RESULTS): string | undefined {
  const result = readResult(name, folder);
  if (!result) return undefined;
  if (name === FLOW_ERROR.name) return flowErrorTable(readResult<ResultBody<FlowErrorRow>>(name, folder)!);
  const templates = name === TEMPLATES.name ? readResult<TemplatesBody>(name, folder) : undefined;
  const rows = templates
    ? templateTable(templates)
    : name === "labels"
      ? labelRows(readResult<LabelsBody>(name, folder)!)
      : name === "score"
        ? scoreRows(readResult<ResultBody<ScoreRow>>(name, folder)!.rows)
        : figureRows(readResult<ResultBody<ResultRow>>(name, folder)!.rows);
  const lines = templates ? ["", ...orderingLines(templates)] : [];
  return [...markdown(rows), "", captionOf(result, templates && "means over seeds"), ...lines].join("\n");
}

/** Lines of a table, headings first. */
function markdown([head, ...body]: readonly (readonly string[])[]): string[] {
  const cells = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [cells(head!), cells(head!.map((_, i) => (i === 0 ? "---" : "--:"))), ...body.map(cells)];
}

function flowErrorTable({ rows, command }: ResultHead & ResultBody<FlowErrorRow>): string {
  const px = (value: number | null) => value?.toFixed(2) ?? "";
  const table = [
    ["pairs", "number", "zero flow", "`motioncue` (shipped)", "`raft-small`, published weights", "ratio"],
    ...rows.map(({ pairs, count, zero, motioncue, raftSmall, ratio }) => [
      ...[pairs, String(count), px(zero), px(motioncue), px(raftSmall), px(ratio)],
    ]),
  ];
  return [...markdown(table), "", `Endpoint error, px: \`${command}\`.`].join("\n");
}

function captionOf({ seeds, split, command, done, total, data }: ResultHead, means?: string): string {
  const runs = seeds.length === 1 ? "one seed" : (means ?? `mean ± standard deviation over ${seeds.length} seeds`);
  const missing = done < total ? `; ${done} of ${total} networks so far` : "";
  const motions = data["recordings"] === 0 ? "; generated motion only" : "";
  return `Synthetic world, ${split} split; ${runs}${missing}${motions}: \`${command}\`.`;
}

function labelRows({ rows, spread, change, accel, accelChange, figures }: LabelsBody): string[][] {
  const head = ["labels, %", ...METHODS.map((method) => METHOD_NAMES[method]), METHOD_NAMES.labels];
  const control = (fraction: number) =>
    figures.find(({ group }) => group["fraction"] === fraction && group["method"] === "labels");
  return [
    [...head, "by flow", "acceleration error, base", "+ flow", "by flow"],
    ...rows.map((row, i) => [
      String(row.fraction),
      ...METHODS.map((method) => figure(row[method], spread[i]![method])),
      plain(control(row.fraction)?.figures.paMpjpe ?? null),
      percent(change[i]!.flow),
      plain(accel[i]!.base),
      plain(accel[i]!.flow),
      percent(accelChange[i]!.flow),
    ]),
  ];
}

function scoreRows(rows: readonly ScoreRow[]): string[][] {
  return [
    ["network", "rank correlation with PA-MPJPE", "with MPJPE", "frames"],
    ...rows.map(({ group, correlation: { paMpjpe, mpjpe }, frames }) => [
      String(group["method"]),
      plain(paMpjpe),
      plain(mpjpe),
      String(frames),
    ]),
  ];
}

function figureRows(rows: readonly ResultRow[]): string[][] {
  const keys = Object.keys(rows[0]!.group);
  const names = keys.map((key) => HEADINGS[key] ?? key);
  const shown = ["paMpjpe", "accelError"] as const;
  const others = ["mpjpe", "flowResidual"] as const;
  return [
    [...names, ...shown.flatMap((key) => [FIGURE_NAMES[key], "change"]), ...others.map((key) => FIGURE_NAMES[key])],
    ...rows.map(({ group, figures, change }) => [
      ...keys.map((key) => (key === "frameGap" && group[key] === 0 ? "base" : String(group[key]))),
      ...shown.flatMap((key) => [plain(figures[key]), percent(change?.[key] ?? null)]),
      ...others.map((key) => plain(figures[key])),
    ]),
  ];
}

function plain(found: Statistic | null): string {
  return found ? figure(found.mean, found.deviation) : "";
}

function figure(mean: number | null, deviation: number | null): string {
  if (mean === null) return "";
  return deviation === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
}

function percent(found: Statistic | null): string {
  if (!found) return "";
  const spread = found.deviation === null ? "" : ` ± ${found.deviation.toFixed(1)}`;
  return `${found.mean < 0 ? "-" : "+"}${Math.abs(found.mean).toFixed(1)}${spread} %`;
}
