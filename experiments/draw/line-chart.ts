/** @file Lines over a common axis, one panel per figure, with error bars. */
import { drawing, FAINT, GRID, INK, line, place, px, rangeOf, type Scale, type Spread, text, ticks } from "./svg.ts";

/** One line. */
export interface Series {
  readonly name: string;
  readonly colour: string;
  /** Dashes: for what is no method of its own, such as another's start. */
  readonly dashed?: boolean;
  /** By panel: the points in the order of their `x`. */
  readonly panels: readonly (readonly (Spread & { readonly x: number })[])[];
}

export interface LineChart {
  readonly title: string;
  /** With its unit. */
  readonly xLabel: string;
  /** Where the axis has numbers; unless given, at round ones. */
  readonly xTicks?: readonly number[];
  readonly xLog?: boolean;
  /** Names and units of the panels' figures. */
  readonly yLabels: readonly string[];
  readonly series: readonly Series[];
  /** Below the chart: what error bars are. */
  readonly note: string;
}

const PANEL = { width: 380, alone: 540, height: 260, left: 58, gap: 16 };
const LEGEND = { top: 48, row: 20 };
const BOTTOM = 70;

/** The chart as SVG. */
export function lineChart(chart: LineChart): string {
  const { title, yLabels, series, note } = chart;
  const width = yLabels.length * (panelWidth(chart) + PANEL.gap) + PANEL.gap;
  const { parts: names, rows } = legend(series, width);
  const top = LEGEND.top + LEGEND.row * rows + 10;
  const height = top + PANEL.height + BOTTOM;
  return drawing(width, height, title, [
    text(PANEL.gap, 28, title, { size: 16, weight: 600 }),
    ...names,
    ...yLabels.flatMap((label, panel) => panelParts(chart, panel, label, top)),
    text(PANEL.gap, height - 12, note, { size: 11, colour: FAINT }),
  ]);
}

function panelWidth({ yLabels }: LineChart): number {
  return yLabels.length === 1 ? PANEL.alone : PANEL.width;
}

/** Names beside samples, in as many rows as the width needs. */
function legend(series: readonly Series[], width: number): { readonly parts: string[]; readonly rows: number } {
  let [x, rows]: [number, number] = [PANEL.gap, 1];
  const parts = series.flatMap(({ name, colour, dashed }) => {
    const own = 44 + 7.2 * name.length;
    if (x > PANEL.gap && x + own > width) [x, rows] = [PANEL.gap, rows + 1];
    const [at, y] = [x, LEGEND.top + LEGEND.row * (rows - 1)];
    x += own;
    return [
      stroke(
        [
          [at, y],
          [at + 22, y],
        ],
        colour,
        dashed,
      ),
      ...(dashed ? [] : [dot(at + 11, y, colour)]),
      text(at + 28, y + 4, name, { size: 12.5 }),
    ];
  });
  return { parts, rows };
}

function panelParts(chart: LineChart, panel: number, label: string, top: number): string[] {
  const { series, xLog = false, xLabel } = chart;
  const left = PANEL.gap + panel * (panelWidth(chart) + PANEL.gap) + PANEL.left;
  const right = left - PANEL.left + panelWidth(chart);
  const bottom = top + PANEL.height;
  const points = series.map((one) => one.panels[panel]!);
  const all = points.flat();
  if (all.length === 0) return [];
  const [low, high] = rangeOf(all);
  const y: Scale = { low, high, from: bottom, to: top };
  const xs = all.map((point) => point.x);
  const x: Scale = { low: Math.min(...xs), high: Math.max(...xs), from: left + 16, to: right - 16, log: xLog };
  const wide = x.low === x.high ? { ...x, low: x.low * 0.9 - 1e-6, high: x.high * 1.1 + 1e-6 } : x;
  const marks = chart.xTicks ?? ticks(wide.low, wide.high);
  return [
    ...ticks(low, high).flatMap((value) => [
      line(left, place(y, value), right, place(y, value), `stroke="${GRID}"`),
      text(left - 8, place(y, value) + 4, String(value), { anchor: "end", size: 11.5, colour: FAINT }),
    ]),
    line(left, bottom, right, bottom, `stroke="${INK}"`),
    ...marks.flatMap((value) => [
      line(place(wide, value), bottom, place(wide, value), bottom + 4, `stroke="${INK}"`),
      text(place(wide, value), bottom + 18, String(value), { anchor: "middle", size: 11.5, colour: FAINT }),
    ]),
    text((left + right) / 2, bottom + 36, xLabel, { anchor: "middle", size: 12.5 }),
    text(left - 44, (top + bottom) / 2, label, { anchor: "middle", size: 12.5, turned: true }),
    ...series.flatMap(({ colour, dashed }, i) => {
      const own = points[i]!;
      const at = own.map((point) => [place(wide, point.x), place(y, point.value)] as const);
      return [
        ...own.map(({ x: where, value, spread }) =>
          spread === null ? "" : bar(place(wide, where), place(y, value - spread), place(y, value + spread), colour),
        ),
        stroke(at, colour, dashed),
        ...(dashed ? [] : at.map(([a, b]) => dot(a, b, colour))),
      ];
    }),
  ].filter((part) => part !== "");
}

function stroke(points: readonly (readonly [number, number])[], colour: string, dashed = false): string {
  const dashes = dashed ? ' stroke-dasharray="5 4"' : "";
  const list = points.map(([x, y]) => `${px(x)},${px(y)}`).join(" ");
  return `<polyline points="${list}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`;
}

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${px(x)}" cy="${px(y)}" r="3.6" fill="${colour}" stroke="#ffffff"/>`;
}

function bar(x: number, y0: number, y1: number, colour: string): string {
  const style = `stroke="${colour}" stroke-width="1.4" opacity="0.75"`;
  return [line(x, y0, x, y1, style), line(x - 4, y0, x + 4, y0, style), line(x - 4, y1, x + 4, y1, style)].join("");
}
