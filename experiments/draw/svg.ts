/** @file Pieces of charts as SVG text: white ground and dark ink, so that they read on light and dark pages alike. */
import { escapeHtml } from "../../pipelines/run/report.ts";

export const INK = "#1f2933";
export const FAINT = "#64707d";
export const GRID = "#e4e8ed";

/** Numbers on one axis and where they are drawn, px. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly from: number;
  readonly to: number;
  readonly log?: boolean;
}

/** A value with half the length of its error bar; null where nothing is known of it. */
export interface Spread {
  readonly value: number;
  readonly spread: number | null;
}

/** The drawing's place of a value. */
export function place({ low, high, from, to, log = false }: Scale, value: number): number {
  const of = (x: number) => (log ? Math.log(x) : x);
  return from + ((of(value) - of(low)) / (of(high) - of(low))) * (to - from);
}

/** Some three to seven round numbers within the range, ends included where they are round. Throws nothing for low < high. */
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((x) => x * unit).find((x) => x >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** From the least to the greatest end of error bars, with a tenth of room; never empty. */
export function rangeOf(values: readonly Spread[]): readonly [number, number] {
  const ends = values.flatMap(({ value, spread }) => [value - (spread ?? 0), value + (spread ?? 0)]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = 0.1 * (high - low) || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

/** A coordinate with a tenth of a px. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A text whose middle, start or end is at (x, y). */
export function text(
  x: number,
  y: number,
  content: string,
  { anchor = "start", colour = INK, size = 13, weight = 400, turned = false } = {},
): string {
  const turn = turned ? ` transform="rotate(-90 ${px(x)} ${px(y)})"` : "";
  const bold = weight === 400 ? "" : ` font-weight="${weight}"`;
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}" font-size="${size}" fill="${colour}"${bold}${turn}>${escapeHtml(content)}</text>`;
}

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" ${style}/>`;
}

/** A whole drawing of `width` x `height` px with a title for those who cannot see it. */
export function drawing(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>${escapeHtml(title)}</title>
<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}
