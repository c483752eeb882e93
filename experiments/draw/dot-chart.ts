/** @file Named values as dots with error bars, one panel per figure: for comparisons whose axis need not begin at nothing. */
import { drawing, FAINT, GRID, INK, line, place, px, rangeOf, type Scale, type Spread, text, ticks } from "./svg.ts";

/** One line of the chart. */
export interface DotRow {
  readonly name: string;
  readonly colour: string;
  /** By panel. */
  readonly values: readonly Spread[];
}

export interface DotChart {
  readonly title: string;
  /** Names and units of the panels' figures. */
  readonly labels: readonly string[];
  readonly rows: readonly DotRow[];
  /** The row whose values are drawn as lines through all others. */
  readonly reference?: string;
  readonly note: string;
}

const PANEL = 250;
const GAP = 28;
const ROW = 28;
const TOP = 54;
const BOTTOM = 66;

/** The chart as SVG. */
export function dotChart({ title, labels, rows, reference, note }: DotChart): string {
  const names = 20 + 7.1 * Math.max(...rows.map(({ name }) => name.length));
  const width = Math.round(Math.max(names + labels.length * (PANEL + GAP), 9 * title.length));
  const bottom = TOP + ROW * rows.length;
  const yOf = (i: number) => TOP + ROW * (i + 0.5);
  const panels = labels.flatMap((label, panel) => {
    const left = names + panel * (PANEL + GAP);
    const values = rows.map((row) => row.values[panel]!);
    const [low, high] = rangeOf(values);
    const x: Scale = { low, high, from: left, to: left + PANEL };
    const base = rows.find(({ name }) => name === reference)?.values[panel];
    return [
      ...ticks(low, high).flatMap((value) => [
        line(place(x, value), TOP, place(x, value), bottom, `stroke="${GRID}"`),
        text(place(x, value), bottom + 16, String(value), { anchor: "middle", size: 11.5, colour: FAINT }),
      ]),
      ...(base
        ? [line(place(x, base.value), TOP, place(x, base.value), bottom, `stroke="${FAINT}" stroke-dasharray="4 4"`)]
        : []),
      line(left, bottom, left + PANEL, bottom, `stroke="${INK}"`),
      text(left + PANEL / 2, bottom + 34, label, { anchor: "middle", size: 12.5 }),
      ...values.map(({ value, spread }, i) => dotWithBar(x, yOf(i), value, spread, rows[i]!.colour)),
    ];
  });
  const height = bottom + BOTTOM;
  return drawing(width, height, title, [
    text(16, 28, title, { size: 16, weight: 600 }),
    ...rows.map(({ name }, i) => text(names - 14, yOf(i) + 4, name, { anchor: "end", size: 12.5 })),
    ...panels,
    text(16, height - 12, note, { size: 11, colour: FAINT }),
  ]);
}

function dotWithBar(x: Scale, y: number, value: number, spread: number | null, colour: string): string {
  const style = `stroke="${colour}" stroke-width="1.4" opacity="0.75"`;
  const ends = spread === null ? [] : [place(x, value - spread), place(x, value + spread)];
  const bar = ends.length === 0 ? "" : line(ends[0]!, y, ends[1]!, y, style);
  const caps = ends.map((end) => line(end, y - 4, end, y + 4, style)).join("");
  return `${bar}${caps}<circle cx="${px(place(x, value))}" cy="${px(y)}" r="4.2" fill="${colour}" stroke="#ffffff"/>`;
}
