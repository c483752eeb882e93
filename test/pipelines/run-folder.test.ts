import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  appendStep,
  enterRunFolder,
  forgetStepsAfter,
  readRunOptions,
  readSteps,
  runFolder,
  type StepReport,
} from "../../pipelines/run-folder.ts";
import { failure, temporaryFolder } from "../support/files.ts";

const report = (step: number): StepReport => ({ step, loss: step / 2, cues: {}, gradientNorm: 1, seconds: 0 });

test("records survive a line that a kill cut short, and those after a checkpoint are forgotten", async () => {
  const folder = runFolder(temporaryFolder());
  expect(await readSteps(folder)).toEqual([]);
  for (const step of [1, 2, 3]) await appendStep(folder, report(step));
  appendFileSync(folder.metrics, '{"step":4,"lo');
  expect((await readSteps(folder)).map(({ step }) => step)).toEqual([1, 2, 3]);
  await forgetStepsAfter(folder, 2);
  await appendStep(folder, report(3));
  expect((await readSteps(folder)).map(({ step }) => step)).toEqual([1, 2, 3]);
});

test("a folder with a run's work is entered only to go on or to overwrite; its cache stays", async () => {
  const folder = runFolder(join(temporaryFolder(), "run"));
  const plain = { resume: false, overwrite: false };
  await enterRunFolder(folder, plain);
  writeFileSync(folder.options, "{}");
  mkdirSync(join(folder.path, "cache"));
  // Options alone are no work that could be lost.
  await enterRunFolder(folder, plain);
  writeFileSync(folder.regressor, "weights");
  expect(await failure(enterRunFolder(folder, plain))).toMatch(/^OptionError: --out: .* holds a run; .*--overwrite/);
  await enterRunFolder(folder, { resume: true, overwrite: false });
  await enterRunFolder(folder, { resume: false, overwrite: true });
  await enterRunFolder(folder, plain);
  writeFileSync(folder.options, "{ not json");
  expect(await failure(readRunOptions(folder))).toMatch(/^FormatError/);
  expect(await failure(enterRunFolder(runFolder(folder.options), plain))).toContain("expected a folder, got a file");
});
