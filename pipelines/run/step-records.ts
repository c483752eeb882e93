/** @file The records of a run's steps (`metrics.jsonl`): one JSON object a line, in the order of the steps. */
import { appendFile, readFile } from "node:fs/promises";
import { writeFileAtomic } from "../../src/io/write-file.ts";

/** What every step's record holds. */
interface StepRecord {
  /** Counts finished steps from 1. */
  readonly step: number;
}

/** A step whose loss is a sum of cues. */
export interface StepReport extends StepRecord {
  /** The weighted sum of all cues. */
  readonly loss: number;
  /** Unweighted value of each cue, and what it reports of itself. */
  readonly cues: Readonly<
    Record<string, { readonly value: number; readonly numbers: Readonly<Record<string, number>> }>
  >;
  /** Euclidean norm of the whole gradient, before any clipping. */
  readonly gradientNorm: number;
  readonly seconds: number;
}

/** Appends one step's record to the file. */
export async function appendStep(path: string, record: StepRecord): Promise<void> {
  await appendFile(path, `${JSON.stringify(record)}\n`);
}

/**
 * All records up to step `last`, none where there is no file; a line that a kill cut short is left out, and so is what
 * follows it.
 */
export async function readSteps(path: string, last = Number.POSITIVE_INFINITY): Promise<StepReport[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const steps: StepReport[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    try {
      const record = JSON.parse(line) as StepReport;
      if (record.step <= last) steps.push(record);
    } catch {
      break;
    }
  }
  return steps;
}

/** Removes the records after step `last`, whose steps are taken again. */
export async function forgetStepsAfter(path: string, last: number): Promise<void> {
  const steps = await readSteps(path, last);
  await writeFileAtomic(path, steps.map((record) => `${JSON.stringify(record)}\n`).join(""));
}
