/** @file What this machine has for MotionCue: each part is really started or loaded, so that "ok" means it works. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { flowEstimators, loadFlowEstimator } from "../../flow/estimators.ts";
import { loadBody } from "../../smpl/load-body.ts";
import { loadRegressor } from "../../smpl/regressor.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { probeEngines } from "../../src/engine/probe.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { FOREIGN_FILES, type ForeignFile } from "./foreign-files.ts";

export const DOCTOR_OPTIONS = {
  lookIn: {
    kind: "list",
    value: "DIR",
    default: [".", "weights", "~/.motioncue"],
    doc: "folders in which files that cannot be shipped are looked for",
  },
} as const satisfies OptionTable;

/** One thing that was looked for. */
export interface Finding {
  readonly topic: "engine" | "video" | "weights" | "body";
  readonly name: string;
  readonly isFound: boolean;
  /** Whether nothing works without it. */
  readonly isNeeded: boolean;
  /** What was found, or why it is not there. */
  readonly detail: string;
  /** What to do where it is not there. */
  readonly advice?: string;
}

export interface DoctorReport {
  readonly findings: readonly Finding[];
  /** True if everything that is needed was found. */
  readonly isUsable: boolean;
}

/** Looks at engines, ffmpeg, shipped and foreign weights and bodies. What is missing is reported, not thrown. */
export async function doctor(given: Partial<OptionsOf<typeof DOCTOR_OPTIONS>> = {}): Promise<DoctorReport> {
  const { lookIn } = completeOptions("doctor", DOCTOR_OPTIONS, given);
  const findings = [
    ...(await engineFindings()),
    ...(await Promise.all([ffmpegFinding("ffmpeg"), ffmpegFinding("ffprobe")])),
    await shipped("weights", "regressor", describeRegressor),
    await shipped("weights", "flow", describeFlow),
    await shipped("body", "default", describeBody),
    ...(await foreignFindings(lookIn)),
  ];
  return { findings, isUsable: findings.every((finding) => finding.isFound || !finding.isNeeded) };
}

async function engineFindings(): Promise<Finding[]> {
  const probes = await probeEngines();
  const findings = probes.map(({ name, available, detail, advice }): Finding => {
    const finding: Finding = { topic: "engine", name, isFound: available, isNeeded: false, detail };
    return advice === undefined ? finding : { ...finding, advice };
  });
  const chosen = await attempt(async () => {
    const { name, device, version } = await startEngine();
    return `${name} would run: ${version}, ${device}`;
  });
  return [...findings, { topic: "engine", name: "auto", isNeeded: true, ...chosen, advice: "npm run setup" }];
}

async function ffmpegFinding(name: "ffmpeg" | "ffprobe"): Promise<Finding> {
  const program = process.env[name === "ffmpeg" ? "FFMPEG_PATH" : "FFPROBE_PATH"] ?? name;
  const advice =
    "Debian, Ubuntu: sudo apt-get install ffmpeg; macOS: brew install ffmpeg; or set FFMPEG_PATH and FFPROBE_PATH";
  const found = await attempt(async () => {
    const { stdout } = await promisify(execFile)(program, ["-version"], { timeout: 20_000 });
    return /version (\S+)/.exec(stdout)?.[1] ?? "version unknown";
  }, `${program} does not run`);
  return { topic: "video", name, isNeeded: true, ...found, advice };
}

async function describeRegressor(): Promise<string> {
  const regressor = await loadRegressor("default");
  const { backbone, head, cropSize, camera } = regressor.spec;
  const count = [...regressor.parameters.values()].reduce((sum, variable) => sum + variable.size, 0);
  regressor.dispose();
  return `shipped: ${backbone}, ${head} head, ${cropSize} px crops, camera ${camera}, ${millions(count)} parameters`;
}

async function describeFlow(): Promise<string> {
  const estimator = await loadFlowEstimator("motioncue");
  estimator.dispose();
  return `shipped: ${flowEstimators["motioncue"]!.doc}`;
}

async function describeBody(): Promise<string> {
  const body = await loadBody("default");
  const text = `procedural: ${body.vertexCount} vertices, ${body.faces.length / 3} faces, ${body.betaCount} betas`;
  body.dispose();
  return text;
}

async function shipped(topic: "weights" | "body", name: string, describe: () => Promise<string>): Promise<Finding> {
  const advice = "this file comes with MotionCue: get the package again";
  return { topic, name, isNeeded: true, ...(await attempt(describe)), advice };
}

async function foreignFindings(folders: readonly string[]): Promise<Finding[]> {
  const places = folders.map((folder) => (folder.startsWith("~/") ? join(homedir(), folder.slice(2)) : folder));
  const files = (
    await Promise.all(
      places.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
    )
  ).flat();
  return FOREIGN_FILES.map((kind) => foreignFinding(kind, files, folders));
}

function foreignFinding(kind: ForeignFile, files: readonly string[], folders: readonly string[]): Finding {
  const { topic, name, pattern, use, source } = kind;
  const found = files.filter((path) => pattern.test(path));
  const detail = found.length > 0 ? `${found.join(", ")}: ${use}` : `not in ${folders.join(", ")}`;
  return { topic, name, isFound: found.length > 0, isNeeded: false, detail, advice: `optional: ${source}; ${use}` };
}

async function attempt(work: () => Promise<string>, problem?: string): Promise<{ isFound: boolean; detail: string }> {
  try {
    return { isFound: true, detail: await work() };
  } catch (error) {
    return { isFound: false, detail: problem ?? (error as Error).message };
  }
}

function millions(count: number): string {
  return `${(count / 1e6).toFixed(count < 1e7 ? 2 : 1)} M`;
}
