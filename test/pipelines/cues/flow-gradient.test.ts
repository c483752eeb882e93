/** @file The flow cue's gradient through sampling, projection, skinning and 6D rotations, against central differences. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CueInputs, PredictedFrames } from "../../../pipelines/cues/cue.ts";
import { createCue } from "../../../pipelines/cues.ts";
import type { BodyModel } from "../../../smpl/body-model.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { type CameraConvention, projectWeak } from "../../../src/geometry/camera.ts";
import { type Rotation6dLayout, rotation6dToMatrix } from "../../../src/geometry/rotation.ts";
import { createRandom } from "../../../src/random.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { sheetBody } from "../../support/sheet-body.ts";

const SIZE = 32;
const random = createRandom(11, "inputs");
const normals = (count: number, deviation: number) =>
  Float32Array.from({ length: count }, () => random.normal(0, deviation));
let body: BodyModel;

beforeAll(async () => {
  await startEngine();
  body = sheetBody();
});

function frames(
  x6d: Tensor,
  betas: Tensor,
  camera: Tensor,
  layout: Rotation6dLayout,
  kind: CameraConvention,
): PredictedFrames {
  const rotations = rotation6dToMatrix(tf.reshape(x6d, [1, 24, 6]), layout);
  const { vertices, joints } = body.forward({ rotations, betas }) as { vertices: Tensor3D; joints: Tensor3D };
  const { pixels, depth } = projectWeak(vertices, camera as Tensor2D, SIZE, kind);
  return { rotations, betas: betas as Tensor2D, camera: camera as Tensor2D, vertices, joints, pixels, depth };
}

/** A smooth observed flow that is not the mesh's. */
function wave(k: number, sign: number): Tensor4D {
  const side = SIZE * k;
  const data = Float32Array.from({ length: side * side * 2 }, (_, i) => {
    const [x, y] = [(Math.floor(i / 2) % side) / k, Math.floor(i / 2 / side) / k];
    return sign * k * (i % 2 === 0 ? 1.5 + Math.sin(0.21 * x + 0.13 * y) : Math.cos(0.17 * y - 0.1 * x));
  });
  return tf.tensor4d(data, [1, side, side, 2]);
}

describe.each([
  ["columns-interleaved", "sX+t", 1, [1, 0, 0, 1, 0, 0]],
  ["columns-stacked", "perspective-5000", 2, [1, 0, 0, 0, 1, 0]],
] as const)("6D %s, camera %s, maps %d times the crop", (layout, kind, k, unit) => {
  it("is that of central differences in rotations, betas and camera", () => {
    const pose = () => tf.tensor1d(Float32Array.from({ length: 144 }, (_, i) => unit[i % 6]! + random.normal(0, 0.08)));
    const inputs = [
      pose(),
      pose(),
      tf.tensor2d(normals(4, 0.5), [1, 4]),
      tf.tensor2d([[0.9, 0.05, -0.04]]),
      tf.tensor2d([[0.87, 0.11, 0.02]]),
    ];
    const cue = createCue("flow", "default", { consistency: false, normalise: false } as never);
    const flow = { first: wave(k, 1), second: wave(k, -1) };
    const f = (p1: Tensor, p2: Tensor, betas: Tensor, c1: Tensor, c2: Tensor): tf.Scalar => {
      const cueInputs: CueInputs = {
        cropSize: SIZE,
        faces: body.faces,
        pairs: [{ video: "sheet", track: "1", frames: [0, 1] }],
        predicted: { first: frames(p1, betas, c1, layout, kind), second: frames(p2, betas, c2, layout, kind) },
        flow,
      };
      const { value, report } = cue.loss(cueInputs);
      expect(report.numbers["kept"]).toBe(2);
      return value;
    };
    expectGradients(f as (...x: Tensor[]) => tf.Scalar, inputs, { step: 6e-3, tolerance: 2e-2, entries: 10 });
  });
});

it("is zero, with zero gradient, where the observed flow is the mesh's", () => {
  const still = tf.zeros([1, SIZE, SIZE, 2]) as Tensor4D;
  const identity = tf.tensor1d(Float32Array.from({ length: 144 }, (_, i) => [1, 0, 0, 1, 0, 0][i % 6]!));
  const camera = tf.tensor2d([[0.9, 0.05, -0.04]]);
  const f = (pose: Tensor): tf.Scalar => {
    const both = frames(pose, tf.zeros([1, 4]), camera, "columns-interleaved", "sX+t");
    return createCue("flow").loss({
      cropSize: SIZE,
      faces: body.faces,
      pairs: [{ video: "sheet", track: "1", frames: [0, 1] }],
      predicted: { first: both, second: { ...both, pixels: tf.clone(both.pixels) as Tensor3D } },
      flow: { first: still, second: still },
    }).value;
  };
  const { value, grad } = tf.valueAndGrad(f)(identity);
  expect(value.dataSync()[0]).toBe(0);
  expect(Math.max(...Array.from(grad.dataSync()).map(Math.abs))).toBe(0);
});
