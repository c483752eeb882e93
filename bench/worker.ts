/** @file The process that does our side of a case: it sets the case up, then times a round or a profile whenever it is told. */
import { type EngineInfo, startEngine } from "../src/engine/engine.ts";
import { MotionCueError } from "../src/errors.ts";
import type { BenchCase, Prepared, WorkerJob } from "./case.ts";
import { type KernelTime, profileKernels } from "./profile.ts";
import { stages } from "./stages.ts";

/** What the parent asks for. */
export type WorkerRequest = "round" | "profile" | "stop";
/** What the worker says: once `ready` or `failed`, then one report per request. */
export type WorkerReport =
  | { readonly kind: "ready"; readonly engine: EngineInfo }
  | { readonly kind: "round"; readonly figures: readonly number[] }
  | { readonly kind: "profile"; readonly profile: KernelProfile }
  | { readonly kind: "failed"; readonly message: string; readonly exitCode: 1 | 2 };

/** Time by kernel of one call, in the mean over some calls. */
export interface KernelProfile {
  /** Milliseconds of one call, kernels and all else. */
  readonly ms: number;
  readonly kernels: readonly KernelTime[];
}

/** The engine, ready for the job. */
function startFor({ engine, precision }: WorkerJob): Promise<EngineInfo> {
  return startEngine(engine, precision);
}

async function warmUp(prepared: Prepared, calls: number): Promise<void> {
  for (let i = 0; i < calls; i++) await prepared.run();
}

async function timeRound(prepared: Prepared, { warmup, repeats }: WorkerJob): Promise<number[]> {
  await warmUp(prepared, warmup);
  const figures: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const began = performance.now();
    await prepared.run();
    figures.push(prepared.figure(performance.now() - began));
  }
  return figures;
}

async function profile(prepared: Prepared, { warmup, repeats }: WorkerJob): Promise<KernelProfile> {
  await warmUp(prepared, warmup);
  const { ms, kernels } = await profileKernels(async () => {
    for (let i = 0; i < repeats; i++) await prepared.run();
  });
  const share = (time: KernelTime): KernelTime => ({
    ...time,
    calls: time.calls / repeats,
    ms: time.ms / repeats,
    operations: time.operations / repeats,
    bytes: time.bytes / repeats,
  });
  return { ms: ms / repeats, kernels: kernels.map(share) };
}

async function serve(job: WorkerJob, item: BenchCase, send: (report: WorkerReport) => void): Promise<void> {
  const engine = await startFor(job);
  const prepared = await item.prepare({ sizes: job.sizes, video: job.video });
  send({ kind: "ready", engine });
  for await (const request of requests()) {
    if (request === "stop") break;
    if (request === "round") send({ kind: "round", figures: await timeRound(prepared, job) });
    else send({ kind: "profile", profile: await profile(prepared, job) });
  }
  prepared.dispose();
}

async function* requests(): AsyncGenerator<WorkerRequest> {
  for (;;) yield await new Promise<WorkerRequest>((resolve) => process.once("message", resolve));
}

const send = (report: WorkerReport) => void process.send?.(report);
if (process.send) {
  const job = JSON.parse(process.argv[2]!) as WorkerJob;
  const item = stages[job.stage]!.cases(job.sizes).find(({ id }) => id === job.id)!;
  serve(job, item, send)
    .catch((error: unknown) => {
      const known = error instanceof MotionCueError ? error : undefined;
      const message = known?.message ?? `${job.id}: ${(error as Error).stack}`;
      send({ kind: "failed", message, exitCode: known?.exitCode ?? 1 });
      process.exitCode = 1;
    })
    .finally(() => process.disconnect());
}
