/** @file The options of `template train`, and what they come to for one system. */
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionSpec, type OptionsOf, type OptionTable, suggestion } from "../../src/options.ts";
import type { TemplateTraining } from "../../templates/estimator.ts";
import { templateEstimatorKind, templateEstimators } from "../../templates/estimators.ts";
import { VGG_CHOICES, type VggChoice } from "../../templates/perceptual.ts";
import { ENGINE_OPTION, RESUME_OPTION, TRACK_OPTIONS } from "../shared-options.ts";

/** How people are seen in videos, for all that template estimators do with them. */
export const WINDOW_OPTIONS = {
  tracks: TRACK_OPTIONS.tracks,
  boxScale: {
    ...TRACK_OPTIONS.boxScale,
    default: 1.3,
    doc: "side of the square windows over the longer side of the boxes in them; the part templates fill two thirds",
  },
  windowGrowth: {
    kind: "number",
    default: 1.5,
    min: 1,
    max: 100,
    doc: "how many times as long as the longest of its boxes all boxes in a window may be together, before the next begins: 1.25 follows people closely",
  },
  maxFrames: {
    kind: "integer",
    default: 2000,
    min: 2,
    max: 1_000_000,
    doc: "most frames taken of one track, evenly spread; bounds disk and preparation time",
  },
} as const satisfies OptionTable;

export const TRAIN_TEMPLATE_OPTIONS = {
  system: { kind: "choice", choices: Object.keys(templateEstimators), default: "hpe", doc: "which estimator" },
  preset: {
    kind: "choice",
    choices: ["default", "paper"],
    default: "default",
    doc: "where the options below begin: paper as published, default what is fast and good on few videos",
  },
  systemOption: {
    kind: "list",
    value: "NAME=VALUE",
    default: [],
    doc: "an option of the system itself, such as width=32; a wrong name lists them",
  },
  out: { kind: "text", value: "RUN", default: "runs/template", doc: "run folder" },
  ...RESUME_OPTION,
  overwrite: { kind: "flag", doc: "begin anew in a folder that holds a run" },
  ...WINDOW_OPTIONS,
  references: {
    kind: "choice",
    choices: ["auto", "frame", "masked"],
    default: "auto",
    doc: "what a picture takes background and looks from: another frame of its window, the picture itself with 80 % hidden, or (auto) the first where the camera stands still and the second where it moves",
  },
  mirrored: {
    kind: "choice",
    choices: ["yes", "no"],
    doc: "whether half of the pairs are seen in a mirror; unless given, as the preset says",
  },
  steps: { kind: "integer", min: 1, doc: "optimisation steps; unless given, as the preset says" },
  batch: { kind: "integer", min: 2, max: 1024, doc: "pairs per step; unless given, as the preset says" },
  learningRate: { kind: "number", min: 0, doc: "Adam's step size; unless given, as the preset says" },
  schedule: {
    kind: "choice",
    choices: ["constant", "cosine"],
    doc: "whether the step size stays (preset paper) or rises over a twentieth of the steps and then falls (default)",
  },
  jitter: {
    kind: "number",
    min: 0,
    max: 0.9,
    doc: "largest share by which the colours of a pair are changed, both alike; unless given, as the preset says",
  },
  gradientClip: { kind: "number", default: 0, min: 0, doc: "largest norm of the gradient; 0: any" },
  size: { kind: "integer", min: 32, max: 512, doc: "side of the pictures in pixels; unless given, as the preset says" },
  vgg: {
    kind: "text",
    value: "FILE",
    doc: "torchvision's VGG weights for the perceptual loss; unless given, features of the shipped regressor",
  },
  vggLayers: {
    kind: "choice",
    choices: VGG_CHOICES,
    doc: "which network the file holds and which layers are compared; unless given, as published for the system",
  },
  checkpointEvery: { kind: "integer", default: 500, min: 1, doc: "steps between checkpoints" },
  picturesEvery: { kind: "integer", default: 500, min: 1, doc: "steps between pictures of what was learnt" },
  cache: { kind: "text", value: "DIR", doc: "folder of prepared crops; unless given, RUN/cache" },
  seed: { kind: "integer", default: 1, min: 0, doc: "of weights, pairs and masks" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;
export type TrainTemplateOptions = OptionsOf<typeof TRAIN_TEMPLATE_OPTIONS>;

/** What is trained, and how. */
export interface TemplateRecipe {
  /** Complete options of the system. */
  readonly own: Readonly<Record<string, unknown>>;
  readonly size: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly schedule: "constant" | "cosine";
  readonly mirrored: boolean;
  readonly jitter: number;
  readonly references: "auto" | "frame" | "masked";
  readonly vggLayers: VggChoice;
  /** Whether features are needed. */
  readonly isPerceptual: boolean;
  /** Whether pictures are reconstructed at all; else only what stands out from a still background is learnt from. */
  readonly isReconstructing: boolean;
  /** Steps for a number of pictures that pairs are drawn from. */
  steps(pictures: number): number;
}

/** The recipe that options ask for. Throws OptionError for options that the system does not have. */
export function templateRecipe(options: TrainTemplateOptions): TemplateRecipe {
  const preset = options.preset as "default" | "paper";
  const kind = templateEstimatorKind(options.system);
  const training: TemplateTraining = kind.training[preset];
  const own = completeOptions(`template ${options.system}`, kind.options, {
    ...kind.presets[preset],
    ...parseSystemOptions(options.system, kind.options, options.systemOption),
    ...(options.size === undefined ? {} : { size: options.size }),
  } as never) as Readonly<Record<string, unknown>>;
  const batch = options.batch ?? training.batchSize;
  const mirrored = options.mirrored === undefined ? training.mirrored : options.mirrored === "yes";
  const isMaskedAlways = options.references === "auto" && training.reference === "masked";
  return {
    own,
    size: own["size"] as number,
    batch,
    learningRate: options.learningRate ?? training.learningRate,
    schedule: options.schedule ?? (preset === "paper" ? "constant" : "cosine"),
    mirrored,
    jitter: options.jitter ?? training.jitter ?? 0,
    references: isMaskedAlways ? "masked" : options.references,
    vggLayers: options.vggLayers ?? (options.system === "ppl" ? "vgg16-4" : "vgg19-relu3_2"),
    isPerceptual: (own["perceptualWeight"] as number) > 0,
    isReconstructing: (own["perceptualWeight"] as number) + (own["pixelWeight"] as number) > 0,
    steps: (pictures) => {
      if (options.steps !== undefined) return options.steps;
      if (training.steps !== undefined) return training.steps;
      const epoch = Math.ceil(((mirrored ? 2 : 1) * pictures) / batch);
      return (training.epochs ?? 1) * epoch;
    },
  };
}

function parseSystemOptions(system: string, table: OptionTable, texts: readonly string[]): Record<string, unknown> {
  const where = "--system-option";
  const found: Record<string, unknown> = {};
  for (const text of texts) {
    const [, name = "", value = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!spec)
      throw new OptionError(
        where,
        `expected NAME=VALUE with an option of ${system}, got "${text}"${suggestion(name, Object.keys(table))}`,
      );
    if (name in found) throw new OptionError(where, `"${name}" is given twice; keep one`);
    found[name] = readValue(spec, value);
  }
  return found;
}

/** A text as the value of an option; what it cannot be stays text, which the option's own check refuses. */
function readValue(spec: OptionSpec, text: string): unknown {
  if (spec.kind === "number" || spec.kind === "integer") return Number(text);
  if (spec.kind === "flag" && (text === "true" || text === "false")) return text === "true";
  return text;
}
