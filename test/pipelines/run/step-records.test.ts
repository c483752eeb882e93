import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendStep, forgetStepsAfter, readSteps, type StepReport } from "../../../pipelines/run/step-records.ts";
import { temporaryFolder } from "../../support/files.ts";

const report = (step: number): StepReport => ({ step, loss: step / 2, cues: {}, gradientNorm: 1, seconds: 0 });

test("records survive a line that a kill cut short, and those after a checkpoint are forgotten", async () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  expect(await readSteps(path)).toEqual([]);
  for (const step of [1, 2, 3]) await appendStep(path, report(step));
  appendFileSync(path, '{"step":4,"lo');
  expect((await readSteps(path)).map(({ step }) => step)).toEqual([1, 2, 3]);
  await forgetStepsAfter(path, 2);
  await appendStep(path, report(3));
  expect((await readSteps(path)).map(({ step }) => step)).toEqual([1, 2, 3]);
});
