/** @file What `npm run bench` does: measures cases, or profiles them, or writes README's table. */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CommandResult } from "../pipelines/cli.ts";
import type { Context } from "../pipelines/run/context.ts";
import { formatTable } from "../pipelines/run/table.ts";
import { OptionError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import type { BenchCase } from "./case.ts";
import { PEAK_CASES } from "./cases/engine.ts";
import { floorsText, keptProfiles } from "./floors.ts";
import { footage } from "./footage.ts";
import { type Measuring, measureCase, startCase } from "./measure.ts";
import { type BenchOptions, type CompleteBenchOptions, completeBenchOptions } from "./options.ts";
import { findPeer } from "./peer.ts";
import { type Peaks, PROFILE_HEAD, profileRows } from "./profile.ts";
import { speedTables, withTable } from "./readme.ts";
import { allResults, type CaseResult, keepResult, RESULTS, type Setting, settingName } from "./results.ts";
import { casesOf } from "./stages.ts";
import { threeDigits } from "./statistics.ts";

const README = fileURLToPath(new URL("../README.md", import.meta.url));
const FLOORS = fileURLToPath(new URL("floors.md", import.meta.url));

/** Runs the stages named, all of them when none is. */
export async function runBench(
  context: Context,
  names: readonly string[],
  given: Partial<BenchOptions>,
): Promise<CommandResult> {
  const options = completeBenchOptions(given);
  const chosen = casesOf(names, options.sizes);
  if (options.readme) return writeReadme();
  if (options.profile && names.length === 0)
    throw new OptionError("bench", "--profile expects the stages to look into, got none; name one, such as step");
  const [load, cores] = [loadavg()[0]!, cpus().length];
  if (load > 0.5 * cores)
    context.log.warn(`the load is ${load.toFixed(1)} on ${cores} cores: only ratios mean much now`);
  const video = chosen.some(({ item }) => item.needsVideo) ? await footage(options.sizes.video) : "";
  const peer = options.alone || options.profile ? { missing: "not asked for" } : await findPeer(options.peer);
  if ("missing" in peer && !options.profile) context.log.info(`bench: no PyTorch beside us: ${peer.missing}`);
  const measuring: Measuring = { options, video, peer: "missing" in peer ? undefined : peer };
  return options.profile ? profileCases(context, chosen, measuring) : measureCases(context, chosen, measuring);
}

type Chosen = readonly { readonly stage: string; readonly item: BenchCase }[];

async function measureCases(context: Context, chosen: Chosen, measuring: Measuring): Promise<CommandResult> {
  const { options } = measuring;
  const results: Record<string, CaseResult> = {};
  for (const { stage, item } of chosen) {
    context.signal.throwIfAborted();
    const result = await measureCase(stage, item, measuring);
    results[item.id] = result;
    const other = mismatch(result);
    if (other) context.log.warn(other);
    context.log.info(`${item.id}: ${resultRow(result).slice(1).join("  ")}`);
    if (!options.quick) await keepResult(settingOf(options, result), item.id, result);
  }
  const rows = Object.values(results).map(resultRow);
  return { text: formatTable(["case", "ours", "unit", "PyTorch", "ratio"], rows), data: results };
}

function resultRow({ label, unit, ours, peers }: CaseResult): string[] {
  const spread = `${threeDigits(ours.median)} (${threeDigits(ours.min)}..${threeDigits(ours.max)})`;
  const all = Object.entries(peers);
  const theirs = all.map(([name, { value }]) => `${name ? `${name} ` : ""}${threeDigits(value.median)}`);
  const ratios = all.map(
    ([, { ratio }]) => `${threeDigits(ratio.median)} (${threeDigits(ratio.min)}..${threeDigits(ratio.max)})`,
  );
  return [label, spread, unit, theirs.join(" / "), ratios.join(" / ")];
}

/** "libtorch 2.14.1" as "libtorch 2.14", "2.14.1+cu130" as "2.14". */
function withoutPatch(version: string): string {
  return version.replace(/(\d+\.\d+).*/, "$1");
}

/** What to say where the peer's PyTorch is not the libtorch that ours is built on; undefined where it is. */
export function mismatch({ engine, peers }: Pick<CaseResult, "engine" | "peers">): string | undefined {
  const ours = withoutPatch(engine.version);
  const theirs = Object.values(peers).map(({ torch }) => `libtorch ${withoutPatch(torch)}`);
  const other = theirs.find((one) => one !== ours);
  return (
    other && `the peer runs on ${other}, ours on ${ours}: rebuild (npm run setup) with the peer's Python first in PATH`
  );
}

function settingOf(
  { threads, precision, peerEnv }: CompleteBenchOptions,
  { engine, cpu }: Pick<CaseResult, "engine" | "cpu">,
): Setting {
  const device = engine.device.startsWith("cpu") ? cpu : engine.device;
  return { device, library: withoutPatch(engine.version), threads, precision, peerEnv };
}

async function profileCases(context: Context, chosen: Chosen, measuring: Measuring): Promise<CommandResult> {
  const { options } = measuring;
  const peaks = await measurePeaks(measuring);
  const parts: string[] = [];
  const data: Record<string, unknown> = { peaks };
  for (const { stage, item } of chosen) {
    context.signal.throwIfAborted();
    const ours = await startCase(stage, item, measuring);
    const profile = await ours.profile().finally(() => ours.stop());
    const cpu = cpus()[0]?.model ?? "";
    const record = { date: new Date().toISOString(), cpu, threads: options.threads, engine: ours.engine, ...profile };
    data[item.id] = record;
    parts.push(`${item.label}\n${formatTable(PROFILE_HEAD, profileRows(profile.ms, profile.kernels, peaks))}`);
    if (!options.quick) {
      const name = settingName(settingOf(options, { engine: ours.engine, cpu }));
      const path = join(RESULTS, `profile-${item.id}-${name}.json`);
      await writeFileAtomic(path, `${JSON.stringify({ peaks, ...record }, null, 2)}\n`);
    }
  }
  const [operations, bytes] = [threeDigits(peaks.operations / 1e6), threeDigits(peaks.bytes / 1e6)];
  const note = `floor: at ${operations} GFLOP/s and ${bytes} GB/s, the best that this machine showed just now`;
  return { text: [...parts, note].join("\n\n"), data };
}

/** The best rates that the engine reaches here on one large matrix product or convolution, and one long sum. */
async function measurePeaks(measuring: Measuring): Promise<Peaks> {
  const rates: number[] = [];
  for (const { stage, item } of casesOf(["engine"], measuring.options.sizes)) {
    if (!(PEAK_CASES as readonly string[]).includes(item.id)) continue;
    const ours = await startCase(stage, item, measuring);
    rates.push(Math.max(...(await ours.round().finally(() => ours.stop()))));
  }
  const [matmul, convolution, bandwidth] = rates as [number, number, number];
  return { operations: 1e6 * Math.max(matmul, convolution), bytes: 1e6 * bandwidth };
}

async function writeReadme(): Promise<CommandResult> {
  const files = allResults();
  const table = speedTables(files, caseIds());
  await writeFileAtomic(README, withTable(readFileSync(README, "utf8"), table));
  await writeFileAtomic(FLOORS, floorsText(keptProfiles()));
  return {
    text: `README.md holds the results of ${files.length} files, bench/floors.md the profiles`,
    data: { files: files.length },
  };
}

/** Ids of all cases in the order of tables. */
export function caseIds(): string[] {
  return casesOf([], completeBenchOptions({}).sizes).map(({ item }) => item.id);
}
