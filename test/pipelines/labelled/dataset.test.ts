import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { predictLabelled } from "../../../pipelines/labelled/batch.ts";
import { openLabelledDataset } from "../../../pipelines/labelled/dataset.ts";
import { GT_24_TO_SMPL, OPENPOSE_25_TO_SMPL, toGt24, toSmplJoints } from "../../../pipelines/labelled/joint-sets.ts";
import { createCropLoader, labelledSource } from "../../../pipelines/labelled/source.ts";
import { SUPERVISED_OPTIONS, supervisedLoss } from "../../../pipelines/labelled/supervised.ts";
import { writeSynthStills } from "../../../pipelines/synth/still-files.ts";
import { renderStill } from "../../../pipelines/synth/stills.ts";
import { createWorld } from "../../../pipelines/synth/world.ts";
import { createBodyModel } from "../../../smpl/body-model.ts";
import { JOINTS } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { createRegressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import type { NpyArray } from "../../../src/io/npy.ts";
import { readNpz, writeNpz } from "../../../src/io/npz.ts";
import { defaultsOf } from "../../../src/options.ts";

const world = createWorld(proceduralBody());
let out = "";
let files = { dataset: "", images: "" };
beforeAll(async () => {
  await startEngine();
  out = await mkdtemp(join(tmpdir(), "motioncue-labelled-"));
  files = await writeSynthStills(world, { out, count: 3, size: 64, seed: 9 });
});
afterAll(() => rm(out, { recursive: true, force: true }));

const numbers = (data: readonly number[], shape: readonly number[]): NpyArray => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(data),
});
const texts = (data: string[]): NpyArray => ({ dtype: "string", shape: [data.length], data });
const minimal = (): Record<string, NpyArray> => ({
  imgname: texts(["000000.png"]),
  center: numbers([32, 30], [1, 2]),
  scale: numbers([0.2], [1]),
});

async function open(entries: Record<string, NpyArray>) {
  const path = join(out, "case.npz");
  await writeNpz(path, entries);
  return openLabelledDataset(path, files.images);
}

test("written stills are read back as they were drawn", async () => {
  const dataset = await openLabelledDataset(files.dataset, files.images);
  const still = renderStill(world, 9, 2, 64, { margin: 1.6 });
  expect(dataset.count).toBe(3);
  const labels = dataset.labels(2);
  expect(labels.square.side).toBeCloseTo((64 * 1.2) / 1.6, 4);
  expect(labels.pose).toEqual(still.pose);
  expect(labels.betas).toEqual(still.betas);
  expect(labels.joints3d![4 * JOINTS.head + 1]).toBe(still.joints3d[3 * JOINTS.head + 1]);
  expect(labels.joints2d![3 * JOINTS.leftKnee]).toBe(still.joints2d[2 * JOINTS.leftKnee]);
  const load = createCropLoader(dataset, 48);
  const crop = await load(2);
  // The labelled square is 48 px wide in the picture: the crop has the picture's own resolution.
  const x = ((crop.joints2d![3 * JOINTS.head]! + 1) / 2) * 48 - 0.5;
  expect(x).toBeCloseTo(still.joints2d[2 * JOINTS.head]! - 8, 3);
  expect(crop.image.length).toBe(48 * 48 * 3);
  expect(Math.max(...crop.image)).toBeGreaterThan(60);
});

test("the first so many people of a set are a set, and no more than there are", async () => {
  const [whole, first] = [await openLabelledDataset(files.dataset, files.images), await openLabelledDataset(files.dataset, files.images, 2)]; // biome-ignore format: two of a kind
  expect(first.count).toBe(2);
  expect(first.labels(1)).toEqual(whole.labels(1));
  await expect(openLabelledDataset(files.dataset, files.images, 4)).rejects.toThrow("at most the 3 people");
});

test("the file holds SPIN's fields", async () => {
  const arrays = await readNpz(files.dataset);
  const shape = (key: string) => arrays.get(key)?.shape;
  expect(["pose", "shape", "S", "part", "center", "scale", "has_smpl"].map(shape)).toEqual([
    [3, 72],
    [3, 10],
    [3, 24, 4],
    [3, 24, 3],
    [3, 2],
    [3],
    [3],
  ]);
});

test("joint sets: GT-24 begins with the right ankle, OpenPose with the nose; what has no counterpart is zero", () => {
  expect([GT_24_TO_SMPL[0], GT_24_TO_SMPL[9], GT_24_TO_SMPL[14], GT_24_TO_SMPL[19]]).toEqual([8, 16, 0, -1]);
  expect([OPENPOSE_25_TO_SMPL[0], OPENPOSE_25_TO_SMPL[2], OPENPOSE_25_TO_SMPL[14]]).toEqual([-1, 17, 7]);
  const gt = Float32Array.from({ length: 72 }, (_, i) => (i % 3 === 2 ? 1 : i));
  const smpl = toSmplJoints(gt, GT_24_TO_SMPL, 3);
  expect(Array.from(smpl.subarray(3 * 8, 3 * 8 + 3))).toEqual([0, 1, 1]);
  expect(smpl[3 * JOINTS.spine1 + 2]).toBe(0);
  expect(Array.from(toGt24(smpl, 3).subarray(0, 36))).toEqual(Array.from(gt.subarray(0, 36)));
});

test("any subset of labels will do", async () => {
  const part = Array.from({ length: 72 }, (_, i) => (i % 3 === 2 ? 1 : 10 + i));
  const some = await open({ ...minimal(), part: numbers(part, [1, 24, 3]) });
  const labels = some.labels(0);
  expect(Object.keys(labels).sort()).toEqual(["joints2d", "square"]);
  expect(labels.square).toEqual({ cx: 32, cy: 30, side: expect.closeTo(40, 4) });
  expect(Array.from(labels.joints2d!.subarray(24, 27))).toEqual([10, 11, 1]);

  const pose = numbers(new Array(144).fill(0.1), [2, 72]);
  const two = { imgname: texts(["000000.png", "000001.png"]), center: numbers([1, 2, 3, 4], [2, 2]) };
  const unsure = await open({ ...two, scale: numbers([1, 1], [2]), pose, has_smpl: numbers([0, 1], [2]) });
  expect(unsure.labels(0).pose).toBeUndefined();
  expect(unsure.labels(1).pose).toHaveLength(72);
});

test("what is wrong is said, with file and field", async () => {
  const part = numbers(new Array(72).fill(1), [1, 24, 3]);
  await expect(open(minimal())).rejects.toThrow(/at least one of pose, S, part, openpose/);
  await expect(open({ ...minimal(), part, scale: numbers([1, 1], [2]) })).rejects.toThrow(/case\.npz: scale .*shape/);
  await expect(open({ ...minimal(), part, scale: numbers([0], [1]) })).rejects.toThrow("scale must be positive");
  await expect(open({ ...minimal(), part, center: numbers([Number.NaN, 1], [1, 2]) })).rejects.toThrow(
    /center .*finite/,
  );
  for (const name of ["../secret.png", "/etc/passwd", "a/../../b.png", ""])
    await expect(open({ ...minimal(), part, imgname: texts([name, "x"].slice(0, 1)) })).rejects.toThrow(/imgname 0/);
  await expect(openLabelledDataset(files.dataset, join(out, "nowhere"))).rejects.toThrow("--images");
  await expect(openLabelledDataset(join(out, "no.npz"), files.images)).rejects.toThrow("no.npz");
  const missing = await open({ ...minimal(), part, imgname: texts(["gone.png"]) });
  await expect(missing.wide(0, 32)).rejects.toThrow("gone.png");
});

test("batches follow from seed and step, and give a supervised loss with gradient", async () => {
  const dataset = await openLabelledDataset(files.dataset, files.images);
  const regressor = createRegressor({ backbone: "resnet18", width: 4, hidden: 16, cropSize: 32, camera: "sX+t" }, 1);
  const body = createBodyModel(proceduralBody());
  const lossOf = async (step: number) => {
    const batch = await labelledSource(dataset, 32).load(7, step, 4);
    return tf.tidy(() => {
      const { predicted, targets } = batch.predict({ regressor, body });
      return supervisedLoss(predicted, targets, defaultsOf(SUPERVISED_OPTIONS)).total.dataSync()[0]!;
    });
  };
  const first = await lossOf(1);
  expect(first).toBeGreaterThan(0);
  expect(await lossOf(1)).toBe(first);
  expect(await lossOf(2)).not.toBe(first);
  regressor.dispose();
  body.dispose();
});

test("targets of a mixed batch: what one crop lacks has no weight", () => {
  const regressor = createRegressor({ backbone: "resnet18", width: 4, hidden: 16, cropSize: 32, camera: "sX+t" }, 1);
  const body = createBodyModel(proceduralBody());
  const image = new Uint8Array(32 * 32 * 3).fill(90);
  tf.tidy(() => {
    const { targets } = predictLabelled({ regressor, body }, [
      { image, betas: new Float32Array(10).fill(0.5) },
      { image, joints2d: new Float32Array(72).fill(1) },
    ]);
    expect(Array.from(targets.betas!.known.dataSync())).toEqual([1, 0]);
    expect(Array.from(targets.rotations!.known.dataSync())).toEqual([0, 0]);
    expect(targets.joints2d!.dataSync()[2]).toBe(0);
    expect(targets.joints2d!.dataSync()[72 + 2]).toBe(1);
  });
  regressor.dispose();
  body.dispose();
});
