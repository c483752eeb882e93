/** @file A report as one HTML file that needs nothing else: tables, curves as SVG, pictures as data URLs. */
import type { Image } from "../../src/image/image.ts";
import { encodePng } from "../../src/image/png.ts";

/** One part of a report. */
export type ReportPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "table"; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: "curve"; readonly name: string; readonly x: readonly number[]; readonly y: readonly number[] }
  | { readonly kind: "picture"; readonly image: Image; readonly caption: string };

export interface ReportSection {
  readonly title: string;
  readonly parts: readonly ReportPart[];
}

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;color:#1d2430;background:#fff;max-width:1100px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em;border-bottom:1px solid #d5dae2}
table{border-collapse:collapse;margin:.8em 0}td,th{padding:.25em .8em;border-bottom:1px solid #e3e7ee;text-align:left;vertical-align:top}
td{font-variant-numeric:tabular-nums;overflow-wrap:anywhere}th{font-weight:600}
figure{margin:1em 0}figcaption{color:#556;font-size:.9em}img{max-width:100%;image-rendering:auto}
svg{max-width:100%;height:auto}svg text{font-size:11px;fill:#556}`;

/** The report as HTML. All texts are escaped. */
export function formatReport(title: string, sections: readonly ReportSection[]): string {
  const body = sections.map(({ title, parts }) => `<h2>${escapeHtml(title)}</h2>\n${parts.map(formatPart).join("\n")}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body.join("\n")}
</body>
</html>
`;
}

/** `text` with the five characters that HTML gives a meaning replaced. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };
  return text.replace(/[&<>"']/g, (c) => `&${names[c]};`);
}

function formatPart(part: ReportPart): string {
  switch (part.kind) {
    case "text":
      return `<p>${escapeHtml(part.text)}</p>`;
    case "table":
      return formatTable(part.head, part.rows);
    case "curve":
      return formatCurve(part.name, part.x, part.y);
    case "picture": {
      const data = Buffer.from(encodePng(part.image)).toString("base64");
      const caption = escapeHtml(part.caption);
      return `<figure><img alt="${caption}" src="data:image/png;base64,${data}"><figcaption>${caption}</figcaption></figure>`;
    }
    default:
      return part satisfies never;
  }
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>\n${row(head, "th")}\n${rows.map((cells) => row(cells, "td")).join("\n")}\n</table>`;
}

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 64;
const BOTTOM = 24;
const TOP = 22;
const RIGHT = 12;
const POINTS = 600;

/** Single values in grey, their running mean over a twentieth of the curve in blue. Values that are not finite are left out. */
function formatCurve(name: string, xs: readonly number[], ys: readonly number[]): string {
  const points = xs.map((x, i) => [x, ys[i]!] as const).filter(([, y]) => Number.isFinite(y));
  if (points.length < 2) return `<p>${escapeHtml(name)}: too few values for a curve.</p>`;
  const means = runningMean(
    points.map(([, y]) => y),
    Math.max(1, Math.round(points.length / 20)),
  );
  const [x0, x1] = [points[0]![0], points.at(-1)![0]];
  const [y0, y1] = range(points.map(([, y]) => y));
  const px = (x: number) => LEFT + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const py = (y: number) => TOP + Math.min(1, Math.max(0, (y1 - y) / (y1 - y0))) * (HEIGHT - TOP - BOTTOM);
  const line = (values: readonly number[], style: string) => {
    const every = Math.ceil(values.length / POINTS);
    const path = values.flatMap((y, i) =>
      i % every === 0 ? `${px(points[i]![0]).toFixed(1)},${py(y).toFixed(1)}` : [],
    );
    return `<polyline fill="none" ${style} points="${path.join(" ")}"/>`;
  };
  const ticks = [y0, (y0 + y1) / 2, y1].map(
    (y) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y)}" y2="${py(y)}" stroke="#e3e7ee"/>` +
      `<text x="${LEFT - 6}" y="${py(y) + 4}" text-anchor="end">${shortNumber(y)}</text>`,
  );
  return `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">
<text x="${LEFT}" y="14">${escapeHtml(name)}</text>
${ticks.join("\n")}
<text x="${LEFT}" y="${HEIGHT - 6}">${shortNumber(x0)}</text>
<text x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">step ${shortNumber(x1)}</text>
${line(
  points.map(([, y]) => y),
  'stroke="#c3cad6" stroke-width="1"',
)}
${line(means, 'stroke="#2463c2" stroke-width="2"')}
</svg></figure>`;
}

/** From the least to the greatest of the middle 98 %, so that one spike does not flatten the rest; never empty. */
function range(values: readonly number[]): [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor(0.01 * (sorted.length - 1))]!;
  const high = sorted[Math.ceil(0.99 * (sorted.length - 1))]!;
  return high > low ? [low, high] : [low - 0.5, low + 0.5];
}

function runningMean(values: readonly number[], radius: number): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - radius), Math.min(values.length, i + radius + 1)];
    return (sums[to]! - sums[from]!) / (to - from);
  });
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
