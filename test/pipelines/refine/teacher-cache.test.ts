import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cropBatch, predictFrames } from "../../../pipelines/bodies/predict.ts";
import type { ClipStore } from "../../../pipelines/clips/store.ts";
import { moveWeights } from "../../../pipelines/refine/move-weights.ts";
import { createTeacherCache, isCacheWorthwhile, parameterTensors } from "../../../pipelines/refine/teacher-cache.ts";
import type { BodyModel } from "../../../smpl/body-model.ts";
import { loadBody } from "../../../smpl/load-body.ts";
import { createRegressor, type Regressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { copyParameters, disposeParameters } from "../../../src/nn/parameters.ts";
import { createRandom } from "../../../src/random.ts";
import { expectClose } from "../../support/matchers.ts";

const SIZE = 32;
const LENGTH = SIZE * SIZE * 3;
let teacher: Regressor;
let body: BodyModel;

beforeAll(async () => {
  await startEngine();
  teacher = createRegressor({ backbone: "resnet18", width: 4, hidden: 16, cropSize: SIZE }, 5);
  body = await loadBody("default");
});
afterAll(() => {
  teacher.dispose();
  body.dispose();
});

/** A store of one clip of `count` noise crops; `reads` counts what is read of it. */
function noiseStore(count: number, reads: { count: number }): ClipStore {
  const crops = Array.from({ length: count }, (_, frame) => ({ frame, time: frame, cx: 0, cy: 0, side: 1 }));
  return {
    key: "noise",
    index: {
      video: "n.mp4",
      width: 1,
      height: 1,
      cropSize: SIZE,
      flowSize: 1,
      clips: [{ track: 1, crops, pairs: [] }],
    },
    async readCrop(_clip, crop, into, offset) {
      reads.count++;
      into.set(cropPixels(crop), offset);
    },
    readFlow: () => Promise.reject(new Error("no flow here")),
  };
}
function cropPixels(crop: number): Uint8Array {
  const random = createRandom(1, "crop", crop);
  return Uint8Array.from({ length: LENGTH }, () => random.integer(256));
}

describe("cache", () => {
  test("holds the teacher's predictions, each computed once, with the same bits in whatever order they are asked for", async () => {
    const reads = { count: 0 };
    const store = noiseStore(21, reads);
    const places = (crops: number[]) => crops.map((crop) => ({ store, clip: 0, crop }));
    const tensors = tf.memory().numTensors;
    const cache = createTeacherCache(teacher, body);
    const found = await cache.parametersOf(places([20, 3, 7, 3]));
    expect(reads.count).toBe(21);
    await cache.parametersOf(places([0, 15, 16]));
    expect(reads.count).toBe(21);
    expect(tf.memory().numTensors).toBe(tensors);

    const other = createTeacherCache(teacher, body);
    await other.parametersOf(places([5]));
    const again = await other.parametersOf(places([20, 3, 7, 3]));
    for (const [field, values] of Object.entries(again))
      expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(found[field as "betas"].buffer))).toBe(0);

    const rows = parameterTensors(found, 4);
    tf.tidy(() => {
      const direct = predictFrames(
        teacher,
        body,
        cropBatch(Uint8Array.from([20, 3, 7, 3].flatMap((c) => [...cropPixels(c)])), SIZE),
      );
      for (const field of ["rotations", "betas", "camera", "joints"] as const) {
        expect(rows[field].shape).toEqual(direct[field].shape);
        expectClose(rows[field], direct[field].dataSync(), 1e-5, 1e-4);
      }
    });
    tf.dispose({ ...rows });
  });

  test("is worth it where a run asks for at least as many frames as there are, and they fit into memory", () => {
    expect(isCacheWorthwhile(100, 100)).toBe(true);
    expect(isCacheWorthwhile(99, 100)).toBe(false);
    expect(isCacheWorthwhile(1e9, 1e7)).toBe(false);
  });
});

test("a moving teacher keeps its share of every trainable weight, and its buffers", () => {
  const student = createRegressor(teacher.spec, 6);
  const own = copyParameters(teacher.parameters);
  const key = "fc1.weight";
  const expected = teacher.parameters
    .get(key)!
    .dataSync()
    .map((x, i) => 0.75 * x + 0.25 * student.parameters.get(key)!.dataSync()[i]!);
  student.parameters.get("init_cam")!.assign(tf.ones([1, 3]));
  moveWeights(own, student.parameters, 0.75);
  expectClose(own.get(key)!, expected, 1e-6);
  expectClose(own.get("init_cam")!, teacher.parameters.get("init_cam")!.dataSync(), 0);
  disposeParameters(own);
  student.dispose();
});
