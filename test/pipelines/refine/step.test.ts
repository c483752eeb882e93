import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cue, numbersOnly } from "../../../pipelines/cues/cue.ts";
import { createCue } from "../../../pipelines/cues.ts";
import type { PairBatch } from "../../../pipelines/refine/sampler.ts";
import { type RefineModels, stepGradients } from "../../../pipelines/refine/step.ts";
import { loadBody } from "../../../smpl/load-body.ts";
import { createRegressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, tf } from "../../../src/engine/tf.ts";
import { disposeGradients } from "../../../src/nn/gradients.ts";
import { createRandom } from "../../../src/random.ts";

const CROP = 32;
const FLOW = 64;
let models: RefineModels;

beforeAll(async () => {
  await startEngine();
  const spec = { backbone: "resnet18", width: 4, hidden: 16, cropSize: CROP } as const;
  models = {
    regressor: createRegressor(spec, 5),
    teacher: createRegressor(spec, 5),
    body: await loadBody("default"),
    cues: ["flow", "teacher"].map((name) => ({ cue: createCue(name), weight: 1 })),
  };
});
afterAll(() => {
  models.regressor.dispose();
  models.teacher?.dispose();
  models.body.dispose();
});

/** Two pairs of noise, and flow of one map pixel to the right. */
function batch(): PairBatch {
  const random = createRandom(3, "batch");
  const still = () => Float32Array.from({ length: 2 * FLOW * FLOW * 2 }, (_, i) => (i % 2 === 0 ? 1 : 0));
  return {
    names: [
      { video: "a.mp4", track: "1", frames: [4, 5] },
      { video: "b.mp4", track: "2", frames: [8, 9] },
    ],
    cropSize: CROP,
    flowSize: FLOW,
    picture: Float32Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? -0.5 : CROP - 0.5)),
    crops: Uint8Array.from({ length: 4 * CROP * CROP * 3 }, () => random.integer(256)),
    forward: still(),
    backward: still().map((x) => -x),
  };
}

test("the loss is the weighted sum, the teacher's part is zero at the start, and nothing leaks", () => {
  const weighted = { ...models, cues: models.cues.map(({ cue }, i) => ({ cue, weight: i === 0 ? 0.25 : 3 })) };
  const before = tf.memory().numTensors;
  const { loss, cues, gradients, gradientNorm } = stepGradients(weighted, batch());
  expect(cues["flow"]!.value).toBeGreaterThan(0);
  expect(cues["teacher"]!.value).toBe(0);
  expect(loss).toBeCloseTo(0.25 * cues["flow"]!.value, 6);
  expect(gradientNorm).toBeGreaterThan(0);
  expect(gradients.has("conv1.weight")).toBe(true);
  expect([...gradients.keys()].some((key) => key.includes("running"))).toBe(false);
  disposeGradients(gradients);
  expect(tf.memory().numTensors).toBe(before);
});

/** A cue whose value is 1 and whose gradient is `slope(pair)` for each pair. */
function plantedCue(value: number, slope: (video: string) => number): Cue {
  return {
    name: "planted",
    needs: [],
    loss({ predicted, pairs }) {
      const slopes = pairs.map(({ video }) => [slope(video), slope(video), slope(video)]);
      const plant = tf.customGrad((_x: Tensor | tf.GradSaveFunc) => ({
        value: tf.scalar(value),
        gradFunc: () => tf.tensor2d(slopes),
      }));
      return { value: plant(predicted.first.camera) as tf.Scalar, report: numbersOnly({}) };
    },
  };
}

test("a gradient that is not finite names the cue and the pair; a loss that is not finite names the cue", () => {
  const before = tf.memory().numTensors;
  const planted = (cue: Cue) => ({ ...models, cues: [...models.cues, { cue, weight: 1 }] });
  const broken = planted(plantedCue(1, (video) => (video === "b.mp4" ? Number.NaN : 1)));
  expect(() => stepGradients(broken, batch())).toThrow(
    "cue planted: the gradient is not finite in b.mp4 track 2 frames 8-9; the step was not taken",
  );
  expect(tf.memory().numTensors).toBe(before);
  const infinite = planted(plantedCue(Number.POSITIVE_INFINITY, () => 1));
  expect(() => stepGradients(infinite, batch())).toThrow(
    /cue planted: the loss is Infinity in a.mp4 .* or 1 other pair/,
  );
  const flow = batch();
  flow.backward.fill(Number.NaN, flow.backward.length / 2);
  expect(() => stepGradients(models, flow)).toThrow(/cue flow: .*not finite.* b.mp4 track 2 frames 8-9/);
});
