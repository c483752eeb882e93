/** @file Every experiment can be planned, and every recipe that it uses is a complete set of options. */
import { expect, test } from "vitest";
import { labelledCount } from "../../experiments/base.ts";
import { scaleRecipes } from "../../experiments/laboratory.ts";
import { completeExperimentOptions } from "../../experiments/options.ts";
import { plans } from "../../experiments/plans.ts";
import { RECIPES } from "../../experiments/recipes.ts";
import { completeRefineOptions } from "../../pipelines/refine/options.ts";
import { createContext } from "../../pipelines/run/context.ts";
import { completeTrainOptions } from "../../pipelines/train/regressor-options.ts";
import { temporaryFolder } from "../support/files.ts";

const world = {
  key: "w",
  stills: { dataset: "d.npz", images: "i", count: 4000, preset: "demo" as const },
  train: { folder: "t", videos: Array.from({ length: 160 }, (_, i) => `${i}.mp4`) },
  validation: "v",
  test: "e",
  recordings: 0,
};
const lab = {
  options: completeExperimentOptions({ seeds: "0,5" }),
  recipes: RECIPES,
  world,
  context: createContext(),
};

test.each([...plans.values()])("$name: trials for every seed, of options that can be used", async (plan) => {
  const trials = plan.trials(lab);
  const groups = new Set(trials.map(({ group }) => JSON.stringify(group)));
  expect(groups.size).toBeGreaterThan(1);
  expect(trials).toHaveLength(2 * groups.size);
  const split = ({ ablation: "validation", "own-videos": "train" } as Record<string, string>)[plan.name] ?? "test";
  expect(trials.every((trial) => trial.split === split)).toBe(true);
  // Changes are against the base of the same backbone, labels and seed.
  const bases = trials.filter(({ refinement }) => !refinement).map(({ base }) => JSON.stringify(base));
  for (const { base, refinement } of trials) {
    expect(bases).toContain(JSON.stringify(base));
    await completeTrainOptions({ ...RECIPES.train, ...RECIPES.backbones[base.backbone], backbone: base.backbone });
    if (!refinement) continue;
    const recipe = { ...RECIPES.refine, ...refinement.recipe };
    const labels = recipe.anchor === "labelled" ? { labelled: "d.npz", labelledCount: 400 } : {};
    expect(completeRefineOptions({ ...recipe, ...labels }).steps).toBeGreaterThan(0);
    expect(refinement.videos ?? 160).toBeLessThanOrEqual(160);
  }
});

test("the experiments are those of the question, and the fractions give so many people", () => {
  expect([...plans.keys()]).toEqual([
    ...["labels", "video-amount", "backbones", "no-anchor", "frame-gap", "flow-source", "presets", "own-videos"],
    ...["score", "ablation"],
  ]);
  expect([10, 20, 50, 100].map((fraction) => labelledCount({ world }, fraction))).toEqual([400, 800, 2000, 4000]);
  const labels = plans.get("labels")!.trials(lab);
  expect(labels.filter(({ base }) => base.seed === 5).map(({ group }) => group["fraction"])).toEqual([
    ...[10, 10, 10, 10, 10, 20, 20, 20, 20, 20, 50, 50, 50, 50, 50, 100, 100, 100, 100, 100],
  ]);
});

test("a scale shortens what has steps, never to nothing", () => {
  const some = scaleRecipes({ ...RECIPES, train: { steps: 8000, width: 9, heldOut: 256 }, texture: {}, paper: { steps: 2 } }, 0.01); // biome-ignore format: one line
  expect(some.train).toEqual({ steps: 80, width: 9, heldOut: 3 });
  expect(some.texture).toEqual({});
  expect(some.paper.steps).toBe(3);
  expect(scaleRecipes(RECIPES, 1)).toEqual(RECIPES);
});

test("seeds and folders are checked", () => {
  expect(completeExperimentOptions({ seeds: "3, 1" }).seeds).toEqual([3, 1]);
  for (const seeds of [" ", "1,1", "1,x", "-1", "1,,2"])
    expect(() => completeExperimentOptions({ seeds })).toThrow("--seeds");
  const folder = temporaryFolder();
  expect(completeExperimentOptions({ motions: folder }).motions).toBe(folder);
  expect(() => completeExperimentOptions({ motions: `${folder}/none` })).toThrow("--motions");
});
