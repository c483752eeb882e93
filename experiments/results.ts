/** @file Result files: what an experiment found, with everything that it was found with. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EngineInfo } from "../src/engine/engine.ts";
import { FormatError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import type { MeasuredSplit } from "./measure.ts";
import type { ExperimentOptions } from "./options.ts";
import type { RefineRecipe, TrainRecipe } from "./recipes.ts";
import type { ResultBody } from "./rows.ts";
import type { Group } from "./trial.ts";
import type { Progress } from "./trials.ts";

/** Where results are kept. */
export const RESULTS = fileURLToPath(new URL("results/", import.meta.url));

/** What the networks of one group are: percent of the labels, and what wins over the shared recipes. */
export interface GroupRecipe {
  readonly group: Group;
  readonly fraction: number;
  /** The backbone, and what it needs. */
  readonly train: TrainRecipe;
  /** Absent for a base. */
  readonly refine?: RefineRecipe;
}

/** What every result file begins with. */
export interface ResultHead {
  readonly name: string;
  readonly doc: string;
  /** What gives it. */
  readonly command: string;
  readonly split: MeasuredSplit;
  readonly seeds: readonly number[];
  readonly scale: number;
  /** Networks that were measured, and those that there are to measure. */
  readonly done: number;
  readonly total: number;
  /** Networks that could not be made, and why. */
  readonly failed: readonly string[];
  /** Null before the first measurement. */
  readonly engine: EngineInfo | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The result of an experiment on labels. */
export interface Result<Body extends ResultBody = ResultBody> extends ResultHead {
  readonly recipes: {
    /** What all base networks and all refinements share. */
    readonly train: TrainRecipe;
    readonly refine: RefineRecipe;
    readonly groups: readonly GroupRecipe[];
  };
  readonly body: Body;
}

/** Where the results of a run go: to the kept ones only at full scale. */
export function resultsFolder({ scale, work }: Pick<ExperimentOptions, "scale" | "work">): string {
  return scale === 1 ? RESULTS : join(work, "results");
}

/** The head of a result, all but its data. */
export function resultHead(
  { name, doc, split }: Pick<ResultHead, "name" | "doc" | "split">,
  { seeds, scale }: Pick<ExperimentOptions, "seeds" | "scale">,
  { done, total, failed }: Progress<{ readonly engine: EngineInfo }>,
): Omit<ResultHead, "data"> {
  const others = scale === 1 ? "" : ` --scale ${scale}`;
  const command = `npm run experiment -- ${name} --seeds ${seeds.join(",")}${others}`;
  const engine = done[0]?.engine ?? null;
  return { name, doc, command, split, seeds, scale, done: done.length, total, failed, engine };
}

/** Writes `<folder>/<name>.json`, whole or not at all: `body`'s fields beside the others. Returns the path. */
export async function writeResult<Whole extends ResultHead & { readonly body: ResultBody }>(
  folder: string,
  { body, ...head }: Whole,
): Promise<string> {
  const path = join(folder, `${head.name}.json`);
  await writeFileAtomic(path, `${JSON.stringify({ ...head, ...body }, null, 2)}\n`);
  return path;
}

/** The result `name` of a folder, its body's fields beside the others; undefined where there is none. Throws FormatError. */
export function readResult<Body extends ResultBody>(
  name: string,
  folder: string = RESULTS,
): (ResultHead & Body) | undefined {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) return undefined;
  try {
    const found = JSON.parse(readFileSync(path, "utf8")) as Partial<ResultHead & Body>;
    if (found.name === name && Array.isArray(found.rows)) return found as ResultHead & Body;
  } catch {
    // Told below, like every other file that holds no result.
  }
  throw new FormatError(path, `expected the result of the experiment ${name}; remove the file and run it again`);
}
