/** @file A person in frames for tests of exports: random poses of a body, with what the body model makes of them. */
import type { PersonFrame } from "../../pipelines/bodies/predict.ts";
import type { PredictionInfo } from "../../pipelines/export/prediction-writer.ts";
import type { BodyModel } from "../../smpl/body-model.ts";
import { tf } from "../../src/engine/tf.ts";
import { axisAngleToMatrixHost } from "../../src/geometry/rotation.ts";
import { createRandom } from "../../src/random.ts";

/** Track 3 of a video of 160 x 90 px at 25 frames per second. */
export const PERSON_INFO: PredictionInfo = {
  source: "walk one.mp4",
  track: 3,
  fps: 25,
  width: 160,
  height: 90,
  cropSize: 64,
  betaCount: 10,
};

/** The person in frames `indices`: upright before the camera (half a turn about x), turned and bent at random, one shape. */
export function posedPerson(body: BodyModel, indices: readonly number[]): PersonFrame[] {
  const random = createRandom(8, "posed person");
  const betas = Float32Array.from({ length: body.betaCount }, () => random.normal(0, 0.5));
  return indices.map((frame) => {
    const pose = Float64Array.from({ length: 72 }, () => random.normal(0, 0.4));
    pose[0]! += Math.PI;
    const rotations = Float32Array.from(axisAngleToMatrixHost(pose));
    const { vertices, joints } = tf.tidy(() => {
      const skinned = body.forward({ rotations: tf.tensor4d(rotations, [1, 24, 3, 3]), betas: tf.tensor2d(betas, [1, betas.length]) }); // biome-ignore format: one call
      return {
        vertices: skinned.vertices.dataSync<"float32">().slice(),
        joints: skinned.joints.dataSync<"float32">().slice(),
      };
    });
    const camera = Float32Array.of(0.9 + random.uniform(-0.05, 0.05), random.uniform(-0.1, 0.1), 0.2);
    const square = { cx: 70 + frame, cy: 40, side: 60 };
    const box = { x0: 45 + frame, y0: 10, x1: 95 + frame, y1: 70 };
    const prediction = { rotations, betas, camera, joints, vertices, projected: new Float32Array() };
    return { frame, time: frame / 25, square, box, prediction };
  });
}
