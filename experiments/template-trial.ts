/** @file One template estimator of an experiment: trained on footage without labels, measured on other footage. */
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../pipelines/run/context.ts";
import { evaluateTemplates, type OcclusionFigures } from "../pipelines/templates/evaluate.ts";
import { type TrainTemplateResult, trainTemplate } from "../pipelines/templates/train.ts";
import { templateRunFolder } from "../pipelines/templates/train-plan.ts";
import type { EngineInfo } from "../src/engine/engine.ts";
import { cellOf, once } from "./cell.ts";
import type { ExperimentOptions } from "./options.ts";
import type { TemplateFootage } from "./template-footage.ts";

/** What is trained. */
export interface TemplateVariant {
  readonly system: "stt" | "hpe" | "ppl";
  /** `default`, or what is otherwise than there. */
  readonly variant: string;
  /** Options of the system, NAME=VALUE. */
  readonly options: readonly string[];
  /** Unless given, as the recipe says. */
  readonly steps?: number;
  /** Whether it is measured on pictures with hidden cells, too. */
  readonly occlusion?: boolean;
}

/** What trainings of the experiment share besides the defaults: people walk through windows, and one core trains them all in an hour. */
export const TEMPLATE_RECIPE = { windowGrowth: 2, steps: 1200 } as const;

/** What one training came to; percent of the window's side, percent of joints. */
export interface TemplateOutcome {
  readonly engine: EngineInfo;
  readonly steps: number;
  readonly seconds: number;
  readonly frames: number;
  /** The smallest nL2 of a pose that is the same for all frames, learnt from the labels of the training footage. */
  readonly constantPose: { readonly kind: string; readonly nL2: number; readonly pdj: number };
  /** None of points without names. */
  readonly nL2?: number;
  readonly pdj?: number;
  readonly bplpC?: number;
  /** The error after a linear map that is learnt from labels. */
  readonly regression?: number;
  readonly occlusion?: readonly OcclusionFigures[];
}

/** The outcome, computed unless it is known or `onlyLook` is asked for; undefined while another process computes it. Throws as trainTemplate. */
export async function templateOutcome(
  { system, variant, options, steps = TEMPLATE_RECIPE.steps, occlusion = false }: TemplateVariant,
  seed: number,
  footage: TemplateFootage,
  { work, scale }: Pick<ExperimentOptions, "work" | "scale">,
  context: Context,
  onlyLook = false,
): Promise<TemplateOutcome | undefined> {
  const training = { windowGrowth: TEMPLATE_RECIPE.windowGrowth, steps: Math.max(3, Math.round(scale * steps)) };
  const chosen = { kind: "template", system, options, seed, occlusion, ...training };
  const label = `${system}-${variant.replaceAll(/[^a-z0-9]+/g, "-")}-s${seed}`;
  const { folder } = cellOf(join(work, "templates"), label, chosen, chosen);
  const cache = join(work, "templates", "cache");
  const compute = async (): Promise<TemplateOutcome> => {
    const run = templateRunFolder(folder);
    const often = { checkpointEvery: 500, picturesEvery: 1_000_000 };
    const recipe = { system, systemOption: [...options], tracks: footage.train, seed, ...training };
    const train = async () => {
      const resume = (await stat(run.options).catch(() => undefined)) !== undefined;
      const job = { videos: [footage.train], ...recipe, ...often, out: folder, cache, resume };
      return trainTemplate(job, context);
    };
    const trained = (await finished(run.result)) ?? (await train());
    await rm(run.checkpoints, { recursive: true, force: true });
    const looks = { template: [trained.template], training: footage.train, occlusion, cache };
    const { engine, rows } = await evaluateTemplates(footage.test, looks, context);
    const { measures, constantPose, regression, frames, occlusion: hidden } = rows[0]!;
    const { kind, nL2, pdj } = constantPose;
    return {
      engine,
      steps: trained.steps,
      seconds: Math.round(trained.seconds),
      frames,
      constantPose: { kind, nL2, pdj },
      ...(measures ? { nL2: measures.nL2, pdj: measures.pdj } : {}),
      ...(measures?.bplpC === undefined ? {} : { bplpC: measures.bplpC }),
      ...(regression === undefined ? {} : { regression }),
      ...(hidden ? { occlusion: hidden } : {}),
    };
  };
  return once({ folder, settings: chosen }, compute, onlyLook);
}

/** The result of a training that has ended: its measurement may be wanting all the same. */
async function finished(path: string): Promise<TrainTemplateResult | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TrainTemplateResult);
}
