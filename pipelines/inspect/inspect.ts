/** @file What a file is: its kind, told by its content, and its keys and shapes in short. Nothing in it is executed. */
import { extname } from "node:path";
import { readFloSize } from "../../flow/flo-file.ts";
import { pyTorchKeys, safetensorsKeys } from "../../smpl/checkpoint.ts";
import type { CheckpointKeys } from "../../smpl/identify-checkpoint.ts";
import { FormatError } from "../../src/errors.ts";
import { withSource } from "../../src/io/byte-source.ts";
import { parseNpyHeader } from "../../src/io/npy.ts";
import { summarizeNpz } from "../../src/io/npz.ts";
import { readPickledArrays } from "../../src/io/pickle-file.ts";
import { summarizePyTorch } from "../../src/io/pytorch.ts";
import { readSafetensorsHeader } from "../../src/io/safetensors.ts";
import { showText } from "../../src/io/show-text.ts";
import { probeStream } from "../../src/video/probe.ts";
import { readTracks } from "../clips/tracks.ts";
import { fitWeights, type WeightsFit } from "./weights.ts";

/** An array or tensor of a file. */
export interface InspectedArray {
  readonly key: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** What a file is. Plain JSON. */
export interface InspectReport {
  readonly path: string;
  readonly bytes: number;
  /** In words, such as `NumPy archive (.npz)`. */
  readonly kind: string;
  /** What there is to say beside arrays, by name. */
  readonly facts: Readonly<Record<string, string | number>>;
  readonly arrays: readonly InspectedArray[];
  /** For weights: the network that they fit. */
  readonly fit?: WeightsFit;
}

type Finding = Pick<InspectReport, "kind" | "facts" | "fit"> & { readonly arrays?: readonly InspectedArray[] };

/** The first bytes of a file, and what is known of it. */
interface Candidate {
  readonly path: string;
  readonly bytes: number;
  readonly head: Buffer;
}

interface Kind {
  readonly matches: (file: Candidate) => boolean;
  readonly inspect: (file: Candidate) => Promise<Finding>;
}

/** The kinds of files that are known, in the order in which they are tried. The last one takes what is left. */
const KINDS: readonly Kind[] = [
  { matches: ({ head }) => startsWith(head, "\x93NUMPY"), inspect: inspectNpy },
  { matches: ({ head }) => startsWith(head, "PIEH"), inspect: inspectFlo },
  { matches: isPyTorch, inspect: inspectPyTorch },
  { matches: isPickle, inspect: inspectPickle },
  { matches: ({ head }) => startsWith(head, "PK"), inspect: inspectNpz },
  { matches: isSafetensors, inspect: inspectSafetensors },
  { matches: ({ head }) => /^\s*[[{]/.test(head.toString("latin1")), inspect: inspectJson },
  { matches: () => true, inspect: inspectPictures },
];

/** What the file at `path` is. Throws FormatError for a missing or broken file, and for one of no known kind. */
export async function inspectFile(path: string): Promise<InspectReport> {
  const file = await withSource(path, async (source): Promise<Candidate> => {
    const head = Buffer.from(await source.read(0, Math.min(source.size, 4096)));
    return { path, bytes: source.size, head };
  });
  if (file.bytes === 0) throw new FormatError(path, "expected a file with content, got an empty one");
  const found = await KINDS.find((kind) => kind.matches(file))!.inspect(file);
  return { path, bytes: file.bytes, arrays: [], ...found };
}

/** A screenful. */
const MOST_ARRAYS = 60;

/**
 * A report as text for people: one line for the kind, one per fact and per key that is missing or left over, and a table
 * of the first arrays.
 */
export function formatInspect(report: InspectReport): string {
  const lines = [`${report.path}: ${report.kind}, ${formatBytes(report.bytes)}`];
  for (const [name, value] of Object.entries(report.facts)) lines.push(`  ${name}: ${value}`);
  const { arrays, fit } = report;
  if (fit) lines.push(...formatFit(fit));
  const width = Math.min(
    60,
    arrays.reduce((longest, { key }) => Math.max(longest, key.length), 0),
  );
  for (const { key, dtype, shape } of arrays.slice(0, MOST_ARRAYS)) {
    lines.push(`  ${printable(key).padEnd(width)}  ${dtype} [${shape.join(", ")}]`);
  }
  if (arrays.length > MOST_ARRAYS) lines.push(`  and ${arrays.length - MOST_ARRAYS} more; --json has them all`);
  return lines.join("\n");
}

function formatFit({ network, formats, facts, missing, unused, misshapen, dropped }: WeightsFit): string[] {
  const whole = [missing, unused, misshapen].every((keys) => keys.length === 0);
  const lists = { missing, "left over": unused, "of another shape": misshapen };
  return [
    `  fits: ${network}, as ${formats.join(" or ")} has it${whole ? ", completely" : ""}`,
    ...Object.entries(facts).map(([name, value]) => `  ${name}: ${value}`),
    ...(dropped > 0 ? [`  not needed: ${dropped} tensors`] : []),
    ...Object.entries(lists).flatMap(([what, keys]) => keys.map((key) => `  ${what}: ${printable(key)}`)),
  ];
}

async function inspectNpy({ path, head }: Candidate): Promise<Finding> {
  return {
    kind: "NumPy array (.npy)",
    facts: {},
    arrays: [{ key: "array", ...parseNpyHeader(head, path) }],
  };
}

async function inspectNpz({ path }: Candidate): Promise<Finding> {
  const arrays = listed(await summarizeNpz(path));
  if (arrays.length === 0) throw new FormatError(path, "a zip archive of neither NumPy arrays nor PyTorch tensors");
  const facts = bodyFact(arrays);
  if (arrays.some(({ key }) => key === "imgname")) facts["holds"] = "a labelled dataset (SPIN layout)";
  return { kind: "NumPy archive (.npz)", facts: { ...facts, arrays: arrays.length }, arrays };
}

async function inspectPickle({ path }: Candidate): Promise<Finding> {
  const arrays = listed(await readPickledArrays(path));
  return { kind: "pickle (.pkl)", facts: { ...bodyFact(arrays), arrays: arrays.length }, arrays };
}

/** A body model has at least these arrays. */
function bodyFact(arrays: readonly InspectedArray[]): Record<string, string> {
  const keys = new Set(arrays.map(({ key }) => key));
  const isBody = ["v_template", "shapedirs", "weights"].every((key) => keys.has(key));
  return isBody ? { holds: "a body model (SMPL layout)" } : {};
}

async function inspectPyTorch({ path }: Candidate): Promise<Finding> {
  const summary = await summarizePyTorch(path);
  const { container, path: keys, tensors, extra } = summary;
  const others = Object.keys(extra).map(printable);
  const facts: Record<string, string | number> = {
    container: container === "zip" ? "zip (PyTorch 1.6 or later)" : "legacy (before PyTorch 1.6)",
    ...(keys.length > 0 ? { "state dict": `under ${keys.map(printable).join(" / ")}` } : {}),
    ...weightFacts(tensors),
    ...(others.length > 0 ? { beside: shorten(others) } : {}),
  };
  return { kind: "PyTorch checkpoint", facts, arrays: listed(tensors), ...fitting(path, pyTorchKeys(path, summary)) };
}

async function inspectSafetensors({ path }: Candidate): Promise<Finding> {
  const header = await readSafetensorsHeader(path);
  const { entries, metadata } = header;
  const texts = Object.entries(metadata).map(([key, text]) => [printable(key), clip(printable(text), 200)] as const);
  return {
    kind: "weights (.safetensors)",
    facts: { ...Object.fromEntries(texts), ...weightFacts(entries) },
    arrays: listed(entries),
    ...fitting(path, safetensorsKeys(header)),
  };
}

function fitting(path: string, keys: CheckpointKeys): { fit?: WeightsFit } {
  const fit = fitWeights(path, keys);
  return fit ? { fit } : {};
}

async function inspectFlo({ path }: Candidate): Promise<Finding> {
  const { height, width } = await readFloSize(path);
  return { kind: "optical flow (.flo)", facts: { size: `${width}x${height}` } };
}

async function inspectJson({ path, bytes }: Candidate): Promise<Finding> {
  if (/\.tracks\.json$/i.test(path)) return inspectTracks(path);
  if (bytes > 64 * 2 ** 20) throw new FormatError(path, `expected JSON of up to 64 MB, got ${formatBytes(bytes)}`);
  const value = await withSource(path, async (source) => {
    try {
      return JSON.parse(Buffer.from(await source.read(0, bytes)).toString("utf8")) as unknown;
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(path, `broken JSON: ${showText((error as Error).message, 200)}`);
    }
  });
  if (Array.isArray(value)) return { kind: "JSON list", facts: { items: value.length } };
  const keys = Object.keys(value as object);
  if (keys.includes("tracks")) return inspectTracks(path);
  return { kind: "JSON object", facts: { keys: shorten(keys.map(printable)) } };
}

async function inspectTracks(path: string): Promise<Finding> {
  const tracks = await readTracks(path);
  const facts = tracks.map(({ id, boxes }) => {
    const frames = [...boxes.keys()];
    return [`track ${id}`, `${boxes.size} boxes, frames ${frames[0] ?? "-"} to ${frames.at(-1) ?? "-"}`] as const;
  });
  return { kind: "person tracks", facts: { tracks: tracks.length, ...Object.fromEntries(facts) } };
}

async function inspectPictures({ path }: Candidate): Promise<Finding> {
  const { info, still } = await probeStream(path, "a file of weights, arrays, flow, tracks, pictures or video");
  const size = { size: `${info.width}x${info.height}`, codec: info.codec };
  if (still) return { kind: "picture", facts: size };
  return {
    kind: "video",
    facts: {
      ...size,
      "frames per second": Math.round(info.fps * 1000) / 1000,
      seconds: Math.round(info.durationSeconds * 1000) / 1000,
      ...(info.frameCount === undefined ? {} : { frames: info.frameCount }),
      ...(info.rotation === 0 ? {} : { rotation: `${info.rotation} degrees (size is upright)` }),
      ...(info.interlaced ? { interlaced: "yes" } : {}),
    },
  };
}

/** The number that PyTorch's older files begin with, pickled. */
const MAGIC = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/** Zip archives that PyTorch wrote hold `<name>/data.pkl` first; its older files begin with a pickled magic number. */
function isPyTorch({ path, head }: Candidate): boolean {
  if (startsWith(head, "PK")) return head.includes("/data.pkl") || /^\.(pth|pt|ckpt|tar)$/i.test(extname(path));
  return startsWith(head, MAGIC) || (!isPickleName(path) && head[0] === 0x80 && head[1]! <= 5);
}

function isPickle({ path, head }: Candidate): boolean {
  return isPickleName(path) && !startsWith(head, "PK");
}

function isPickleName(path: string): boolean {
  return /^\.(pkl|pickle)$/i.test(extname(path));
}

function isSafetensors({ bytes, head }: Candidate): boolean {
  return head.length >= 10 && head[8] === 0x7b && head.readBigUInt64LE(0) <= BigInt(bytes - 8);
}

function weightFacts(tensors: ReadonlyMap<string, Omit<InspectedArray, "key">>): Record<string, number> {
  const values = [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { tensors: tensors.size, values };
}

function listed(arrays: ReadonlyMap<string, Omit<InspectedArray, "key">>): InspectedArray[] {
  return [...arrays].map(([key, { dtype, shape }]) => ({ key, dtype, shape }));
}

function startsWith(head: Buffer, text: string): boolean {
  return head.toString("latin1", 0, text.length) === text;
}

function shorten(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(", ")} and ${names.length - 12} more` : names.join(", ");
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}

/** Names from a file may hold what moves a terminal's cursor; that is shown as escapes. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (letter) => JSON.stringify(letter).slice(1, -1));
}

function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`;
  const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(bytes / unit).toPrecision(3)} ${name}`;
}
