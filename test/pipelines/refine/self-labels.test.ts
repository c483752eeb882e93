/** @file Self-training: a teacher that treats both sides alike, and labels that follow a changed picture. */
import { beforeAll, expect, test } from "vitest";
import { NO_AUGMENTATION } from "../../../pipelines/labelled/crop.ts";
import { predictBothWays, selfLabelledCrops } from "../../../pipelines/refine/self-labels.ts";
import { createBodyModel } from "../../../smpl/body-model.ts";
import { mirrorRotations } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { createRegressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";

beforeAll(async () => {
  await startEngine();
});

test("of a mirror image the teacher says the mirror image, and its rotations are rotations", () => {
  const regressor = createRegressor({ backbone: "landmarks", width: 3, hidden: 12, cropSize: 32, camera: "sX+t" }, 4);
  // Fresh networks say little but the mean body; louder, what they say differs from side to side.
  for (const [key, value] of regressor.parameters) {
    if (/^dec.*weight$/.test(key)) value.assign(tf.mul(value, 40));
  }
  const body = createBodyModel(proceduralBody());
  const images = tf.randomUniform([2, 32, 32, 3], 0, 1, "float32", 3) as tf.Tensor4D;
  const said = predictBothWays(regressor, body, images);
  const mirrored = predictBothWays(regressor, body, tf.reverse(images, 2) as tf.Tensor4D);
  const [r, m] = [said.rotations.dataSync<"float32">(), mirrored.rotations.dataSync<"float32">()];
  const plain = regressor.predict(images).rotations.dataSync<"float32">();
  expect(Math.max(...plain.map((x, i) => Math.abs(x - r[i]!)))).toBeGreaterThan(0.01);
  for (const frame of [0, 1]) {
    const expected = mirrorRotations(r.subarray(216 * frame, 216 * (frame + 1)));
    expected.forEach((x, i) => {
      expect(m[216 * frame + i]).toBeCloseTo(x, 4);
    });
  }
  const squares = tf.matMul(said.rotations, said.rotations, true).dataSync();
  squares.forEach((x, i) => {
    expect(x).toBeCloseTo(i % 9 === 0 || i % 9 === 4 || i % 9 === 8 ? 1 : 0, 4);
  });
  const [c, d] = [said.camera.dataSync(), mirrored.camera.dataSync()];
  [1, -1, 1, 1, -1, 1].forEach((sign, i) => {
    expect(d[i]).toBeCloseTo(sign * c[i]!, 4);
  });
  regressor.dispose();
  body.dispose();
});

test("labels follow the picture: a shifted and mirrored frame, by hand", () => {
  const size = 8;
  const crops = new Uint8Array(size * size * 3);
  crops.set([200, 100, 50], 3 * (2 * size + 5));
  const rotations = Float32Array.from({ length: 216 }, (_, i) => (i % 9 === 0 || i % 9 === 4 || i % 9 === 8 ? 1 : 0));
  const joints = new Float32Array(72);
  // The left hip; with s = 0.5 and t = (0.125, -0.25) it is at (0.375, -0.375) of -1..1, pixel (5, 2).
  joints.set([0.5, -0.25, 0.1], 3);
  const taught = {
    rotations: tf.tensor(rotations, [1, 24, 3, 3]),
    betas: tf.tensor2d([[1, 2]]),
    camera: tf.tensor2d([[0.5, 0.125, -0.25]]),
    joints: tf.tensor3d(joints, [1, 24, 3]),
  };
  const [plain] = selfLabelledCrops(crops, size, taught, [NO_AUGMENTATION]);
  expect([...plain!.image]).toEqual([...crops]);
  expect([...plain!.joints2d!.subarray(3, 6)]).toEqual([0.375, -0.375, 1]);
  expect([...plain!.betas!]).toEqual([1, 2]);
  const [mirrored] = selfLabelledCrops(crops, size, taught, [{ ...NO_AUGMENTATION, flip: true }]);
  // Seen in a mirror it is the right hip (joint 2), at the other side.
  expect([...mirrored!.joints2d!.subarray(6, 9)]).toEqual([-0.375, -0.375, 1]);
  expect([...mirrored!.joints3d!.subarray(8, 12)]).toEqual([-0.5, -0.25, expect.closeTo(0.1, 6), 1]);
  expect([...mirrored!.image.subarray(3 * (2 * size + 2), 3 * (2 * size + 3))]).toEqual([200, 100, 50]);
});
