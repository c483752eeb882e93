/** @file Runs the real program as a child process. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const program = fileURLToPath(new URL("../../scripts/motioncue.mjs", import.meta.url));

/** What a run of the program came to. */
export interface ProgramRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Sends a signal as soon as `when` is true; it is asked twenty times a second. */
  readonly interrupt?: { readonly when: () => boolean; readonly signal: NodeJS.Signals };
}

/** Runs `motioncue ...args` to its end. */
export function motioncue(args: readonly string[], { cwd, env = {}, interrupt }: RunOptions = {}): Promise<ProgramRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: { ...process.env, MOTIONCUE_DEBUG: "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
      });
    }
    const timer =
      interrupt &&
      setInterval(() => {
        if (!interrupt.when()) return;
        clearInterval(timer);
        child.kill(interrupt.signal);
      }, 50);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(timer);
      resolve({ code, ...output });
    });
  });
}

/** Expects a run that was refused: the exit code, nothing on stdout, one line on stderr that matches, no stack. */
export async function expectRefusal(
  args: readonly string[],
  code: 1 | 2,
  message: RegExp,
  options?: RunOptions,
): Promise<void> {
  const run = await motioncue(args, options);
  expect(run.stderr).toMatch(message);
  expect(run.stderr).not.toMatch(/^\s+at /m);
  expect(run.stderr.trimEnd().split("\n"), "lines on stderr").toHaveLength(1);
  expect(run.stdout).toBe("");
  expect(run.code, run.stderr).toBe(code);
}
