/** @file (j) The 2D template estimators, learnt without labels: against constant poses, and the orderings of their publications. */
import { statistic } from "../statistics.ts";
import type { TemplateOutcome, TemplateVariant } from "../template-trial.ts";

const MSE = "pixelWeight=1";
/** Pictures take three times as long to reconstruct as people to find; variants that do are set against each other only. */
const FEW_STEPS = 800;

/** In the order of the result. */
export const TEMPLATE_VARIANTS: readonly TemplateVariant[] = [
  { system: "stt", variant: "default", options: [] },
  { system: "hpe", variant: "default", options: [] },
  { system: "ppl", variant: "default", options: [] },
  { system: "stt", variant: "arms-out, pixels", options: ["template=arms-out", MSE], steps: FEW_STEPS },
  { system: "stt", variant: "arms-down, pixels", options: ["template=arms-down", MSE], steps: FEW_STEPS },
  { system: "hpe", variant: "arms-down", options: ["template=arms-down"] },
  { system: "hpe", variant: "constrained", options: ["matrices=constrained"] },
  { system: "ppl", variant: "memory prior", options: ["keypointPrior=memory"] },
  { system: "ppl", variant: "pixels", options: [MSE], steps: FEW_STEPS, occlusion: true },
];

/** One training and its seed. */
export interface SeededOutcome extends TemplateOutcome {
  readonly seed: number;
}

/** A system in a variant; means over seeds. nL2 in percent of the window's side, the smaller of both sides; pdj in percent. */
export interface TemplateRow {
  readonly system: string;
  readonly variant: string;
  readonly options: readonly string[];
  readonly nL2: number | null;
  /** Of the best pose that is the same for all frames. */
  readonly constantPose: number;
  /** Of nL2 against the constant pose, percent. */
  readonly change: number | null;
  readonly pdj: number | null;
  readonly bplpC: number | null;
  /** Error after a linear map learnt from labels: AutoLink's protocol. */
  readonly regression: number | null;
  readonly seeds: readonly SeededOutcome[];
}

/** One figure of two variants, and which is better. */
export interface TemplateOrdering {
  readonly claim: string;
  readonly measure: string;
  readonly better: number | null;
  readonly worse: number | null;
  readonly holds: boolean | null;
}

/** The rows of variants that have outcomes. */
export function templateRows(outcomes: ReadonlyMap<TemplateVariant, readonly SeededOutcome[]>): TemplateRow[] {
  return [...outcomes].flatMap(([{ system, variant, options }, seeds]) => {
    if (seeds.length === 0) return [];
    const mean = (of: (outcome: SeededOutcome) => number | undefined): number | null => {
      const known = seeds.flatMap((outcome) => of(outcome) ?? []);
      return known.length === seeds.length ? statistic(known).mean : null;
    };
    const row = {
      nL2: mean(({ nL2 }) => nL2),
      constantPose: mean(({ constantPose }) => constantPose.nL2)!,
      change: mean(({ nL2, constantPose }) => nL2 && 100 * (nL2 / constantPose.nL2 - 1)),
      pdj: mean(({ pdj }) => pdj),
      bplpC: mean(({ bplpC }) => bplpC),
      regression: mean(({ regression }) => regression),
    };
    return [{ system, variant, options, ...row, seeds }];
  });
}

/** What the publications say of pairs of variants, beside what came of them here. */
export function templateOrderings(rows: readonly TemplateRow[]): TemplateOrdering[] {
  const of = (system: string, variant: string, measure: keyof TemplateRow): number | null => {
    const row = rows.find((one) => one.system === system && one.variant === variant);
    return (row?.[measure] as number | null | undefined) ?? null;
  };
  const ordering = (claim: string, measure: string, better: number | null, worse: number | null): TemplateOrdering => {
    const isHigher = measure === "pdj" || measure === "bplpC";
    const holds = better === null || worse === null ? null : isHigher ? better > worse : better < worse;
    return { claim, measure, better, worse, holds };
  };
  return [
    ...(["pdj", "nL2"] as const).map((measure) =>
      ordering(
        "with pixels compared, arms down beat arms out",
        measure,
        of("stt", "arms-down, pixels", measure),
        of("stt", "arms-out, pixels", measure),
      ),
    ),
    // The defaults of these two differ in nothing else.
    ordering("coarse to fine beats one step", "nL2", of("hpe", "default", "nL2"), of("stt", "default", "nL2")),
    ordering(
      "people's proportions beat arms-down (ours)",
      "nL2",
      of("hpe", "default", "nL2"),
      of("hpe", "arms-down", "nL2"),
    ),
    ordering("PPL beats STT", "nL2", of("ppl", "default", "nL2"), of("stt", "default", "nL2")),
    ordering(
      "a trainable human prior is at least as good as the memory's",
      "regression",
      of("ppl", "default", "regression"),
      of("ppl", "memory prior", "regression"),
    ),
    ordering(
      "constrained matrices keep proportions",
      "bplpC",
      of("hpe", "constrained", "bplpC"),
      of("hpe", "default", "bplpC"),
    ),
    ...occlusionOrderings(rows),
  ];
}

/** Looking again, against looking once, by the share of the picture that is hidden. */
function occlusionOrderings(rows: readonly TemplateRow[]): TemplateOrdering[] {
  const seeds = rows.find(({ seeds }) => seeds.every(({ occlusion }) => occlusion))?.seeds ?? [];
  const shares = (seeds[0]?.occlusion ?? []).map(({ hidden }) => hidden).filter((hidden) => hidden > 0);
  return shares.map((share) => {
    const errors = seeds.map(({ occlusion }) => occlusion!.find(({ hidden }) => hidden === share)!);
    const [once, last] = [
      statistic(errors.map(({ error }) => error)).mean,
      statistic(errors.map(({ error, iterations }) => iterations?.at(-1) ?? error)).mean,
    ];
    const claim = `looking again helps with ${Math.round(100 * share)} % hidden`;
    return { claim, measure: "nL2", better: last, worse: once, holds: last < once };
  });
}
