/** @file The fuzz run: cases in worker processes that are watched for hangs, crashes and memory. */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Finding, fuzzCase, type Outcome, runCases } from "./run-cases.ts";

/** No file may keep a reader for longer. */
const MAX_MILLISECONDS = 2000;
/** What a worker's memory may grow by, over all its cases; files have at most 256 KiB. */
const MAX_GROWTH = 256 * 2 ** 20;
const CASES_PER_WORKER = 2500;
const HEAP_MEGABYTES = 256;

/** What a worker tells its parent: a case begins, or all are done. */
type Message = { readonly begins: number } | { readonly outcome: Outcome; readonly grown: number };

/** Runs `count` cases and prints what came of them; false where something was found. */
export async function fuzz(program: string, seed: number, count: number): Promise<boolean> {
  const start = performance.now();
  const findings: Finding[] = [];
  let [readings, refused, grown] = [0, 0, 0];
  let slowest: Outcome["slowest"] | undefined;
  for (let from = 0; from < count; from += CASES_PER_WORKER) {
    const to = Math.min(count, from + CASES_PER_WORKER);
    const result = await runWorker(program, seed, from, to);
    if ("outcome" in result) {
      const { outcome } = result;
      findings.push(...outcome.findings);
      readings += outcome.readings;
      refused += outcome.refused;
      if (!slowest || outcome.slowest.milliseconds > slowest.milliseconds) slowest = outcome.slowest;
      grown = Math.max(grown, result.grown);
    } else findings.push(result);
    process.stderr.write(`${to} of ${count} cases, ${findings.length} findings\n`);
  }
  for (const { index, kind, reader, problem } of findings.slice(0, 40)) {
    console.log(`case ${index} (${kind}, ${reader}): ${problem}`);
  }
  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  if (grown > MAX_GROWTH) console.log(`memory grew by ${megabytes(grown)} MiB, ${megabytes(MAX_GROWTH)} allowed`);
  console.log(
    `${count} cases (seed ${seed}): ${readings} readings, ${refused} refused with file and reason, ` +
      `${findings.length} findings; slowest ${slowest?.milliseconds.toFixed(0)} ms ` +
      `(case ${slowest?.index}, ${slowest?.reader}), memory grew by at most ${megabytes(grown)} MiB, ` +
      `${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  return findings.length === 0 && grown <= MAX_GROWTH;
}

/** The outcome of a worker, or what ended it: a reader that does not return, or a crash. */
function runWorker(
  program: string,
  seed: number,
  from: number,
  to: number,
): Promise<Exclude<Message, { begins: number }> | Finding> {
  const child = fork(program, ["--worker", String(seed), String(from), String(to)], {
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`],
  });
  let [current, since] = [from, performance.now()];
  return new Promise((resolve) => {
    const end = (problem: string) => {
      clearInterval(watch);
      resolve({ index: current, kind: fuzzCase(seed, current).kind, reader: "any", problem });
    };
    const watch = setInterval(() => {
      if (performance.now() - since < 10 * MAX_MILLISECONDS + 10_000) return;
      child.kill("SIGKILL");
      end("hangs");
    }, 1000);
    child.on("message", (message: Message) => {
      since = performance.now();
      if ("begins" in message) current = message.begins;
      else {
        clearInterval(watch);
        child.disconnect();
        resolve(message);
      }
    });
    child.on("exit", (code, signal) => end(`the process ended with ${signal ?? code}`));
  });
}

/** The work of a worker process. */
export async function fuzzWorker(seed: number, from: number, to: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  try {
    const before = process.memoryUsage.rss();
    const outcome = await runCases(folder, seed, from, to, MAX_MILLISECONDS, (begins) => process.send?.({ begins }));
    const grown = process.resourceUsage().maxRSS * 1024 - before;
    process.send?.({ outcome, grown });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
