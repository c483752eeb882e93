/** @file Kept results: one file per processor or accelerator, libtorch, number of threads, precision and peer environment, one entry per case. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EngineInfo } from "../src/engine/engine.ts";
import { FormatError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import type { Summary } from "./statistics.ts";

/** Where results are kept. */
export const RESULTS = fileURLToPath(new URL("results/", import.meta.url));

/** What tells one file of results from another. */
export interface Setting {
  /** Model of the processor, or of the accelerator: times of one say nothing beside times of another. */
  readonly device: string;
  /** What our engine calls, without its patch level: "libtorch 2.14". */
  readonly library: string;
  readonly threads: number;
  readonly precision: string;
  readonly peerEnv: string;
}

/** The peer's side of one case. */
export interface PeerResult {
  readonly torch: string;
  readonly value: Summary;
  /** Its time over ours, round by round. */
  readonly ratio: Summary;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** What was measured of one case, medians over rounds. */
export interface CaseResult {
  readonly date: string;
  readonly cpu: string;
  /** Load average of the last minute when it began. */
  readonly load: number;
  readonly engine: EngineInfo;
  readonly label: string;
  readonly unit: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly rounds: number;
  readonly repeats: number;
  readonly ours: Summary;
  /** By name of the run; "" where the peer has one. */
  readonly peers: Readonly<Record<string, PeerResult>>;
}

/** One file. */
export interface ResultFile extends Setting {
  readonly cases: Readonly<Record<string, CaseResult>>;
}

/** What files of a setting are called: `amd-epyc-libtorch-2-14-2-threads-fp32`. */
export function settingName({ device, library, threads, precision }: Omit<Setting, "peerEnv">): string {
  const name = `${device} ${library}`
    .toLowerCase()
    .replaceAll(/\((r|tm|c)\)/g, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return `${name}-${threads}-threads-${precision}`;
}

/** File name of a setting's results: `amd-epyc-libtorch-2-14-2-threads-fp32-tuned.json`. */
export function resultName(setting: Setting): string {
  return `${settingName(setting)}-${setting.peerEnv}.json`;
}

/**
 * Adds a case to its file, in place of an earlier result of the same case; a comparison is not given up for a result
 * without a peer.
 */
export async function keepResult(setting: Setting, id: string, result: CaseResult, folder = RESULTS): Promise<string> {
  const path = join(folder, resultName(setting));
  const before = existsSync(path) ? readResults(path).cases : {};
  const hasPeers = (one: CaseResult | undefined) => one !== undefined && Object.keys(one.peers).length > 0;
  if (hasPeers(before[id]) && !hasPeers(result)) return path;
  const file: ResultFile = { ...setting, cases: { ...before, [id]: result } };
  await writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`);
  return path;
}

/** All kept results of timings, by file name. Throws FormatError for a file that is none. */
export function allResults(folder = RESULTS): ResultFile[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /-threads-.*\.json$/.test(name) && !name.startsWith("profile-"));
  return names.sort().map((name) => readResults(join(folder, name)));
}

function readResults(path: string): ResultFile {
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as Partial<ResultFile>;
    if (typeof file.cases === "object" && typeof file.threads === "number") return file as ResultFile;
  } catch {
    // Told below, like every other file that holds no results.
  }
  throw new FormatError(path, "expected kept benchmark results; remove the file and run npm run bench");
}
