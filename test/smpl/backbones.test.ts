/** @file Every backbone and head in the registries: shapes, places, gradients; HRNet-W32 against reference numbers. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Backbone } from "../../smpl/backbone.ts";
import { type BackboneName, backbones } from "../../smpl/backbones.ts";
import { type HeadName, heads } from "../../smpl/heads.ts";
import { createRegressor, DEFAULT_SPEC, type RegressorSpec } from "../../smpl/regressor.ts";
import { completeSpec, recogniseSpec, regressorShapes } from "../../smpl/regressor-spec.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { readNpz } from "../../src/io/npz.ts";
import { valueAndGradients } from "../../src/nn/gradients.ts";
import { parametersFromHost } from "../../src/nn/parameters.ts";
import { formulaTensors, uniform } from "../support/formula.ts";
import { shared } from "../support/shared.ts";

let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});

const SIZES: Readonly<Record<BackboneName, Partial<RegressorSpec>>> = {
  resnet18: { width: 4 },
  resnet50: { width: 2 },
  hrnet: { width: 2 },
  vit: { width: 12, vit: { depth: 2, heads: 3 } },
  landmarks: { width: 3 },
};
const light = (backbone: BackboneName, head: HeadName = "iterative"): Partial<RegressorSpec> => ({
  backbone,
  head,
  cropSize: 64,
  hidden: 12,
  decoder: { depth: 2, heads: 2, headWidth: 5, inner: 9 },
  ...SIZES[backbone],
});
const crops = (count: number, size = 64) =>
  tf.tensor4d(Float32Array.from(uniform("crops", [count, size, size, 3], 0, 1)), [count, size, size, 3]);

describe.each(Object.entries<Backbone>(backbones))("backbone %s", (name, backbone) => {
  test("gives the features and places it says, and depends on the pixels", () => {
    const spec = completeSpec(light(name as BackboneName));
    const regressor = createRegressor(spec, 3);
    const before = tf.memory().numTensors;
    const features = backbone.features(regressor.parameters, spec, crops(2), "frozen");
    expect([features.shape[0], features.shape[2]]).toEqual([2, backbone.featureCount(spec)]);
    expect(tf.memory().numTensors).toBe(before + 2);
    const [first, second] = tf.unstack(features);
    expect(tf.max(tf.abs(tf.sub(first!, second!))).dataSync()[0]).toBeGreaterThan(1e-4);
    regressor.dispose();
  });

  test("is recognised by its shapes, with its sizes, and refuses what does not fit", () => {
    const spec = completeSpec(light(name as BackboneName));
    const found = recogniseSpec(regressorShapes(spec));
    expect(found).toMatchObject({ backbone: name, head: "iterative", hidden: 12, width: spec.width });
    const published = completeSpec({ backbone: name as BackboneName });
    expect(completeSpec(recogniseSpec(regressorShapes(published)))).toEqual(published);
    if (backbone.problem) expect(() => completeSpec({ backbone: name as BackboneName, cropSize: 72 })).toThrow(OptionError); // biome-ignore format: one line
  });

  test.each(Object.keys(heads))(
    "with head %s: gradients reach every weight, slope along them is their norm",
    (head) => {
      const regressor = createRegressor(light(name as BackboneName, head as HeadName), 2);
      // Untrained, frozen norms let the sums of residual units grow beyond what float32 differences can follow.
      if (name === "hrnet")
        for (const [key, value] of regressor.parameters) {
          if (/fuse_layers.*weight$|\.bn2\.weight$/.test(key)) value.assign(tf.mul(value, 0.3));
        }
      const images = crops(2);
      const mix = tf.tensor(Float32Array.from(uniform("mix", [2, 24, 3, 3])), [2, 24, 3, 3]);
      const loss = () => {
        const { rotations, betas, camera } = regressor.predict(images);
        return tf.add(tf.sum(tf.mul(rotations, mix)), tf.add(tf.sum(betas), tf.sum(tf.square(camera)))) as tf.Scalar;
      };
      const { gradients } = valueAndGradients(loss, regressor.parameters);
      const expected = [...regressor.parameters].filter(([, variable]) => variable.trainable).map(([key]) => key);
      expect([...gradients.keys()]).toEqual(expected);
      const own = expected.filter((key) => /weight|embed/.test(key));
      for (const key of [
        own[0]!,
        own[Math.floor(own.length / 3)]!,
        own[Math.floor((2 * own.length) / 3)]!,
        own.at(-1)!,
      ]) {
        const variable = regressor.parameters.get(key)!;
        const gradient = gradients.get(key)!;
        const norm = tf.norm(gradient).dataSync()[0]!;
        // One token attends to itself alone, whatever its query and key.
        if (norm < 1e-6) continue;
        const original = tf.clone(variable);
        const scale = tf.norm(original).dataSync()[0]!;
        const at = (t: number) => {
          variable.assign(tf.add(original, tf.mul(gradient, t / norm)));
          return loss().dataSync()[0]!;
        };
        // Small against the kinks of relu, large against float32's rounding of the loss.
        const h = Math.min(2e-3 / norm, 1e-2 * scale);
        expect(Math.abs((at(h) - at(-h)) / (2 * h * norm) - 1), key).toBeLessThan(0.05);
        variable.assign(original);
      }
      regressor.dispose();
    },
  );
});

describe.runIf(shared("golden/regressor/hrnet_w32_expected.npz"))("golden: HRNet-W32, formula weights", () => {
  const stages: { keys: Record<string, number[]>; gain_if_key_contains: Record<string, number> } = JSON.parse(
    readFileSync(shared("golden/regressor/hrnet_w32_stages.json") ?? "/dev/null", "utf8") || "{}",
  );

  test("shapes are timm's", () => {
    const shapes = backbones.hrnet.shapes(completeSpec({ backbone: "hrnet" }));
    const expected = Object.entries(stages.keys).filter(([key]) => !key.endsWith("num_batches_tracked"));
    expect(new Map([...shapes].sort())).toEqual(new Map(expected.sort()));
  });

  test("the pooled feature, to a hundred-thousandth of its largest value", async () => {
    if (!native) return console.log("skipped: too slow on the portable engine");
    const golden = await readNpz(shared("golden/regressor/hrnet_w32_expected.npz")!);
    const tensors = formulaTensors(stages.keys, stages.gain_if_key_contains);
    for (const [key] of tensors) if (key.endsWith("num_batches_tracked")) tensors.delete(key);
    const parameters = parametersFromHost(tensors);
    const input = (await readNpz(shared("golden/regressor/inputs.npz")!)).get("images")!;
    const images = tf.div(tf.tensor(toFloat32(input as never), [2, 224, 224, 3]), 255) as Tensor4D;
    const normalised = tf.div(tf.sub(images, [...DEFAULT_SPEC.mean]), [...DEFAULT_SPEC.std]) as Tensor4D;
    const spec = completeSpec({ backbone: "hrnet" });
    const feature = tf.mean(backbones.hrnet.features(parameters, spec, normalised, "frozen"), 1).dataSync();
    const expected = golden.get("feature")!.data as Float64Array;
    const size = Math.max(...expected);
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(feature[i]! - value)), 0);
    expect(worst / size).toBeLessThan(1e-5);
  });
});
