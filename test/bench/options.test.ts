/** @file The benchmarks' command line and the cases that it selects. */
import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { benchCommand } from "../../bench/command.ts";
import { paced } from "../../bench/measure.ts";
import { completeBenchOptions } from "../../bench/options.ts";
import { casesOf, stages } from "../../bench/stages.ts";
import { parseCommandLine } from "../../pipelines/cli.ts";
import { createContext } from "../../pipelines/run/context.ts";

const program = { name: "npm run", summary: "", version: "1" };
const parse = (...argv: string[]) => parseCommandLine(program, [benchCommand], ["bench", ...argv], createContext());

it("works on the peer's sizes with all cores unless told otherwise", () => {
  const options = completeBenchOptions({});
  expect(options).toMatchObject({ rounds: 5, threads: availableParallelism(), precision: "fp32", peerEnv: "tuned" });
  expect(options.sizes).toMatchObject({ size: 224, updates: 12, frames: 9, batches: [16, 1], labelled: 16, pairs: 8 });
});

it("makes one timed call of each side on smaller sizes when quick", () => {
  const options = completeBenchOptions({ quick: true, rounds: 9, threads: 3 });
  expect(options).toMatchObject({ rounds: 1, repeats: 1, threads: 3 });
  expect(options.sizes.size).toBeLessThan(224);
});

it.each([
  [["--peer-env", "fast"], "--peer-env must be one of tuned, asis"],
  [["--precision", "fp16"], "--precision must be one of fp32, bf16"],
  [["--threads", "0"], "--threads must be an integer from 1"],
  [["--round", "3"], "--rounds"],
])("refuses %j", (argv, message) => {
  expect(() => parse(...argv)).toThrow(message);
});

it("refuses a stage that there is not, and a profile of none", async () => {
  const run = (...argv: string[]) => (parse(...argv) as { run(): Promise<unknown> }).run();
  await expect(run("stepp")).rejects.toThrow('unknown stage "stepp"');
  await expect(run("--profile")).rejects.toThrow("expects the stages to look into");
});

it("times a long case once per round, and one of milliseconds more often", () => {
  const [{ item: long }, { item: middle }, { item: short }] = [
    casesOf(["pipeline"], completeBenchOptions({}).sizes)[0]!,
    casesOf(["step"], completeBenchOptions({}).sizes)[0]!,
    casesOf(["visibility"], completeBenchOptions({}).sizes)[0]!,
  ];
  const options = { warmup: 2, repeats: 3 };
  expect(paced(long, options)).toEqual({ warmup: 1, repeats: 1 });
  expect(paced(middle, options)).toEqual(options);
  expect(paced(short, options)).toEqual({ warmup: 20, repeats: 15 });
});

it("tells all stages in its help", () => {
  const { text } = parse("--help") as { text: string };
  for (const name of Object.keys(stages)) expect(text).toContain(name);
});

it("has cases with names of their own that are fit for files, and labels that name their sizes", () => {
  const cases = casesOf([], completeBenchOptions({}).sizes).map(({ item }) => item);
  const ids = cases.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z0-9-]+$/.test(id))).toEqual([]);
  expect(cases.find(({ id }) => id === "regress-1")!.label).toContain("1 frame at 224");
  expect(casesOf(["body", "visibility"], completeBenchOptions({}).sizes).map(({ item }) => item.id)).toEqual([
    "body-forward",
    "body-backward",
    "visibility",
  ]);
});
