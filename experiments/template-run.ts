/** @file Runs the experiment on template estimators: training after training, the result written after each. */
import type { Context } from "../pipelines/run/context.ts";
import type { ExperimentOptions } from "./options.ts";
import { type SeededOutcome, TEMPLATE_VARIANTS, templateOrderings, templateRows } from "./plans/templates.ts";
import { type ResultHead, resultHead, resultsFolder, writeResult } from "./results.ts";
import { type FootageSize, TEMPLATE_FOOTAGE, templateFootage } from "./template-footage.ts";
import type { TemplatesBody } from "./template-table.ts";
import { TEMPLATE_RECIPE, type TemplateOutcome, type TemplateVariant, templateOutcome } from "./template-trial.ts";
import { type Progress, patiently, runTrials } from "./trials.ts";

export const TEMPLATES = {
  name: "templates",
  doc: "Do template estimators that learn without labels beat constant poses, and are they ordered as published?",
  split: "test",
} as const;

/** The result file. */
export interface TemplateResult extends ResultHead {
  /** What all trainings share besides the defaults. */
  readonly recipe: typeof TEMPLATE_RECIPE;
  /** The commands that give one row's figures by themselves. */
  readonly commands: readonly string[];
  readonly body: TemplatesBody;
}

/** What is trained, on how much. */
interface TemplateDesign {
  readonly variants: readonly TemplateVariant[];
  readonly footage: FootageSize;
}
const DESIGN: TemplateDesign = { variants: TEMPLATE_VARIANTS, footage: TEMPLATE_FOOTAGE };

/** A training to do, and one that is done. */
interface TemplateTrial {
  readonly variant: TemplateVariant;
  readonly seed: number;
}
type TrialOutcome = TemplateTrial & TemplateOutcome;

/**
 * Trains and measures every system with every seed, and every variant with the first, unless that is done, and returns the result, which is also written
 * after each. A training that fails is told in the result. Throws the signal's reason.
 */
export async function runTemplates(
  options: ExperimentOptions,
  context: Context,
  design: TemplateDesign = DESIGN,
): Promise<{ readonly result: TemplateResult; readonly path: string }> {
  const { variants } = design;
  const footage = await patiently(() => templateFootage(options, context, design.footage), context);
  // The systems first: half a result then lacks variants.
  const [systems, others] = [true, false].map((is) => variants.filter(({ variant }) => (variant === "default") === is));
  const [first] = options.seeds;
  const trials = [
    ...options.seeds.flatMap((seed) => systems!.map((variant) => ({ variant, seed }))),
    ...others!.map((variant) => ({ variant, seed: first! })),
  ];
  const keep = async (progress: Progress<TrialOutcome>) => {
    const result = resultOf(options, design, progress);
    return { result, path: await writeResult(resultsFolder(options), result) };
  };
  const run = async (trial: TemplateTrial, onlyLook: boolean): Promise<TrialOutcome | undefined> => {
    const found = await templateOutcome(trial.variant, trial.seed, footage, options, context, onlyLook);
    return found && { ...trial, ...found };
  };
  const describe = ({ variant, seed }: TemplateTrial) => `${variant.system} ${variant.variant}, seed ${seed}`;
  const describeOutcome = ({ nL2 }: TrialOutcome) => `nL2 ${nL2?.toFixed(2) ?? "none"} %`;
  return runTrials({ name: TEMPLATES.name, trials, run, keep, describe, describeOutcome }, context);
}

function resultOf(
  options: ExperimentOptions,
  { variants, footage }: TemplateDesign,
  progress: Progress<TrialOutcome>,
): TemplateResult {
  const seeded = (wanted: TemplateVariant): SeededOutcome[] =>
    progress.done.flatMap(({ variant, ...outcome }) => (variant === wanted ? [outcome] : []));
  const rows = templateRows(new Map(variants.map((variant) => [variant, seeded(variant)])));
  const recordings = options.motions ? {} : { recordings: 0 };
  return {
    ...resultHead(TEMPLATES, options, progress),
    data: { ...footage, camera: "still", ...recordings },
    recipe: TEMPLATE_RECIPE,
    commands: commandsOf(),
    body: { rows, orderings: templateOrderings(rows) },
  };
}

function commandsOf(): string[] {
  const { videos, frames, size, fps, motion, recorded, obstacles, seed } = TEMPLATE_FOOTAGE;
  const { windowGrowth } = TEMPLATE_RECIPE;
  const look = `--camera still --size ${size} --fps ${fps} --motion ${motion} --motions MOTIONS --recorded ${recorded} --obstacles ${obstacles} --seed ${seed}`;
  return [
    ...(["train", "test"] as const).map(
      (split) =>
        `motioncue synth --split ${split} --videos ${videos[split]} --frames ${frames[split]} ${look} --out ${split}`,
    ),
    `motioncue template train train --tracks train --system SYSTEM --seed SEED --system-option OPTION --window-growth ${windowGrowth} --steps STEPS --out RUN`,
    "motioncue template evaluate test --template RUN/template.safetensors --training train",
  ];
}
