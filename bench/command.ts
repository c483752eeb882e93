/** @file The benchmark's command line. */
import { defineCommand } from "../pipelines/cli.ts";
import { BENCH_OPTIONS } from "./options.ts";
import { runBench } from "./run.ts";
import { stages } from "./stages.ts";

const list = Object.entries(stages).map(([name, { doc }]) => `${name} (${doc})`);

export const benchCommand = defineCommand({
  name: "bench",
  summary: "Time MotionCue stage by stage beside PyTorch, on the same sizes and threads, in turn.",
  arguments: [{ name: "stages", doc: `any of: ${list.join("; ")}; all unless given`, optional: true, variadic: true }],
  options: BENCH_OPTIONS,
  example: "run bench -- flow step --rounds 7",
  run: runBench,
});
