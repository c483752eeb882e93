/** @file The three estimators: losses, gradients, inference, their presets, and that training lowers what it should. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { createAdam } from "../../src/nn/adam.ts";
import { valueAndGradients } from "../../src/nn/gradients.ts";
import { countScalars, parameter, parametersToHost, trainable } from "../../src/nn/parameters.ts";
import { completeOptions } from "../../src/options.ts";
import { createRandom } from "../../src/random.ts";
import type { TemplateBatch, TemplateEstimator } from "../../templates/estimator.ts";
import { createTemplateEstimator, templateEstimatorKind, templateEstimators } from "../../templates/estimators.ts";
import { gaussianMaps } from "../../templates/gaussian-maps.ts";
import { loadTemplate, templateJoints } from "../../templates/part-template.ts";
import type { FeatureFunction } from "../../templates/perceptual.ts";
import { hideCells, REFERENCE_MASK } from "../../templates/references.ts";
import { expectClose } from "../support/matchers.ts";
import { stickFigures } from "./stick-figures.ts";

beforeAll(async () => {
  await startEngine();
});

/** Pictures are reconstructed, and compared in both ways. */
const SMALL = { size: 32, width: 4, perceptualWeight: 1, pixelWeight: 0.5 };
const SMALL_PPL = { ...SMALL, banks: 6, codes: 4, dim: 8, channels: 8, thickness: 5e-3 };
const NAMES = ["stt", "hpe", "ppl"] as const;
/** Nothing holds parts but anchors. */
const FREE = { body: "still", stiffnessWeight: 0 };
const small = (name: string) => (name === "ppl" ? SMALL_PPL : SMALL);

/** Sharp and blurred pictures: enough of a feature network for tests. */
const features: FeatureFunction = (images) => [images, tf.avgPool(images, 4, 4, "valid")];

function pairs(count: number, key: string): TemplateBatch & { readonly backgrounds: Tensor4D } {
  const random = createRandom(7, key);
  const [images, references] = [stickFigures(count, 32, random), stickFigures(count, 32, random)];
  // What two pictures have in common: the same stripes, but for where two figures meet.
  return { images, references, backgrounds: tf.minimum(images, references) as Tensor4D };
}

function train(estimator: TemplateEstimator, batch: TemplateBatch, steps: number, learningRate: number) {
  const adam = createAdam({ learningRate });
  const history: number[] = [];
  for (let i = 0; i < steps; i++)
    tf.tidy(() => {
      const { value, gradients } = valueAndGradients(() => estimator.loss(batch).total, estimator.parameters);
      adam.step(estimator.parameters, gradients);
      history.push(value.dataSync()[0]!);
    });
  adam.dispose();
  return history;
}

describe.each(NAMES)("%s", (name) => {
  it("gives every weight a finite gradient, and the loss is the weighted sum of its terms", () => {
    const estimator = createTemplateEstimator(name, "default", small(name), { features });
    const batch = pairs(3, name);
    const { gradients } = valueAndGradients(() => estimator.loss(batch).total, estimator.parameters);
    for (const [key, gradient] of gradients) expect(gradient.dataSync().every(Number.isFinite), key).toBe(true);
    expect([...gradients.keys()].sort()).toEqual([...trainable(estimator.parameters).keys()].sort());
    const terms = Object.fromEntries(Object.entries(estimator.loss(batch)).map(([k, v]) => [k, v.dataSync()[0]!]));
    const options = completeOptions(name, templateEstimatorKind(name).options, small(name)) as Record<string, number>;
    const weighted = Object.entries(terms).filter(([key]) => key !== "total");
    const sum = weighted.reduce((total, [key, value]) => total + options[`${key}Weight`]! * value, 0);
    expect(terms["total"]).toBeCloseTo(sum, 3);
    estimator.dispose();
  });

  it("learns to reconstruct, leaks nothing, and infers without moving anything", async () => {
    const estimator = createTemplateEstimator(name, "default", small(name), { features });
    const batch = pairs(6, name);
    const before = tf.memory().numTensors;
    const history = train(estimator, batch, 25, 3e-3);
    expect(tf.memory().numTensors).toBe(before);
    const mean = (from: number) => history.slice(from, from + 5).reduce((a, b) => a + b) / 5;
    expect(mean(20)).toBeLessThan(0.8 * mean(0));
    const weights = await parametersToHost(estimator.parameters);
    const { keypoints, anchors } = estimator.infer(batch.images);
    expect(keypoints.shape).toEqual([6, estimator.jointNames.length, 2]);
    expect(anchors?.shape).toEqual(name === "ppl" ? undefined : [6, 32, 2]);
    const { reconstruction, shapes } = estimator.draw(batch);
    expect(reconstruction?.shape).toEqual([6, 32, 32, 3]);
    expect(shapes.shape).toEqual([6, 32, 32, name === "ppl" ? 1 : 18]);
    const after = await parametersToHost(estimator.parameters);
    for (const [key, { data }] of weights) expect(after.get(key)!.data, key).toEqual(data);
    estimator.dispose();
  });

  it("draws no reconstruction where it learns none, and needs no features then", () => {
    const estimator = createTemplateEstimator(name, "default", { width: 4 });
    const batch = pairs(2, "plain");
    const { total, ...terms } = estimator.loss(batch);
    expect(total.dataSync()[0]).toBeGreaterThan(0);
    expect(Object.keys(terms)).not.toContain("pixel");
    expect(Object.keys(estimator.draw(batch))).toEqual(["shapes"]);
    estimator.dispose();
  });

  it("begins the same from the same seed, and otherwise from another", () => {
    const of = (seed: number) => {
      const estimator = createTemplateEstimator(name, "default", small(name), { seed });
      const { keypoints } = estimator.infer(pairs(2, "seed").images);
      estimator.dispose();
      return keypoints.dataSync();
    };
    expectClose(of(4), of(4), 0, 0);
    expect(of(5)).not.toEqual(of(4));
  });

  it("says what it lacks: features, a size that fits, a known option", () => {
    const estimator = createTemplateEstimator(name, "default", small(name));
    expect(() => estimator.loss(pairs(2, "none"))).toThrow("perceptualWeight");
    estimator.dispose();
    expect(() => createTemplateEstimator(name, "default", { size: 100 })).toThrow(OptionError);
    expect(() => createTemplateEstimator(name, "default", { sise: 64 })).toThrow("did you mean");
  });
});

describe("the part estimators", () => {
  it.each([
    ["stt", "one", "free"],
    ["hpe", "two", "free"],
    ["hpe", "two", "rigid"],
    ["hpe", "two", "constrained"],
    ["stt", "one", "rigid"],
  ] as const)("%s leaves the template in place when its numbers are 0 (%s, %s)", (name, steps, matrices) => {
    for (const options of [
      { pivot: "corner", warp: "resample", body: "still" },
      { pivot: "joint", warp: "exact", body: "still" },
    ]) {
      // biome-ignore format: short
      const estimator = createTemplateEstimator(name, "default", { ...SMALL, ...options, steps, matrices }, { features });
      for (const key of ["pose.numbers.weight", "pose.numbers.bias"]) {
        const variable = parameter(estimator.parameters, key);
        tf.tidy(() => variable.assign(tf.zerosLike(variable)));
      }
      const template = loadTemplate("standing");
      const batch = pairs(2, "zero");
      const joints = templateJoints(template, 32).flat();
      expectClose(estimator.infer(batch.images).keypoints, [...joints, ...joints], 1e-4);
      expectClose(tf.slice(estimator.draw(batch).shapes, 0, 1), gaussianMaps(template, 32).dataSync(), 1e-5);
      const { anchor, boundary } = estimator.loss(batch);
      expectClose([anchor!.dataSync()[0]!, boundary!.dataSync()[0]!], [0, 0], 1e-10);
      expectClose(estimator.prior().points, joints, 1e-5);
      estimator.dispose();
    }
  });

  it("come apart without the anchor loss", () => {
    const apart = (anchorWeight: number) => {
      const options = { ...SMALL, ...FREE, anchorWeight, boundaryWeight: anchorWeight };
      const estimator = createTemplateEstimator("stt", "default", options, { features });
      const batch = pairs(6, "apart");
      train(estimator, batch, 40, 3e-3);
      const { anchor } = estimator.loss(batch);
      estimator.dispose();
      return anchor!.dataSync()[0]!;
    };
    expect(apart(0)).toBeGreaterThan(4 * apart(0.5));
  });

  it("draw the same shapes by resampling and exactly", () => {
    const shapesOf = (warp: string) => {
      const estimator = createTemplateEstimator(
        "hpe",
        "default",
        { size: 64, width: 2, body: "still", warp },
        { features },
      );
      const random = createRandom(1, "shapes");
      const images = stickFigures(1, 64, random);
      const { shapes } = estimator.draw({ images, references: images });
      estimator.dispose();
      return tf.avgPool(shapes as Tensor4D, 4, 4, "valid");
    };
    expectClose(shapesOf("resample"), shapesOf("exact").dataSync(), 0.06);
  });

  it("have 108, 120, 56 and 62 numbers, 5 more where bodies move, and the published sizes", () => {
    const numbers = (name: string, options: Record<string, unknown>) => {
      const estimator = createTemplateEstimator(name, "default", { ...SMALL, body: "still", ...options });
      const count = parameter(estimator.parameters, "pose.numbers.bias").size;
      estimator.dispose();
      return count;
    };
    const counts = [numbers("stt", {}), numbers("hpe", {}), numbers("stt", { matrices: "rigid" }), numbers("hpe", { matrices: "constrained" }), numbers("hpe", { body: "moves" })]; // biome-ignore format: short
    expect(counts).toEqual([108, 120, 56, 62, 125]);
    const stt = createTemplateEstimator("stt", "paper");
    const shapes = new Map([...trainable(stt.parameters)].map(([key, { shape }]) => [key, shape]));
    expect(countScalars(shapes) / 1e6).toBeCloseTo(18.46, 1);
    stt.dispose();
  });
});

describe("ppl", () => {
  it("begins at the template's joints when asked to, with its skeleton linked", () => {
    const options = { ...SMALL_PPL, keypointPrior: "template", linkPrior: "template-frozen" };
    const estimator = createTemplateEstimator("ppl", "default", options, { features });
    const template = loadTemplate("standing");
    const { points, links } = estimator.prior();
    expect(estimator.jointNames).toEqual([...template.joints.map(({ name }) => name), "head"]);
    expectClose(points, [...templateJoints(template, 32).flat(), 16, 6.25], 1e-4);
    const weights = links!.arraySync();
    const of = (a: string, b: string) => weights[estimator.jointNames.indexOf(a)]![estimator.jointNames.indexOf(b)]!;
    expectClose([of("neck", "head"), of("left-elbow", "left-wrist"), of("right-hip", "pelvis")], [1, 1, 1], 1e-4);
    expect(of("left-wrist", "right-wrist")).toBeCloseTo(0.0181, 3);
    const keys = [...trainable(estimator.parameters).keys()];
    expect([keys.includes("prior.points"), keys.includes("prior.links")]).toEqual([true, false]);
    estimator.dispose();
    expect(() => createTemplateEstimator("ppl", "default", { ...options, points: 10 })).toThrow("16 points");
  });

  it("keeps apart what trains the points and what trains the memory", () => {
    // With all the weight on one side, only that side's gradients are not negligible.
    const moved = (weights: Record<string, number>) => {
      const options = {
        ...SMALL_PPL,
        linkPrior: "template",
        boundaryWeight: 0,
        stiffnessWeight: 0,
        commitmentWeight: 0,
        poseWeight: 0,
        ...weights,
      };
      const estimator = createTemplateEstimator("ppl", "default", options, { features });
      const { gradients } = valueAndGradients(() => estimator.loss(pairs(2, "apart")).total, estimator.parameters);
      const moving = [...gradients].filter(([, g]) => g.dataSync().some((x) => Math.abs(x) > 1e-12));
      estimator.dispose();
      return moving.map(([key]) => key);
    };
    const byPicture = moved({});
    expect(byPicture).toContain("prior.links");
    expect(byPicture).toContain("pose.numbers.bias");
    expect(byPicture.filter((key) => key.startsWith("memory"))).toEqual([]);
    const silent = { perceptualWeight: 0, pixelWeight: 1e-20, silhouetteWeight: 0, placeWeight: 0 };
    const byMemory = moved({ ...silent, poseWeight: 100, commitmentWeight: 1 });
    expect(byMemory).toContain("memory.encoder_start.weight");
    expect(byMemory).toContain("memory.recover_embed.bias");
    expect(byMemory.filter((key) => !key.startsWith("memory"))).toEqual([]);
  });

  it.each(["offset", "attention"] as const)(
    "iterates on pictures with hidden parts, keeping the picture as the reference (%s)",
    (head) => {
      const estimator = createTemplateEstimator("ppl", "default", { ...SMALL_PPL, head }, { features });
      const { images } = pairs(2, "hidden");
      const hidden = hideCells(images, createRandom(1, "cells"), { cells: 8, share: 0.3 });
      const before = parameter(estimator.parameters, "memory.codebook").dataSync().slice();
      const found = estimator.inferIteratively!(hidden, 3);
      expect(found.map(({ keypoints }) => keypoints.shape)).toEqual(new Array(3).fill([2, 16, 2]));
      // The first iteration is plain inference; later ones look at what was reconstructed.
      expectClose(found[0]!.keypoints, estimator.infer(hidden).keypoints.dataSync(), 1e-5);
      expect(found[1]!.keypoints.dataSync()).not.toEqual(found[0]!.keypoints.dataSync());
      expectClose(parameter(estimator.parameters, "memory.codebook"), before, 0, 0);
      estimator.dispose();
    },
  );

  it("trains with a masked copy of the picture as the reference, and with the link term", () => {
    const estimator = createTemplateEstimator("ppl", "default", { ...SMALL_PPL, linkWeight: 1 }, { features });
    const { images } = pairs(4, "masked");
    const references = hideCells(images, createRandom(2, "mask"), REFERENCE_MASK);
    const history = train(estimator, { images, references }, 15, 3e-3);
    expect(history.at(-1)!).toBeLessThan(history[0]!);
    estimator.dispose();
  });
});

it("the registry knows its entries and their training, and options that nobody knows", () => {
  expect(Object.keys(templateEstimators)).toEqual([...NAMES]);
  for (const { training, presets } of Object.values(templateEstimators)) {
    expect(Object.keys(presets).sort()).toEqual(["default", "paper"]);
    expect(training.paper.batchSize).toBeGreaterThan(training.default.batchSize);
  }
  expect(() => templateEstimatorKind("ptt")).toThrow(/unknown template estimator "ptt".*stt, hpe, ppl/);
});
