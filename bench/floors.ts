/** @file bench/floors.md: the kept profiles as tables, where the time goes and what the floor is. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineInfo } from "../src/engine/engine.ts";
import { type KernelTime, type Peaks, PROFILE_HEAD, profileRows } from "./profile.ts";
import { RESULTS } from "./results.ts";
import { threeDigits } from "./statistics.ts";

/** A kept profile. */
export interface KeptProfile {
  readonly file: string;
  readonly date: string;
  readonly cpu: string;
  readonly threads: number;
  readonly engine: EngineInfo;
  readonly peaks: Peaks;
  readonly ms: number;
  readonly kernels: readonly KernelTime[];
}

/** All profiles of bench/results, by name. */
export function keptProfiles(folder = RESULTS): KeptProfile[] {
  const names = readdirSync(folder).filter((name) => /^profile-.*\.json$/.test(name));
  return names.sort().map((file) => ({ file, ...JSON.parse(readFileSync(join(folder, file), "utf8")) }));
}

/** Below this share of the whole, kernels stand together in one line. */
const LEAST_SHARE = 0.005;

/** The profiles as Markdown. */
export function floorsText(profiles: readonly KeptProfile[]): string {
  const head = [
    "# Where the time goes, and the floor",
    "",
    "Written by `npm run bench -- --readme` from the profiles in results/, each made by `npm run bench -- STAGE --profile`. A kernel's",
    "floor is its operations at the best rate that a convolution or matrix product showed just before, or its bytes (each input and",
    "output once) at the best rate of a long sum, whichever takes longer; layers count operations as plain sums would, so that",
    "Winograd's 3 x 3 convolutions can be below their floor's rate. The floor ends at the time itself.",
  ];
  return `${[...head, ...profiles.flatMap(section)].join("\n")}\n`;
}

function section({ file, date, cpu, threads, engine, peaks, ms, kernels }: KeptProfile): string[] {
  const main = kernels.filter((kernel) => kernel.ms >= LEAST_SHARE * ms);
  const rest = kernels.filter((kernel) => kernel.ms < LEAST_SHARE * ms);
  const sum = (of: (kernel: KernelTime) => number) => rest.reduce((total, kernel) => total + of(kernel), 0);
  const others = {
    name: "other kernels",
    calls: sum((kernel) => kernel.calls),
    ms: sum((kernel) => kernel.ms),
    operations: sum((kernel) => kernel.operations),
    bytes: sum((kernel) => kernel.bytes),
  };
  const rows = profileRows(ms, rest.length > 0 ? [...main, others] : main, peaks);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    "",
    `## ${file.replace(/\.json$/, "")}`,
    "",
    `${cpu}, ${threads} threads, ${engine.version}, ${date.slice(0, 10)}; peaks ${threeDigits(peaks.operations / 1e6)} GFLOP/s and ${threeDigits(peaks.bytes / 1e6)} GB/s.`,
    "",
    line(PROFILE_HEAD),
    line(PROFILE_HEAD.map((_, i) => (i === 0 ? "---" : "--:"))),
    ...rows.map(line),
  ];
}
