/** @file Fuzz cases: damaged files given to every reader of their kind, each of which must read them or say what is wrong. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readFlo, readFloSize } from "../../flow/flo-file.ts";
import { readTracks } from "../../pipelines/clips/tracks.ts";
import { inspectFile } from "../../pipelines/inspect/inspect.ts";
import { readBody } from "../../smpl/load-body.ts";
import { MotionCueError } from "../../src/errors.ts";
import { readBvh } from "../../src/io/bvh.ts";
import { parseNpy } from "../../src/io/npy.ts";
import { readNpz, summarizeNpz } from "../../src/io/npz.ts";
import { readPickledArrays } from "../../src/io/pickle-file.ts";
import { readPyTorch, summarizePyTorch } from "../../src/io/pytorch.ts";
import { readSafetensors, readSafetensorsHeader } from "../../src/io/safetensors.ts";
import { createRandom } from "../../src/random.ts";
import { mutate } from "./mutate.ts";
import { type Seed, type SeedKind, seedFiles } from "./seeds.ts";

/** A message says what is wrong; it does not print the file. */
const MAX_MESSAGE = 1500;

/** A case that went wrong. */
export interface Finding {
  readonly index: number;
  readonly kind: SeedKind;
  readonly reader: string;
  readonly problem: string;
}

/** What some cases came to. */
export interface Outcome {
  readonly cases: number;
  readonly readings: number;
  /** Readings that ended in a MotionCueError; the others ended well. */
  readonly refused: number;
  readonly slowest: Pick<Finding, "index" | "reader"> & { readonly milliseconds: number };
  readonly findings: readonly Finding[];
}

type Reader = (path: string) => Promise<unknown>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the second byte of a pickle is its protocol
const KNOWN_HEAD = /^(\x93NUMPY|PIEH|PK|\x80[\0-\x05]|\s*[[{])/;

/** What has no known beginning goes to ffprobe, a program of its own that takes its time. */
async function inspect(path: string): Promise<unknown> {
  const bytes = await readFile(path);
  const hasHeader = bytes[8] === 0x7b && bytes.readBigUInt64LE(0) <= BigInt(bytes.length - 8);
  return hasHeader || KNOWN_HEAD.test(bytes.toString("latin1", 0, 4096)) ? inspectFile(path) : undefined;
}

const READERS: Readonly<Record<SeedKind, Readonly<Record<string, Reader>>>> = {
  pkl: { readBody, readPickledArrays, inspect },
  pth: { readPyTorch, summarizePyTorch, inspect },
  npz: { readNpz, summarizeNpz, readBody, inspect },
  npy: { inspect, parseNpy: async (path) => parseNpy(await readFile(path), path) },
  safetensors: { readSafetensors, readSafetensorsHeader, inspect },
  flo: { readFlo, readFloSize, inspect },
  bvh: { readBvh },
  "tracks.json": { readTracks },
  json: { inspect },
};

let seeds: readonly Seed[] | undefined;

/** The bytes of a case. */
export function fuzzCase(seed: number, index: number): { readonly kind: SeedKind; readonly bytes: Buffer } {
  seeds ??= seedFiles();
  const random = createRandom(seed, "fuzz", index);
  const file = seeds[index % seeds.length]!;
  return { kind: file.kind, bytes: mutate(file, seeds, random) };
}

/**
 * Runs cases `from` to before `to`; files are written into `folder`, one over the other. A reader that takes longer than
 * `limit` milliseconds is a finding; `before` hears of each case.
 */
export async function runCases(
  folder: string,
  seed: number,
  from: number,
  to: number,
  limit = Number.POSITIVE_INFINITY,
  before: (index: number) => void = () => undefined,
): Promise<Outcome> {
  const findings: Finding[] = [];
  let [readings, refused] = [0, 0];
  let slowest: Outcome["slowest"] = { index: from, reader: "none", milliseconds: 0 };
  for (let index = from; index < to; index++) {
    before(index);
    const { kind, bytes } = fuzzCase(seed, index);
    const path = join(folder, `case.${kind}`);
    await writeFile(path, bytes);
    for (const [reader, read] of Object.entries(READERS[kind])) {
      const start = performance.now();
      const error = await read(path).then(
        () => undefined,
        (reason: unknown) => reason ?? new Error("rejected with nothing"),
      );
      const milliseconds = performance.now() - start;
      const problem = milliseconds > limit ? `took ${milliseconds.toFixed(0)} ms` : faultOf(error, path);
      if (problem) findings.push({ index, kind, reader, problem });
      readings++;
      if (error) refused++;
      if (milliseconds > slowest.milliseconds) slowest = { index, reader, milliseconds };
    }
  }
  return { cases: to - from, readings, refused, slowest, findings };
}

/** What is wrong with how a reader refused a file; undefined where nothing is. */
function faultOf(error: unknown, path: string): string | undefined {
  if (error === undefined) return undefined;
  if (!(error instanceof MotionCueError)) return `raw error: ${error instanceof Error ? error.stack : String(error)}`;
  const { message } = error;
  if (!message.startsWith(`${path}: `) || message.length < path.length + 8)
    return `no file or reason: ${message.slice(0, 200)}`;
  if (message.length > MAX_MESSAGE) return `a message of ${message.length} letters: ${message.slice(0, 200)}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they could move a terminal's cursor
  if (/[\x00-\x1f\x7f]/.test(message)) return `control characters: ${JSON.stringify(message)}`;
  return undefined;
}
