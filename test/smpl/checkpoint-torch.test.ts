/** @file Checkpoints that Python makes and reads: the same numbers there and here, there and back. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backbones } from "../../smpl/backbones.ts";
import { loadRegressor, type Regressor, saveRegressor } from "../../smpl/regressor.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor2D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { floatTensor } from "../../src/io/host-tensor.ts";
import { formatNpy } from "../../src/io/npy.ts";
import { readNpz } from "../../src/io/npz.ts";
import { createAdam } from "../../src/nn/adam.ts";
import { valueAndGradients } from "../../src/nn/gradients.ts";
import { uniform } from "../support/formula.ts";
import { runTorchPython, torchPython } from "../support/torch-python.ts";

const folder = mkdtempSync(join(tmpdir(), "checkpoints-"));
const at = (name: string) => join(folder, name);
let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Normalised images for Python [B,3,S,S], and the same as the crops [B,S,S,3] that give them. */
function images(
  name: string,
  regressor: Pick<Regressor["spec"], "mean" | "std">,
  count: number,
  side: number,
): Tensor4D {
  const crops = tf.tensor4d(Float32Array.from(uniform(name, [count, side, side, 3], 0, 1)), [count, side, side, 3]);
  const normalised = tf.transpose(tf.div(tf.sub(crops, [...regressor.mean]), [...regressor.std]), [0, 3, 1, 2]);
  writeFileSync(at(name), formatNpy(floatTensor(Float32Array.from(normalised.dataSync()), [count, 3, side, side])));
  return crops;
}

async function python(script: string, ...args: string[]): Promise<(name: string) => Float32Array> {
  await runTorchPython([fileURLToPath(new URL(`../support/${script}`, import.meta.url)), ...args]);
  const answers = await readNpz(args.at(-1)!);
  return (name) => answers.get(name)!.data as Float32Array;
}

const STATS = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, relative: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs(actual[i]! - value)), 0);
  expect(worst / size).toBeLessThan(relative);
}

test("torchvision's ResNet-50 in SPIN's layout: equal features; refined here, Python loads it strictly and agrees", async () => {
  if (!torchPython()) return;
  if (!native) return console.log("skipped: too slow on the portable engine");
  const crops = images("crops.npy", STATS, 2, 224);
  const there = await python("spin-reference.py", "save", at("spin.pt"), at("crops.npy"), at("before.npz"));
  await expect(loadRegressor(at("spin.pt"))).rejects.toThrow(/pass camera "perspective-5000" for SPIN/);
  const regressor = await loadRegressor(at("spin.pt"), { camera: "perspective-5000" });
  expect(regressor.spec).toMatchObject({ backbone: "resnet50", origin: "spin", rotation6d: "columns-interleaved" });

  const features = () => {
    const normalised = tf.div(tf.sub(crops, [...STATS.mean]), [...STATS.std]) as Tensor4D;
    const map = backbones.resnet50.features(regressor.parameters, regressor.spec, normalised, "frozen");
    return tf.mean(map, 1) as Tensor2D;
  };
  expectNear(features().dataSync(), there("feature"), 1e-4);
  const body = regressor.predict(crops);
  expectNear(body.betas.dataSync(), there("betas"), 1e-4);
  expectNear(body.camera.dataSync(), there("camera"), 1e-4);

  const adam = createAdam({ learningRate: 1e-4 });
  for (let step = 0; step < 2; step++) {
    const loss = () => tf.mean(tf.square(regressor.predict(crops).betas)) as tf.Scalar;
    adam.step(regressor.parameters, valueAndGradients(loss, regressor.parameters).gradients);
  }
  await saveRegressor(at("refined.pth"), regressor, { steps: "2" });
  const back = await python("spin-reference.py", "load", at("refined.pth"), at("crops.npy"), at("after.npz"));
  expectNear(features().dataSync(), back("feature"), 1e-4);
  expectNear(regressor.predict(crops).betas.dataSync(), back("betas"), 1e-4);
  const moved = back("betas").reduce((most, value, i) => Math.max(most, Math.abs(value - there("betas")[i]!)), 0);
  expect(moved).toBeGreaterThan(1e-3);

  const again = await loadRegressor(at("refined.pth"));
  expect(again.spec).toEqual(regressor.spec);
  expectNear(again.predict(crops).betas.dataSync(), back("betas"), 1e-4);
});

test("a vision transformer with a decoder in HMR2.0's layout answers as PyTorch does", async () => {
  if (!torchPython()) return;
  const crops = images("small.npy", STATS, 3, 64);
  const there = await python("hmr2-reference.py", at("hmr2.ckpt"), at("small.npy"), at("hmr2.npz"));
  const sizes = { vit: { depth: 2, heads: 3 }, decoder: { depth: 2, heads: 2, headWidth: 7, inner: 13 } };
  const regressor = await loadRegressor(at("hmr2.ckpt"), sizes);
  expect(regressor.spec).toMatchObject({
    ...{ backbone: "vit", head: "decoder", width: 24, cropSize: 64, hidden: 20, iterations: 1 },
    ...{ camera: "perspective-5000", rotation6d: "columns-stacked", origin: "hmr2" },
  });
  const body = regressor.predict(crops);
  expectNear(body.rotations.dataSync(), there("rotations"), 2e-5);
  expectNear(body.betas.dataSync(), there("betas"), 1e-5);
  expectNear(body.camera.dataSync(), there("camera"), 1e-5);
});
