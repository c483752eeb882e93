import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { backbones } from "../../smpl/backbones.ts";
import { iterate } from "../../smpl/heads/iterative.ts";
import { createRegressor, loadRegressor, regressorWith, saveRegressor } from "../../smpl/regressor.ts";
import { completeSpec, DEFAULT_SPEC, type RegressorSpec, regressorShapes } from "../../smpl/regressor-spec.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { FormatError, OptionError, ShapeError } from "../../src/errors.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { readNpz } from "../../src/io/npz.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { valueAndGradients } from "../../src/nn/gradients.ts";
import { parametersFromHost, parametersToHost } from "../../src/nn/parameters.ts";
import { formulaTensors, uniform } from "../support/formula.ts";
import { shared } from "../support/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-"));
afterAll(() => rmSync(folder, { recursive: true }));
let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});

const light: Partial<RegressorSpec> = { backbone: "resnet18", width: 4, hidden: 16, cropSize: 64 };
const crops = (count: number, size = 64) =>
  tf.tensor4d(Float32Array.from(uniform("crops", [count, size, size, 3], 0, 1)), [count, size, size, 3]);
const largest = (tensor: Tensor, expected: ArrayLike<number>) => {
  const data = tensor.dataSync();
  expect(data.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < data.length; i++) most = Math.max(most, Math.abs(data[i]! - expected[i]!));
  return most;
};

describe.runIf(shared("golden/regressor/spin_resnet50_expected.npz"))("golden: SPIN's network, formula weights", () => {
  const stages: { keys: Record<string, number[]>; gain_if_key_contains: Record<string, number> } = JSON.parse(
    readFileSync(shared("golden/regressor/spin_resnet50_stages.json") ?? "/dev/null", "utf8") || "{}",
  );

  test("shapes are SPIN's", () => {
    const shapes = regressorShapes(DEFAULT_SPEC);
    const expected = Object.entries(stages.keys).filter(([key]) => !key.endsWith("num_batches_tracked"));
    expect(new Map(expected.sort())).toEqual(new Map([...shapes].sort()));
  });

  test("feature, every iteration, rotations", async () => {
    if (!native) return console.log("skipped: too slow on the portable engine");
    const golden = await readNpz(shared("golden/regressor/spin_resnet50_expected.npz")!);
    const expected = (name: string) => golden.get(name)!.data as Float64Array;
    const tensors = formulaTensors(stages.keys, stages.gain_if_key_contains);
    for (const key of ["init_pose", "init_shape", "init_cam"]) {
      const array = golden.get(key)!;
      tensors.set(key, { dtype: "float32", shape: array.shape, data: array.data as Float32Array });
    }
    for (const [key] of tensors) if (key.endsWith("num_batches_tracked")) tensors.delete(key);
    const regressor = regressorWith(DEFAULT_SPEC, parametersFromHost(tensors));
    const input = (await readNpz(shared("golden/regressor/inputs.npz")!)).get("images")!;
    const images = tf.div(tf.tensor(toFloat32(input as never), [2, 224, 224, 3]), 255) as Tensor4D;
    const normalised = tf.div(tf.sub(images, [...DEFAULT_SPEC.mean]), [...DEFAULT_SPEC.std]) as Tensor4D;
    const features = tf.mean(
      backbones.resnet50.features(regressor.parameters, DEFAULT_SPEC, normalised, "frozen"),
      1,
    ) as tf.Tensor2D;
    expect(largest(features, expected("feature"))).toBeLessThan(8e-5);
    const states = iterate(regressor.parameters, features, 3);
    expect(largest(tf.stack(states.map((s) => s.pose)), expected("pose6d_iter"))).toBeLessThan(1e-5);
    expect(largest(tf.stack(states.map((s) => s.shape)), expected("betas_iter"))).toBeLessThan(1e-5);
    expect(largest(tf.stack(states.map((s) => s.cam)), expected("cam_iter"))).toBeLessThan(1e-5);
    const body = regressor.predict(images);
    expect(largest(body.rotations, expected("rotmat"))).toBeLessThan(2e-5);
    expect(largest(body.betas, expected("betas"))).toBeLessThan(1e-5);
    expect(largest(body.camera, expected("cam"))).toBeLessThan(1e-5);
  });
});

describe("a light regressor", () => {
  test("starts near an upright body that faces the camera: root turned by pi about x", () => {
    for (const rotation6d of ["columns-interleaved", "columns-stacked"] as const) {
      const regressor = createRegressor({ ...light, rotation6d }, 1);
      const before = tf.memory().numTensors;
      const { rotations, betas, camera } = regressor.predict(crops(1));
      const r = rotations.arraySync() as number[][][][];
      const near = (m: number[][], diagonal: number[]) =>
        m.forEach((row, i) => {
          row.forEach((v, j) => {
            expect(Math.abs(v - (i === j ? diagonal[i]! : 0))).toBeLessThan(0.3);
          });
        });
      near(r[0]![0]!, [1, -1, -1]);
      near(r[0]![17]!, [1, 1, 1]);
      expect(camera.arraySync()[0]![0]).toBeGreaterThan(0.5);
      tf.dispose([rotations, betas, camera]);
      expect(tf.memory().numTensors).toBe(before + 1);
      regressor.dispose();
    }
  });

  test("a body does not depend on the others in its batch, in frozen mode; a seed names the weights and the dropout", () => {
    const [a, b] = [createRegressor(light, 7), createRegressor(light, 7)];
    const images = crops(3);
    const all = a.predict(images);
    const one = b.predict(tf.slice(images, [1, 0, 0, 0], [1, 64, 64, 3]));
    expect(largest(tf.slice(all.betas, [1, 0], [1, 10]), one.betas.dataSync())).toBeLessThan(1e-6);
    const dropped = a.predict(images, { dropout: { seed: 3 } }).betas.dataSync();
    expect(b.predict(images, { dropout: { seed: 3 } }).betas.dataSync()).toEqual(dropped);
    expect(b.predict(images, { dropout: { seed: 4 } }).betas.dataSync()).not.toEqual(dropped);
    expect(createRegressor(light, 8).predict(images).betas.dataSync()).not.toEqual(all.betas.dataSync());
  });

  test.each(["frozen", "batch"] as const)(
    "%s batch norm: gradients reach every weight, slope along them is their norm",
    (mode) => {
      const regressor = createRegressor(light, 2);
      const images = crops(4);
      const mix = tf.tensor(Float32Array.from(uniform("mix", [4, 24, 3, 3])), [4, 24, 3, 3]);
      const loss = () => {
        const { rotations, betas, camera } = regressor.predict(images, { batchNorm: mode });
        return tf.add(tf.sum(tf.mul(rotations, mix)), tf.add(tf.sum(betas), tf.sum(tf.square(camera)))) as tf.Scalar;
      };
      const { gradients } = valueAndGradients(loss, regressor.parameters);
      const expected = [...regressor.parameters].filter(([, v]) => v.trainable).map(([key]) => key);
      expect([...gradients.keys()]).toEqual(expected);
      for (const key of [
        "conv1.weight",
        "layer2.0.downsample.0.weight",
        "layer3.1.bn2.weight",
        "fc1.weight",
        "decpose.bias",
      ]) {
        const variable = regressor.parameters.get(key)!;
        const gradient = gradients.get(key)!;
        const norm = tf.norm(gradient).dataSync()[0]!;
        const original = tf.clone(variable);
        const at = (t: number) => {
          variable.assign(tf.add(original, tf.mul(gradient, t / norm)));
          return loss().dataSync()[0]!;
        };
        // Small against the kinks of relu, large against float32's rounding of the loss.
        const h = Math.min(1e-3 / norm, 2e-3);
        expect(Math.abs((at(h) - at(-h)) / (2 * h * norm) - 1)).toBeLessThan(0.05);
        variable.assign(original);
      }
    },
  );

  test("wrong sizes and specifications are refused", () => {
    expect(() => createRegressor(light, 1).predict(crops(1, 32))).toThrow(ShapeError);
    expect(() => completeSpec({ width: 0 })).toThrow(OptionError);
    expect(() => completeSpec({ backbone: "vgg" as never })).toThrow(/resnet18, resnet50/);
    expect(() => completeSpec({ colour: 1 } as never)).toThrow(/unknown property "colour"/);
  });
});

describe("files", () => {
  test("what is saved is loaded, header and all", async () => {
    const path = join(folder, "a.safetensors");
    const regressor = createRegressor({ ...light, camera: "s(X+t)", mean: [0.5, 0.4, 0.3] }, 3);
    await saveRegressor(path, regressor, { trainedOn: "nothing" });
    const again = await loadRegressor(path);
    expect(again.spec).toEqual(regressor.spec);
    expect(await parametersToHost(again.parameters)).toEqual(await parametersToHost(regressor.parameters));
    const { tensors, metadata } = await readSafetensors(path);
    expect(metadata["trainedOn"]).toBe("nothing");
    expect(tensors.get("conv1.weight")!.shape).toEqual([4, 3, 7, 7]);
    await expect(loadRegressor(path, { camera: "sX+t" })).rejects.toThrow(OptionError);
  });

  test("missing, unused and foreign tensors are named", async () => {
    const path = join(folder, "b.safetensors");
    await saveRegressor(path, createRegressor(light, 3));
    const { tensors, metadata } = await readSafetensors(path);
    tensors.set("extra.weight", tensors.get("fc2.bias")!);
    tensors.delete("fc2.bias");
    await writeSafetensors(path, tensors, metadata);
    await expect(loadRegressor(path)).rejects.toThrow(/missing: fc2.bias; unused: extra.weight/);
    await writeSafetensors(path, tensors, { ...metadata, format: "other" });
    await expect(loadRegressor(path)).rejects.toThrow(FormatError);
    await writeSafetensors(path, tensors, { ...metadata, width: "100000" });
    await expect(loadRegressor(path)).rejects.toThrow(/width must be/);
    await expect(loadRegressor(join(folder, "absent.safetensors"))).rejects.toThrow(/absent/);
  });

  test("a file without header: sizes are read off the shapes, the camera must be given", async () => {
    const path = join(folder, "c.safetensors");
    const tensors = await parametersToHost(createRegressor(light, 3).parameters);
    await writeSafetensors(path, tensors, {});
    await expect(loadRegressor(path)).rejects.toThrow(/pass camera/);
    const loaded = await loadRegressor(path, { camera: "perspective-5000" });
    expect(loaded.spec).toEqual({
      ...DEFAULT_SPEC,
      backbone: "resnet18",
      width: 4,
      hidden: 16,
      camera: "perspective-5000",
      origin: "spin",
    });
    await expect(loadRegressor(path, { camera: "sX+t", width: 64 })).rejects.toThrow(/asked for width 64/);
  });
});
