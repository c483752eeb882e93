/** @file How networks are trained and refined in the experiments: all constants that were chosen; by what, tries.md says. */
import type { RefineOptions } from "../pipelines/refine/options.ts";
import type { TrainRegressorOptions } from "../pipelines/train/regressor-options.ts";

/** Options of a base regressor, and of a refinement; what is left out has the command's default. */
export type TrainRecipe = Partial<TrainRegressorOptions>;
export type RefineRecipe = Partial<RefineOptions>;

/** Everything that the experiments need to know besides the data. */
export interface Recipes {
  /** The base regressor. */
  readonly train: TrainRecipe;
  /** By backbone: what differs from `train`. */
  readonly backbones: Readonly<Record<"landmarks" | "resnet18", TrainRecipe>>;
  /** What all refinements share; a recipe's own options win. */
  readonly refine: RefineRecipe;
  /** The same steps with labels alone, to tell what video adds. */
  readonly labels: RefineRecipe;
  readonly flow: RefineRecipe;
  readonly texture: RefineRecipe;
  readonly both: RefineRecipe;
  /** The published settings, and those that measurement says are better. */
  readonly paper: RefineRecipe;
  readonly default: RefineRecipe;
  /** Ingredients, each switched on or off in `default`. */
  readonly ingredients: Readonly<Record<string, RefineRecipe>>;
}

/** By what they were chosen: tries.md. */
const FLOW = "flow=5";
const GMOF = ["flow.robust=gmof", "flow.robustSize=6"];
/** Fast pairs count for more than slow ones: divided by their motion, pairs that hardly move say most, and that all should stand still. */
const PLAIN = "flow.normalise=false";
const GUARDED = [...GMOF, PLAIN];
const SELF: RefineRecipe = { cue: [FLOW, "self=3"], cueOption: GUARDED, teacherDecay: 0.99 };
const TEXTURE = "texture=10";

export const RECIPES: Recipes = {
  train: {
    cropSize: 64,
    hidden: 512,
    steps: 2400,
    batch: 32,
    learningRate: 0.001,
    gradientClip: 3,
    augment: 0.2,
    evaluateEvery: 1200,
    checkpointEvery: 400,
    heldOut: 64,
  },
  backbones: { landmarks: { width: 16 }, resnet18: { width: 24 } },
  refine: {
    // As wide as the stills are cropped.
    boxScale: 1.2,
    anchor: "labelled",
    steps: 400,
    batch: 8,
    labelledBatch: 16,
    learningRate: 3e-4,
    flowCropSize: 192,
    blend: 0.5,
    checkpointEvery: 200,
  },
  labels: { cue: [] },
  flow: { cue: [FLOW], cueOption: GUARDED },
  texture: { cue: [TEXTURE] },
  both: { cue: [FLOW, TEXTURE], cueOption: GUARDED },
  paper: {
    preset: "paper",
    cue: ["flow=0.01"],
    steps: 400,
    // 640 px for crops of 224, brought to crops of 64.
    flowCropSize: 184,
    blend: 1,
    checkpointEvery: 200,
  },
  default: SELF,
  ingredients: {
    "without self-training": { cue: [FLOW], teacherDecay: 1 },
    "without flow": { cue: ["self=3"], cueOption: [] },
    "flow at weight 1": { cue: ["flow=1", "self=3"] },
    "flow at weight 20": { cue: ["flow=20", "self=3"] },
    "divided by motion, weight 0.3": { cue: ["flow=0.3", "self=3"], cueOption: GMOF },
    "no forward-backward check": { cueOption: [...GUARDED, "flow.consistency=false"] },
    "squared penalty": { cueOption: [PLAIN, "flow.robust=none"] },
    "charbonnier penalty": { cueOption: [PLAIN, "flow.robust=charbonnier"] },
    "boundary erosion 3 px": { cueOption: [...GUARDED, "flow.erode=3"] },
    "source detached": { cueOption: [...GUARDED, "flow.detach=source"] },
    "sampling detached": { cueOption: [...GUARDED, "flow.detach=sampling"] },
    "neighbours up to 3": { neighbours: 3 },
    "sequences of 6": { sequence: 6, batch: 10 },
    "refined weights alone": { blend: 1 },
    "acceleration prior": { cue: [FLOW, "self=3", "acceleration"], sequence: 6, batch: 10 },
  },
};
