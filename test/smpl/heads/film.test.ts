/** @file Temporal context: the layer by hand, what it leaves alone, gradients, files. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { backbones } from "../../../smpl/backbones.ts";
import { filmShapes, modulated, pastBodies } from "../../../smpl/heads/film.ts";
import { heads } from "../../../smpl/heads.ts";
import { createRegressor, loadRegressor, type Regressor, saveRegressor, withContext } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { disposeGradients, valueAndGradients } from "../../../src/nn/gradients.ts";
import { initialValues } from "../../../src/nn/init.ts";
import { parametersFromHost } from "../../../src/nn/parameters.ts";
import { createRandom } from "../../../src/random.ts";
import { temporaryFolder } from "../../support/files.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

const SPEC = { backbone: "resnet18", width: 4, hidden: 16, cropSize: 32 } as const;
const noise = (seed: string, count: number) => {
  const random = createRandom(1, seed);
  return Float32Array.from({ length: count }, () => random.normal());
};
const images = (count: number) => tf.tensor4d(noise("images", count * 32 * 32 * 3), [count, 32, 32, 3]) as Tensor4D;
/** The sum of the camera that one image gets with given past bodies. */
function constantPast({ spec, parameters }: Regressor, image: Tensor4D, past: Tensor3D): tf.Scalar {
  const normalised = tf.div(tf.sub(image, tf.tensor1d([...spec.mean])), tf.tensor1d([...spec.std])) as Tensor4D;
  const features = modulated(
    parameters,
    backbones[spec.backbone].features(parameters, spec, normalised, "frozen"),
    past,
  );
  return tf.sum<tf.Scalar>(heads[spec.head].estimate(parameters, spec, features).camera);
}
/** A regressor whose context has weights that matter. */
function guided(context = 2): Regressor {
  const regressor = withContext(createRegressor(SPEC, 5), context, 3);
  for (const [key, variable] of regressor.parameters)
    if (key.startsWith("film.")) variable.assign(tf.mul(tf.tensor(noise(key, variable.size), variable.shape), 0.05));
  return regressor;
}

describe("modulated", () => {
  it("is (1 + gamma) x + beta of the published layers, worked out in loops", () => {
    const [context, features] = [2, 3];
    const host = initialValues(filmShapes(context, features), 4);
    for (const [key, { data }] of host) (data as Float32Array).set(noise(key, data.length).map((x) => 0.1 * x));
    const parameters = parametersFromHost(host);
    const get = (key: string) => host.get(`film.${key}`)!.data as Float32Array;
    const leaky = (x: number) => (x < 0 ? 0.2 * x : x);
    const past = noise("past", 2 * context * 85);
    const x = noise("x", 2 * 4 * features);
    const expected: number[] = [];
    for (let b = 0; b < 2; b++) {
      // PyTorch's Conv1d(context -> 16, 1) over 85 places, flattened channel by channel.
      const mixed = Array.from({ length: 16 * 85 }, (_, i) => {
        const [channel, place] = [Math.floor(i / 85), i % 85];
        let sum = get("mix.bias")[channel]!;
        for (let t = 0; t < context; t++)
          sum += get("mix.weight")[channel * context + t]! * past[(b * context + t) * 85 + place]!;
        return leaky(sum);
      });
      const inner = Array.from({ length: 128 }, (_, o) =>
        leaky(
          mixed.reduce((sum, m, i) => sum + m * get("squeeze.weight")[o * mixed.length + i]!, get("squeeze.bias")[o]!),
        ),
      );
      const read = (key: string, f: number) => inner.reduce((sum, m, i) => sum + m * get(key)[f * 128 + i]!, 0);
      for (let n = 0; n < 4; n++)
        for (let f = 0; f < features; f++)
          expected.push((1 + read("gamma.weight", f)) * x[(b * 4 + n) * features + f]! + read("beta.weight", f));
    }
    const found = modulated(parameters, tf.tensor3d(x, [2, 4, features]), tf.tensor3d(past, [2, context, 85]));
    expectClose(found, expected, 1e-4, 1e-4);
  });

  it("takes past bodies as axis-angle pose, betas and camera, nearest first", () => {
    const angles = noise("angles", 3 * 24 * 3).map((x) => 0.4 * x);
    const body = {
      rotations: tf.tensor4d(Float32Array.from(axisAngleToMatrixHost(angles)), [3, 24, 3, 3]) as Tensor,
      betas: tf.tensor2d(noise("betas", 30), [3, 10]),
      camera: tf.tensor2d(noise("camera", 9), [3, 3]),
    };
    const past = pastBodies(body, [[1, 0], [2, 1]]); // biome-ignore format: two frames
    expect(past.shape).toEqual([2, 2, 85]);
    const row = (i: number) => [
      ...angles.slice(72 * i, 72 * (i + 1)),
      ...body.betas.dataSync().slice(10 * i, 10 * (i + 1)),
      ...body.camera.dataSync().slice(3 * i, 3 * (i + 1)),
    ];
    expectClose(past, [1, 0, 2, 1].flatMap(row), 1e-5);
  });
});

describe("a regressor with context", () => {
  it("predicts frames without a past as it does without context, and the others otherwise", () => {
    const regressor = guided();
    const four = images(4);
    const past = [[], [], [1, 0], [2, 1]];
    const alone = regressor.predict(four);
    const found = regressor.predict(four, { past });
    const rows = (x: Tensor, from: number, count: number) =>
      tf.slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]).dataSync();
    for (const key of ["rotations", "betas", "camera"] as const) {
      expectClose(rows(found[key], 0, 2), rows(alone[key], 0, 2), 1e-6);
      const [changed, before] = [rows(found[key], 2, 2), rows(alone[key], 2, 2)];
      expect(Math.max(...changed.map((x, i) => Math.abs(x - before[i]!)))).toBeGreaterThan(1e-4);
    }
    // The past is what the frames before are by themselves, so the order of the batch does not matter.
    const turned = regressor.predict(tf.reverse(four, 0), { past: [[1, 2], [2, 3], [], []] }); // biome-ignore format: four
    expectClose(turned.betas, Array.from(tf.reverse(found.betas, 0).dataSync()), 1e-5);
    regressor.dispose();
  });

  it("begins as next to nothing, and nothing flows back into the past", () => {
    const plain = createRegressor(SPEC, 5);
    const four = images(4);
    const before = plain.predict(four).camera.dataSync();
    const regressor = withContext(plain, 2, 3);
    const past = [[], [], [1, 0], [2, 1]];
    const after = regressor.predict(four, { past }).camera.dataSync();
    expect(Math.max(...after.map((x, i) => Math.abs(x - before[i]!)))).toBeLessThan(0.01);
    regressor.dispose();

    const own = guided();
    // Of the last frame alone: its own features and the film, but not the frames it looks back at.
    const last = () => tf.sum<tf.Scalar>(tf.slice(own.predict(four, { past: [[], [], [], [1, 0]] }).camera, [3, 0])); // biome-ignore format: one line
    const { value, gradients } = valueAndGradients(last, own.parameters);
    for (const key of ["film.mix.weight", "film.squeeze.bias", "film.gamma.weight", "film.beta.weight", "conv1.weight"])
      expect(tf.max(tf.abs(gradients.get(key)!)).dataSync()[0], key).toBeGreaterThan(0);
    value.dispose();
    disposeGradients(gradients);
    // Only frame 3 is predicted here, its past being constants: the backbone's gradient from frames 0 and 1 would be missing.
    const bodies = pastBodies(own.predict(four), [[1, 0]]);
    const fourth = tf.slice(four, [3, 0, 0, 0], [1, 32, 32, 3]);
    const rest = valueAndGradients(() => constantPast(own, fourth, bodies), own.parameters);
    const again = valueAndGradients(last, own.parameters);
    expectClose(again.value, rest.value.dataSync(), 1e-5);
    const [x, y] = [again, rest].map((of) => Array.from(of.gradients.get("conv1.weight")!.dataSync())) as [
      number[],
      number[],
    ];
    const largest = Math.max(...y.map(Math.abs));
    expect(Math.max(...x.map((g, i) => Math.abs(g - y[i]!))) / largest).toBeLessThan(1e-3);
    for (const of of [again, rest]) disposeGradients(of.gradients);
    own.dispose();
  });

  it("is saved and read with its context; refuses pasts of another length and other heads", async () => {
    const folder = temporaryFolder();
    const regressor = guided(3);
    for (const name of ["a.safetensors", "a.pth"]) {
      await saveRegressor(join(folder, name), regressor);
      const read = await loadRegressor(join(folder, name));
      expect(read.spec).toEqual(regressor.spec);
      expect(read.spec.context).toBe(3);
      expectClose(read.parameters.get("film.mix.weight")!, regressor.parameters.get("film.mix.weight")!.dataSync(), 0);
      read.dispose();
    }
    expect(() => regressor.predict(images(2), { past: [[], [0]] })).toThrow("[2] lists of 0 or 3");
    expect(() => regressor.predict(images(2), { past: [[1, 1, 1]] })).toThrow("[2] lists of 0 or 3");
    const fewer = withContext(regressor, 1, 0);
    expect(fewer.parameters.get("film.mix.weight")!.shape).toEqual([1, 16]);
    fewer.dispose();
    expect(() => createRegressor({ ...SPEC, head: "decoder", context: 2 }, 1)).toThrow(
      "context is for the iterative head",
    );
  });
});

it("has no weights without context", () => {
  expect(filmShapes(0, 512).size).toBe(0);
  const plain = createRegressor(SPEC, 5);
  expect([...plain.parameters.keys()].some((key) => key.startsWith("film."))).toBe(false);
  const past = tf.zeros([1, 2, 85]) as Tensor3D;
  expect(() => modulated(plain.parameters, tf.zeros([1, 1, 32]), past)).toThrow('"film.mix.weight"');
  plain.dispose();
});
