/** @file `npm run soak`: thousands of small refinement steps; memory of JavaScript and of the engine must stay flat. */
import { cpus } from "node:os";
import { join } from "node:path";
import { type CommandResult, defineCommand } from "../pipelines/cli.ts";
import type { Context } from "../pipelines/run/context.ts";
import { formatTable } from "../pipelines/run/table.ts";
import { ENGINE_CHOICES, startEngine } from "../src/engine/engine.ts";
import { tf } from "../src/engine/tf.ts";
import { MotionCueError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../src/options.ts";
import { ALLOWED, growing, growth, type MemoryKind, type MemorySample } from "./flatness.ts";
import { runProgram } from "./program.ts";
import { createRefinement, madeUpLabels, madeUpPairs } from "./refinement.ts";
import { RESULTS } from "./results.ts";

const SOAK_OPTIONS = {
  steps: { kind: "integer", min: 100, max: 10_000_000, default: 10_000, doc: "steps to take" },
  engine: { kind: "choice", choices: ENGINE_CHOICES, default: "auto", doc: "numeric engine" },
  keep: { kind: "flag", default: true, doc: "leave bench/results/soak.json as it is" },
} as const satisfies OptionTable;

const SAMPLES = 100;
const [CROP, PAIRS, LABELLED] = [32, 2, 2];

async function soak(context: Context, given: Partial<OptionsOf<typeof SOAK_OPTIONS>>): Promise<CommandResult> {
  const { steps, engine: choice, keep } = completeOptions("soak", SOAK_OPTIONS, given);
  const collect = globalThis.gc;
  if (!collect) throw new MotionCueError("soak", "expected node --expose-gc; run: npm run soak");
  const engine = await startEngine(choice);
  const refinement = createRefinement(
    { backbone: "resnet18", width: 4, hidden: 16, cropSize: CROP },
    { rings: 12, segments: 10 },
  );
  const labels = madeUpLabels(LABELLED, CROP);
  const samples: MemorySample[] = [];
  const progress = context.progress("soak", { total: steps, unit: "steps" });
  const began = performance.now();
  for (let step = 1; step <= steps; step++) {
    context.signal.throwIfAborted();
    const { loss } = refinement.step(madeUpPairs(PAIRS, CROP, CROP), labels);
    if (!Number.isFinite(loss)) throw new MotionCueError("soak", `step ${step}: the loss is ${loss}`);
    if (step % Math.ceil(steps / SAMPLES) === 0) {
      // Typed arrays are let go of in the turn of the loop after the collection.
      await new Promise((resolve) => setImmediate(resolve));
      collect();
      samples.push(memoryNow(step));
      progress.update(step);
    }
  }
  progress.finish();
  const seconds = (performance.now() - began) / 1000;
  refinement.dispose();
  const left = tf.memory().numTensors;
  const grown = growth(samples);
  const guilty = growing(samples);
  const record = {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    engine,
    steps,
    seconds,
    flat: guilty.length === 0,
    growth: grown,
    allowed: ALLOWED,
    tensorsLeft: left,
    samples,
  };
  if (keep) await writeFileAtomic(join(RESULTS, "soak.json"), `${JSON.stringify(record, null, 2)}\n`);
  const last = samples.at(-1)!;
  const kinds = Object.keys(grown) as MemoryKind[];
  const rows = kinds.map((kind) => [
    kind,
    `${samples[0]![kind]}`,
    `${last[kind]}`,
    `${grown[kind]}`,
    `${ALLOWED[kind]}`,
  ]);
  const verdict = guilty.length === 0 ? "memory is flat" : `memory grows: ${guilty.join(", ")}`;
  const text = `${formatTable(["memory", "first", "last", "growth", "allowed"], rows)}\n${steps} steps in ${seconds.toFixed(0)} s: ${verdict}`;
  return { text, data: record, failed: guilty.length > 0 };
}

function memoryNow(step: number): MemorySample {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const backend = tf.backend() as { memory?(): { nativeBytes?: number } };
  return {
    step,
    tensors: tf.memory().numTensors,
    nativeBytes: backend.memory?.().nativeBytes ?? tf.memory().numBytes,
    heapBytes: heapUsed,
    externalBytes: external + arrayBuffers,
    residentBytes: rss,
  };
}

await runProgram(
  defineCommand({
    name: "soak",
    summary: "Take thousands of small refinement steps and see whether memory stays flat.",
    arguments: [],
    options: SOAK_OPTIONS,
    example: "run soak -- --steps 1000",
    run: (context, _args, options) => soak(context, options),
  }),
);
