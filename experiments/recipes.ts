/** @file How networks are trained and refined in the experiments: all constants that were chosen, on validation only. */
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
  readonly backbones: Readonly<Record<"resnet18" | "hrnet", TrainRecipe>>;
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

const FLOW = "flow=0.3";
const TEXTURE = "texture=10";

export const RECIPES: Recipes = {
  train: {
    cropSize: 96,
    width: 24,
    hidden: 512,
    steps: 8000,
    batch: 32,
    learningRate: 0.001,
    evaluateEvery: 1000,
    checkpointEvery: 500,
  },
  backbones: { resnet18: {}, hrnet: { width: 8 } },
  refine: {
    // As wide as the stills are cropped.
    boxScale: 1.2,
    anchor: "labelled",
    steps: 1500,
    batch: 8,
    labelledBatch: 16,
    checkpointEvery: 250,
  },
  labels: { cue: [] },
  flow: { cue: [FLOW] },
  texture: { cue: [TEXTURE] },
  both: { cue: [FLOW, TEXTURE] },
  paper: {
    preset: "paper",
    cue: ["flow=0.01"],
    steps: 1500,
    // 640 px for crops of 224, brought to crops of 96.
    flowCropSize: 272,
    checkpointEvery: 250,
  },
  default: { cue: [FLOW] },
  ingredients: {
    "no forward-backward check": { cueOption: ["flow.consistency=false"] },
    "squared penalty": { cueOption: ["flow.robust=none"] },
    "GMoF penalty": { cueOption: ["flow.robust=gmof"] },
    "no normalisation": { cueOption: ["flow.normalise=false"] },
    "boundary erosion 3 px": { cueOption: ["flow.erode=3"] },
    "interior weighting 8 px": { cueOption: ["flow.interior=8"] },
    "uncertainty weighting 2 px": { cueOption: ["flow.uncertainty=2"] },
    "source detached": { cueOption: ["flow.detach=source"] },
    "sampling detached": { cueOption: ["flow.detach=sampling"] },
    "neighbours up to 3": { neighbours: 3 },
    "sequences of 6": { sequence: 6, batch: 10 },
    "acceleration prior": { cue: [FLOW, "acceleration"], sequence: 6, batch: 10 },
    "teacher that follows": { anchor: "teacher", teacherDecay: 0.99 },
  },
};
