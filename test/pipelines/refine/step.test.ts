import { afterAll, beforeAll, expect, test } from "vitest";
import { cropBatch, predictFrames } from "../../../pipelines/bodies/predict.ts";
import { type Cue, numbersOnly } from "../../../pipelines/cues/cue.ts";
import { createCue } from "../../../pipelines/cues.ts";
import type { PairBatch } from "../../../pipelines/refine/sampler.ts";
import { type RefineModels, type StepBatch, type StepOutcome, stepGradients } from "../../../pipelines/refine/step.ts";
import type { HostParameters } from "../../../pipelines/refine/teacher-cache.ts";
import { createPointSampler } from "../../../smpl/body-points.ts";
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
    pairs: [
      [0, 2],
      [1, 3],
    ],
    triples: [],
    frames: [
      { video: "a.mp4", track: "1", frame: 4 },
      { video: "b.mp4", track: "2", frame: 8 },
      { video: "a.mp4", track: "1", frame: 5 },
      { video: "b.mp4", track: "2", frame: 9 },
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

test("a frame that two pairs share is predicted once, with the same loss and gradient as predicted twice", () => {
  const { pairs: _pairs, frames: _frames, ...rest } = batch();
  const length = CROP * CROP * 3;
  const [a, b, c] = [0, 1, 2].map((i) => rest.crops.slice(i * length, (i + 1) * length)) as [
    Uint8Array,
    ...Uint8Array[],
  ];
  const name = (frame: number) => ({ video: "a.mp4", track: "1", frame });
  const joined = (...crops: (Uint8Array | undefined)[]) => Uint8Array.from(crops.flatMap((crop) => [...crop!]));
  const once: StepBatch = {
    ...rest,
    crops: joined(a, b, c),
    picture: rest.picture.slice(0, 12),
    frames: [4, 5, 6].map(name),
    pairs: [[0, 1], [1, 2]], // biome-ignore format: pairs
  };
  const twice: StepBatch = {
    ...rest,
    crops: joined(a, b, b, c),
    frames: [4, 5, 5, 6].map(name),
    pairs: [[0, 2], [1, 3]], // biome-ignore format: pairs
  };
  const cued = { ...models, cues: ["flow", "texture", "teacher"].map((of) => ({ cue: createCue(of), weight: 1 })) };
  const [one, two] = [once, twice].map((of) => stepGradients(cued, of)) as [StepOutcome, StepOutcome];
  expect(one.loss).toBeCloseTo(two.loss, 5);
  expect(Object.keys(one.cues)).toEqual(["flow", "texture", "teacher"]);
  for (const cue of ["flow", "texture"]) expect(one.cues[cue]!.value).toBeCloseTo(two.cues[cue]!.value, 5);
  for (const [key, gradient] of one.gradients) {
    const [x, y] = [gradient, two.gradients.get(key)!].map((of) => Array.from(of.dataSync())) as [number[], number[]];
    const largest = y.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);
    expect(Math.max(...x.map((v, k) => Math.abs(v - y[k]!))) / largest, key).toBeLessThan(1e-3);
  }
  for (const { gradients } of [one, two]) disposeGradients(gradients);
});

test("what the teacher says may come with the batch, and keypoints are compared with the body's points", () => {
  const before = tf.memory().numTensors;
  const plain = stepGradients(models, batch());
  let rows: HostParameters | undefined;
  tf.tidy(() => {
    const { crops, cropSize } = batch();
    const frames = predictFrames(models.teacher!, models.body, cropBatch(crops, cropSize));
    const host = (x: Tensor) => Float32Array.from(x.dataSync());
    const { rotations, betas, camera, joints } = frames;
    rows = { rotations: host(rotations), betas: host(betas), camera: host(camera), joints: host(joints) };
  });
  const moved = { ...rows!, betas: rows!.betas.map((x) => x + 0.1) };
  const taught = stepGradients(models, { ...batch(), taught: moved });
  expect(taught.cues["teacher"]!.numbers).toMatchObject({ shape: expect.closeTo(0.01, 5), pose: expect.closeTo(0, 6) });
  expect(taught.cues["flow"]!.value).toBe(plain.cues["flow"]!.value);

  const points = createPointSampler(models.body.host, "test", [0, 15]);
  const keypoints = Float32Array.from({ length: 4 * 2 * 3 }, (_, i) => (i % 3 === 2 ? 1 : 10));
  const cued = { ...models, points, cues: [{ cue: createCue("keypoints"), weight: 1 }] };
  const { cues, gradients } = stepGradients(cued, { ...batch(), keypoints });
  expect(cues["keypoints"]!.numbers["keypoints"]).toBe(8);
  expect(cues["keypoints"]!.value).toBeGreaterThan(0);
  points.dispose();
  for (const outcome of [plain, taught, { gradients }]) disposeGradients(outcome.gradients);
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
