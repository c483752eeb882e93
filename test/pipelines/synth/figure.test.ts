import { beforeAll, expect, test } from "vitest";
import { prepareFigures } from "../../../pipelines/synth/figure.ts";
import { jointBody } from "../../../pipelines/train/joint-body.ts";
import { createBodyModel } from "../../../smpl/body-model.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { createRandom } from "../../../src/random.ts";

beforeAll(() => startEngine());

const random = createRandom(11, "figure");
const pose = Float32Array.from({ length: 72 }, () => random.normal(0, 0.5));
const betas = Float32Array.from({ length: 10 }, () => random.normal());
const transl = [0.3, -0.7, 4] as const;

function engine(body: ReturnType<typeof proceduralBody>) {
  const model = createBodyModel(body);
  const rotations = tf.tensor(Float32Array.from(axisAngleToMatrixHost(pose, 24)), [1, 24, 3, 3]);
  const { vertices, joints } = model.forward({
    rotations,
    betas: tf.tensor2d(betas, [1, 10]),
    transl: tf.tensor2d([...transl], [1, 3]),
  });
  return { vertices: vertices.dataSync(), joints: joints.dataSync() };
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
}

test("a figure is posed as the engine's body model poses it", () => {
  const body = proceduralBody();
  const figure = prepareFigures(body)(betas);
  figure.pose(pose, transl);
  const expected = engine(body);
  expect(farthest(figure.vertices, expected.vertices)).toBeLessThan(2e-5);
  expect(farthest(figure.joints, expected.joints)).toBeLessThan(2e-5);
});

test("the joint body has the joints of the whole body", () => {
  const body = proceduralBody();
  expect(farthest(engine(jointBody(body)).joints, engine(body).joints)).toBeLessThan(2e-5);
});
