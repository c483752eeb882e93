import { describe, expect, it } from "vitest";
import {
  TRAIN_TEMPLATE_OPTIONS,
  type TrainTemplateOptions,
  templateRecipe,
} from "../../../pipelines/templates/train-options.ts";
import { templateRate } from "../../../pipelines/templates/train-steps.ts";
import { completeOptions } from "../../../src/options.ts";
import { templateEstimators } from "../../../templates/estimators.ts";

const recipe = (given: Partial<TrainTemplateOptions>) =>
  templateRecipe(completeOptions("test", TRAIN_TEMPLATE_OPTIONS, given));

describe("templateRecipe", () => {
  it.each(Object.keys(templateEstimators))("takes what is not given from the preset of %s", (system) => {
    for (const preset of ["default", "paper"] as const) {
      const { training, presets } = templateEstimators[system]!;
      const found = recipe({ system, preset });
      expect(found).toMatchObject({ batch: training[preset].batchSize, learningRate: training[preset].learningRate });
      expect(found.own).toMatchObject(presets[preset]);
      expect(found.mirrored).toBe(training[preset].mirrored);
      expect(found.jitter).toBe(preset === "paper" ? 0 : 0.15);
      expect(found.isReconstructing).toBe(preset === "paper");
    }
  });

  it("counts the published epochs in steps: mirrored copies are pictures too", () => {
    expect(recipe({ system: "hpe", preset: "paper" }).steps(100)).toBe(50 * Math.ceil(200 / 48));
    expect(recipe({ system: "stt", preset: "paper" }).steps(100)).toBe(50 * Math.ceil(100 / 48));
    expect(recipe({ system: "stt", steps: 7 }).steps(100)).toBe(7);
  });

  it("takes options of the system, and refuses others", () => {
    const own = recipe({ system: "ppl", size: 64, systemOption: ["width=5", "keypointPrior=template"] }).own;
    expect(own).toMatchObject({ size: 64, width: 5, keypointPrior: "template" });
    expect(() => recipe({ system: "stt", systemOption: ["banks=5"] })).toThrow(/--system-option: .*known: size, width/);
    expect(() => recipe({ system: "stt", systemOption: ["width=wide"] })).toThrow(/width must be an integer/);
    expect(() => recipe({ system: "stt", systemOption: ["width=4", "width=5"] })).toThrow(/given twice/);
  });
});

it("the step size stays as published, or rises and falls", () => {
  expect(templateRate({ learningRate: 2, schedule: "constant" }, 100, 99)).toBe(2);
  const falling = { learningRate: 2, schedule: "cosine" } as const;
  expect(templateRate(falling, 100, 1)).toBeCloseTo(2 / 5, 10);
  expect(templateRate(falling, 100, 5)).toBe(2);
  expect(templateRate(falling, 100, 100)).toBeCloseTo(0.02, 10);
});
