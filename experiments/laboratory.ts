/** @file What every experiment works with: options, data, recipes. */
import type { Context } from "../pipelines/run/context.ts";
import type { ExperimentOptions } from "./options.ts";
import type { Recipes, RefineRecipe, TrainRecipe } from "./recipes.ts";
import type { WorldFiles } from "./world.ts";

/** Where cells are computed. */
export interface Laboratory {
  readonly options: ExperimentOptions;
  /** Scaled as `options.scale` says. */
  readonly recipes: Recipes;
  readonly world: WorldFiles;
  readonly context: Context;
  /** Nothing is computed: what is not complete counts as what another process works on. */
  readonly onlyLook?: boolean;
}

const LEAST_STEPS = 3;

/** The recipes with the numbers of their steps, and of the pictures that training is measured on, brought to a scale. */
export function scaleRecipes(recipes: Recipes, scale: number): Recipes {
  const steps = (count: number) => Math.max(LEAST_STEPS, Math.round(scale * count));
  const train = (recipe: TrainRecipe): TrainRecipe => ({
    ...recipe,
    ...(recipe.steps === undefined ? {} : { steps: steps(recipe.steps) }),
    ...(recipe.heldOut === undefined ? {} : { heldOut: Math.max(2, Math.round(scale * recipe.heldOut)) }),
  });
  const refine = (recipe: RefineRecipe): RefineRecipe =>
    recipe.steps === undefined ? recipe : { ...recipe, steps: steps(recipe.steps) };
  const { backbones, ingredients } = recipes;
  return {
    train: train(recipes.train),
    backbones: { landmarks: train(backbones.landmarks), resnet18: train(backbones.resnet18) },
    refine: refine(recipes.refine),
    labels: refine(recipes.labels),
    flow: refine(recipes.flow),
    texture: refine(recipes.texture),
    both: refine(recipes.both),
    paper: refine(recipes.paper),
    default: refine(recipes.default),
    ingredients: Object.fromEntries(Object.entries(ingredients).map(([name, recipe]) => [name, refine(recipe)])),
  };
}
