/** @file Runs the experiment on template estimators: training after training, the result written after each. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "../pipelines/run/context.ts";
import type { EngineInfo } from "../src/engine/engine.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import type { ExperimentOptions } from "./options.ts";
import {
  type SeededOutcome,
  TEMPLATE_VARIANTS,
  type TemplateOrdering,
  type TemplateRow,
  templateOrderings,
  templateRows,
} from "./plans/templates.ts";
import { RESULTS } from "./results.ts";
import { orProblem, patiently } from "./run.ts";
import { TEMPLATE_FOOTAGE, templateFootage } from "./template-footage.ts";
import { type TemplateVariant, templateOutcome } from "./template-trial.ts";

export const TEMPLATES = {
  name: "templates",
  doc: "Do template estimators that learn without labels beat constant poses, and are they ordered as published?",
} as const;

const WAIT_MS = 5000;

/** The result file. */
export interface TemplateResult {
  readonly name: string;
  readonly doc: string;
  readonly command: string;
  readonly split: "test";
  readonly seeds: readonly number[];
  readonly scale: number;
  readonly done: number;
  readonly total: number;
  readonly failed: readonly string[];
  readonly engine: EngineInfo | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** The commands that give one row's figures by themselves. */
  readonly commands: readonly string[];
  readonly rows: readonly TemplateRow[];
  readonly orderings: readonly TemplateOrdering[];
}

/**
 * Trains and measures every system with every seed, and every variant with the first, unless that is done, and returns the result, which is also written
 * after each. A training that fails is told in the result. Throws the signal's reason.
 */
export async function runTemplates(
  options: ExperimentOptions,
  context: Context,
  variants: readonly TemplateVariant[] = TEMPLATE_VARIANTS,
): Promise<{ readonly result: TemplateResult; readonly path: string }> {
  const footage = await patiently(() => templateFootage(options, context), context);
  const [first] = options.seeds;
  const trials = options.seeds.flatMap((seed) =>
    variants.filter(({ variant }) => variant === "default" || seed === first).map((variant) => ({ variant, seed })),
  );
  const outcomes = new Map(variants.map((variant) => [variant, [] as SeededOutcome[]]));
  const failed: string[] = [];
  const path = join(options.scale === 1 ? RESULTS : join(options.work, "results"), `${TEMPLATES.name}.json`);
  const keep = async (): Promise<TemplateResult> => {
    const result = resultOf(options, outcomes, failed, trials.length);
    await writeFileAtomic(path, `${JSON.stringify(result, null, 2)}\n`);
    return result;
  };
  let waiting = trials;
  while (waiting.length > 0) {
    const busy: typeof trials = [];
    for (const trial of waiting) {
      const { variant, seed } = trial;
      context.signal.throwIfAborted();
      const found = await orProblem(() => templateOutcome(variant, seed, footage, options, context), context.signal);
      if (found === undefined) {
        busy.push(trial);
        continue;
      }
      const what = `${variant.system} ${variant.variant}, seed ${seed}`;
      if (typeof found === "string") failed.push(`${what}: ${found}`);
      else outcomes.get(variant)!.push({ seed, ...found });
      await keep();
      const text = typeof found === "string" ? found : `nL2 ${found.nL2?.toFixed(2) ?? "none"} %`;
      context.log.info(`${TEMPLATES.name}: ${what}: ${text}`);
    }
    if (busy.length === waiting.length) await pause(WAIT_MS, undefined, { signal: context.signal });
    waiting = busy;
  }
  return { result: await keep(), path };
}

function resultOf(
  { seeds, scale, motions }: ExperimentOptions,
  outcomes: ReadonlyMap<TemplateVariant, readonly SeededOutcome[]>,
  failed: readonly string[],
  total: number,
): TemplateResult {
  const rows = templateRows(outcomes);
  const done = rows.flatMap((row) => row.seeds);
  const others = scale === 1 ? "" : ` --scale ${scale}`;
  return {
    ...TEMPLATES,
    command: `npm run experiment -- ${TEMPLATES.name} --seeds ${seeds.join(",")}${others}`,
    split: "test",
    seeds,
    scale,
    done: done.length,
    total,
    failed,
    engine: done[0]?.engine ?? null,
    data: { ...TEMPLATE_FOOTAGE, camera: "still", ...(motions ? {} : { recordings: 0 }) },
    commands: commandsOf(),
    rows,
    orderings: templateOrderings(rows),
  };
}

function commandsOf(): string[] {
  const { videos, frames, size, fps, motion, recorded, obstacles, seed } = TEMPLATE_FOOTAGE;
  const look = `--camera still --size ${size} --fps ${fps} --motion ${motion} --motions MOTIONS --recorded ${recorded} --obstacles ${obstacles} --seed ${seed}`;
  return [
    ...(["train", "test"] as const).map(
      (split) =>
        `motioncue synth --split ${split} --videos ${videos[split]} --frames ${frames[split]} ${look} --out ${split}`,
    ),
    "motioncue template train train --tracks train --system SYSTEM --seed SEED --system-option OPTION --out RUN",
    "motioncue template evaluate test --template RUN/template.safetensors --training train",
  ];
}
