/** @file The PyTorch peer: finding it, running one of its stages, reading what it prints. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { FormatError, MotionCueError } from "../src/errors.ts";
import type { PeerRun } from "./case.ts";
import type { CompleteBenchOptions } from "./options.ts";

const run = promisify(execFile);
/** A run builds networks and tries layouts and batch sizes before it times anything. */
const LIMIT_MS = 3_600_000;
const DEFAULT_SCRIPT = fileURLToPath(new URL("../../shared/peers/torch_peer.py", import.meta.url));

/** A peer that can run here. */
export interface Peer {
  readonly python: string;
  readonly script: string;
  readonly torch: string;
}

/** One line that the peer printed. */
export interface PeerLine {
  readonly stage: string;
  readonly part?: string;
  readonly median: number;
  /** What it chose or was told: layout, batch, and the like. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** The peer, or the reason why there is none. */
export async function findPeer(script = DEFAULT_SCRIPT): Promise<Peer | { readonly missing: string }> {
  if (!existsSync(script)) return { missing: "the peer's script is not there" };
  const pythons = ["python3", "/usr/bin/python3"];
  for (const python of pythons) {
    const found = await run(python, ["-c", "import torch, torchvision; print(torch.__version__)"]).catch(
      () => undefined,
    );
    if (found) return { python, script, torch: found.stdout.trim() };
  }
  return {
    missing: `none of ${pythons.join(", ")} has torch and torchvision (Debian: python3-torch, python3-torchvision)`,
  };
}

/** Arguments of one run of the peer, with what an earlier run of the same case chose. */
export function peerArguments(
  { args }: PeerRun,
  options: Pick<CompleteBenchOptions, "threads" | "precision" | "peerEnv" | "repeats" | "warmup">,
  more: { readonly device: "cpu" | "cuda"; readonly video: string; readonly chosen?: PeerLine["settings"] },
): string[] {
  const { threads, precision, peerEnv, repeats, warmup } = options;
  const common = { threads, dtype: precision, env: peerEnv, repeats, warmup, device: more.device };
  const flags = Object.entries(common).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const [stage] = args;
  if (stage === "pipeline") flags.push("--video", more.video);
  const layout = more.chosen?.["channels_last"];
  if (typeof layout === "boolean") flags.push("--channels-last", layout ? "on" : "off");
  if (stage === "flow" && more.chosen) flags.push("--flow-batch", `${more.chosen["batch"]}`);
  return [...args, ...flags];
}

/** Runs the peer; the line of the stage and part asked for. Throws MotionCueError where it fails. */
export async function runPeer({ python, script }: Peer, { part }: PeerRun, args: readonly string[]): Promise<PeerLine> {
  // Our own settings for OpenMP are no part of the peer's environment.
  const { OMP_NUM_THREADS: _threads, GOMP_SPINCOUNT: _spin, ...env } = process.env;
  const { stdout } = await run(python, [script, ...args], { env, timeout: LIMIT_MS, maxBuffer: 2 ** 26 }).catch(
    (error: { readonly stderr?: string; readonly message: string }) => {
      const reason = (error.stderr ?? "").trim().split("\n").at(-1) || error.message.split("\n")[0];
      throw new MotionCueError("peer", `${args.join(" ")} failed: ${reason}`);
    },
  );
  return pickLine(parsePeerLines(stdout), part);
}

/** The lines of a peer's output. Throws FormatError for a line that is not one of its reports. */
export function parsePeerLines(text: string): PeerLine[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      let record: Record<string, unknown> = {};
      try {
        record = JSON.parse(line) as Record<string, unknown>;
      } catch {
        throw new FormatError("peer", `expected a line of JSON, got ${line.slice(0, 80)}`);
      }
      const { stage, part, ms_median: median, ms_min, ms_max, ...settings } = record;
      if (typeof stage !== "string" || typeof median !== "number" || !(median > 0))
        throw new FormatError("peer", `expected stage and ms_median, got ${line.slice(0, 80)}`);
      return {
        stage,
        ...(typeof part === "string" ? { part } : {}),
        median,
        settings: settings as PeerLine["settings"],
      };
    });
}

function pickLine(lines: readonly PeerLine[], part: string | undefined): PeerLine {
  const line = lines.find((candidate) => candidate.part === part);
  if (line) return line;
  const parts = lines.map((candidate) => candidate.part ?? candidate.stage);
  throw new FormatError("peer", `expected a line of ${part ?? "the stage"}, got ${parts.join(", ") || "none"}`);
}
