/** @file Our side of a case, in a process of its own with the number of threads that was asked for. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { EngineInfo } from "../src/engine/engine.ts";
import { MotionCueError } from "../src/errors.ts";
import type { WorkerJob } from "./case.ts";
import type { KernelProfile, WorkerReport, WorkerRequest } from "./worker.ts";

/** A worker that has set up its case. */
export interface Ours {
  readonly engine: EngineInfo;
  /** Figures of one round's timed calls. */
  round(): Promise<readonly number[]>;
  profile(): Promise<KernelProfile>;
  /** Ends the process. */
  stop(): Promise<void>;
}

/** Starts a worker on a case. Throws MotionCueError with the worker's own message where it cannot be set up. */
export async function startOurs(job: WorkerJob, threads: number): Promise<Ours> {
  const child = fork(fileURLToPath(new URL("worker.ts", import.meta.url)), [JSON.stringify(job)], {
    execArgv: ["--import", import.meta.resolve("tsx")],
    env: { ...process.env, OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}` },
  });
  const ready = await nextReport(child, job.id);
  if (ready.kind !== "ready") throw new MotionCueError(job.id, `expected a worker that is ready, got ${ready.kind}`);
  const ask = async (request: WorkerRequest) => {
    const report = nextReport(child, job.id);
    child.send(request);
    return report;
  };
  return {
    engine: ready.engine,
    round: async () => {
      const report = await ask("round");
      return report.kind === "round" ? report.figures : [];
    },
    profile: async () => {
      const report = await ask("profile");
      if (report.kind !== "profile") throw new MotionCueError(job.id, `expected a profile, got ${report.kind}`);
      return report.profile;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        if (child.exitCode !== null || !child.connected) return resolve();
        child.once("exit", () => resolve());
        child.send("stop" satisfies WorkerRequest, () => {});
      }),
  };
}

function nextReport(child: ChildProcess, where: string): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      action();
    };
    const onMessage = (report: WorkerReport) =>
      settle(() => (report.kind === "failed" ? reject(failure(report)) : resolve(report)));
    const onExit = (code: number | null, signal: string | null) =>
      settle(() => reject(new MotionCueError(where, `the worker ended early (${signal ?? `code ${code}`})`)));
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

/** The worker's error, made again on this side: its message begins with `where: `. */
function failure({ message, exitCode }: Extract<WorkerReport, { kind: "failed" }>): MotionCueError {
  const [where = "", ...problem] = message.split(": ");
  return new MotionCueError(where, problem.join(": "), exitCode);
}
