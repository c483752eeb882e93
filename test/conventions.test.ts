/** @file The conventions table of the design, one pin per row, each with input that a swapped axis or sign would betray. */
import { beforeAll, describe, expect, it } from "vitest";
import { createFlowField } from "../flow/flow-field.ts";
import { denseMeshFlow } from "../flow/mesh-flow.ts";
import { sampleFlow } from "../pipelines/cues/flow-agreement.ts";
import { accelError, mpjpe } from "../pipelines/evaluate/metrics.ts";
import { JOINTS } from "../smpl/joints.ts";
import { loadBody } from "../smpl/load-body.ts";
import { startEngine } from "../src/engine/engine.ts";
import { type Tensor3D, tf } from "../src/engine/tf.ts";
import { cropCamera, fullImageCamera, pixelMatrix, projectHost, projectWeak } from "../src/geometry/camera.ts";
import { axisAngleToMatrix, rotation6dToMatrix } from "../src/geometry/rotation.ts";
import { sampleBilinear } from "../src/geometry/sample.ts";
import { cropMap, cropSquare } from "../src/image/crop.ts";
import { createImage, imagesToTensor } from "../src/image/image.ts";
import { resizeImage } from "../src/image/resize.ts";
import { expectClose } from "./support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

describe("images", () => {
  it("are [B,H,W,C], RGB, 0..1 in the engine", () => {
    const image = createImage(2, 3);
    image.set(1, 2, 0, 255);
    image.set(0, 1, 2, 51);
    const tensor = imagesToTensor([createImage(2, 3), image]);
    expect(tensor.shape).toEqual([2, 2, 3, 3]);
    // Batch 1: blue of row 0, column 1 is 51/255; red of row 1, column 2 is 1.
    expectClose(tf.slice(tensor, [1, 0, 1, 2], [1, 1, 1, 1]), [0.2]);
    expectClose(tf.slice(tensor, [1, 1, 2, 0], [1, 1, 1, 1]), [1]);
    expect(tf.sum(tensor).dataSync()[0]).toBeCloseTo(1.2, 5);
  });
});

describe("pixel coordinates", () => {
  it("have (0,0) at the centre of the top-left pixel, x right, y down", () => {
    const field = { data: Float32Array.of(10, 20, 30, 40, 50, 60), height: 2, width: 3, channels: 1 };
    expectClose(sampleBilinear(field, [2, 0, 0, 1, 0.5, 0]).values, [30, 40, 15]);
  });

  it("go from x to s(x+0.5)-0.5 when resized by s", () => {
    // A ramp 20 x stays linear: the value at output pixel q is 20 ((q+0.5)/s - 0.5), away from the borders.
    const image = createImage(1, 8);
    for (let x = 0; x < 8; x++) image.set(0, x, 0, 20 * x);
    const doubled = resizeImage(image, 1, 16);
    expect([doubled.get(0, 5, 0), doubled.get(0, 6, 0)]).toEqual([45, 55]);
  });

  it("span a crop's outer edges with X in [-1,1]", () => {
    const { pixels } = projectWeak(
      tf.tensor3d([
        [
          [-1, 1, 0],
          [0.25, -0.5, 0],
        ],
      ]),
      tf.tensor2d([[1, 0, 0]]),
      64,
    );
    expectClose(pixels, [-0.5, 63.5, 39.5, 15.5], 1e-5);
    const crop = { cx: 20, cy: 31, side: 16 };
    const { a, bx, by } = cropMap(crop, 64);
    // The square's left edge, 12, and bottom edge, 39, are the crop's outer edges.
    expectClose([a * 12 + bx, a * 39 + by], [-0.5, 63.5], 1e-9);
    const image = createImage(48, 48);
    image.set(25, 14, 1, 200);
    const cropped = cropSquare(image, crop, 16);
    // Side 16 to 16 px: the square's corner pixel centre is at 12.5, so pixel 14 lies between crop pixels 1 and 2.
    expect([cropped.get(1, 1, 1), cropped.get(1, 2, 1), cropped.get(2, 2, 1)]).toEqual([50, 50, 50]);
  });
});

describe("flow", () => {
  it("is dx, dy in pixels from t to t+1, rows first", () => {
    const vertices = Float32Array.from([0, 0, 1, 8, 0, 1, 0, 6, 1]);
    const after = vertices.map((v, i) => v + [2, -1, 0][i % 3]!);
    const { flow } = denseMeshFlow(vertices, after, Uint32Array.of(0, 1, 2), 7, 9);
    expect(flow.shape).toEqual(createFlowField(7, 9).shape);
    expect([flow.get(1, 3, 0), flow.get(1, 3, 1)]).toEqual([2, -1]);
  });

  it("scales its vectors with the picture", () => {
    const map = new Float32Array(8 * 8 * 2).fill(6);
    // A map of twice the crop's size, whose vectors are twice as long.
    expectClose(sampleFlow(map, 8, Float32Array.of(1, 2), 1, 4).values, [3, 3]);
  });
});

describe("spaces and rotations", () => {
  it("turn right-handed, v' = R v, with columns in the named 6D layout", () => {
    const quarterAboutX = [Math.PI / 2, 0, 0];
    const turned = tf.matMul(axisAngleToMatrix(tf.tensor2d([quarterAboutX])), tf.tensor3d([[[1], [2], [3]]]));
    expectClose(turned, [1, -3, 2], 1e-6);
    // Columns (0,1,0) and (0,0,1), hence the third (1,0,0).
    const matrix = [0, 0, 1, 1, 0, 0, 0, 1, 0];
    expectClose(rotation6dToMatrix(tf.tensor2d([[0, 0, 1, 0, 0, 1]]), "columns-interleaved"), matrix, 1e-6);
    expectClose(rotation6dToMatrix(tf.tensor2d([[0, 1, 0, 0, 0, 1]]), "columns-stacked"), matrix, 1e-6);
  });

  it("show a body turned by pi about x upright, facing the camera, its left hand on the right", async () => {
    const body = await loadBody("default");
    const upright = tf.reshape(
      axisAngleToMatrix(tf.tensor2d([[Math.PI, 0, 0], ...new Array(23).fill([0, 0, 0])])),
      [1, 24, 3, 3],
    );
    const { vertices, joints } = body.forward({ rotations: upright, betas: tf.zeros([1, body.betaCount]) });
    const { pixels, depth } = projectWeak(joints as Tensor3D, tf.tensor2d([[0.9, 0, 0]]), 64);
    const [xy, z] = [pixels.dataSync(), depth.dataSync()];
    const x = (joint: number) => xy[2 * joint]!;
    const y = (joint: number) => xy[2 * joint + 1]!;
    expect(y(JOINTS.head)).toBeLessThan(y(JOINTS.pelvis));
    expect(y(JOINTS.leftAnkle)).toBeGreaterThan(y(JOINTS.pelvis));
    expect(x(JOINTS.leftWrist)).toBeGreaterThan(x(JOINTS.rightWrist));
    // Toes point at the camera: nearer, so a smaller depth.
    expect(z[JOINTS.leftFoot]!).toBeLessThan(z[JOINTS.leftAnkle]!);
    const heights = Array.from(vertices.dataSync()).filter((_, i) => i % 3 === 1);
    const height = Math.max(...heights) - Math.min(...heights);
    expect(height, "height in metres").toBeGreaterThan(1.5);
    expect(height, "height in metres").toBeLessThan(2);
    body.dispose();
  });
});

describe("camera", () => {
  it("sX+t and s(X+t) are what they say", () => {
    const points = tf.tensor3d([[[0.2, -0.4, 0]]]);
    const camera = tf.tensor2d([[0.5, 0.1, 0.3]]);
    // X = 0.2 * 0.5 + 0.1 = 0.2, Y = -0.4 * 0.5 + 0.3 = 0.1, against 0.15 and -0.05.
    expectClose(projectWeak(points, camera, 100, "sX+t").pixels, [59.5, 54.5], 1e-4);
    expectClose(projectWeak(points, camera, 100, "s(X+t)").pixels, [57 + 0, 47], 1e-4);
  });

  it("projection reads the three.js matrix", () => {
    const host = projectHost([0.3, -0.2, 0.1], pixelMatrix(cropCamera(), 40, 40));
    const { pixels, depth } = projectWeak(tf.tensor3d([[[0.3, -0.2, 0.1]]]), tf.tensor2d([[1, 0, 0]]), 40);
    expectClose(pixels, [host[0]!, host[1]!], 1e-5);
    expectClose(depth, [host[2]!], 1e-5);
  });

  it("of the full image undoes the crop", () => {
    const crop = { cx: 211.25, cy: 98.5, side: 133 };
    const camera = [0.83, 0.06, -0.11];
    const point = [0.31, -0.42, 0.05];
    const inCrop = projectWeak(tf.tensor3d([[point]]), tf.tensor2d([camera]), 96).pixels.dataSync();
    const { a, bx, by } = cropMap(crop, 96);
    const full = projectHost(point, pixelMatrix(fullImageCamera(camera, "sX+t", crop, 320, 240), 320, 240));
    expectClose(full.slice(0, 2), [(inCrop[0]! - bx) / a, (inCrop[1]! - by) / a], 1e-3);
  });
});

describe("metrics", () => {
  it("take metres and give millimetres, acceleration per frame^2", () => {
    expect(mpjpe([0, 0, 0, 1, 0, 0], [5, 5, 5, 6, 5, 5.002], [0])).toBeCloseTo(1, 6);
    const still = new Float64Array(9);
    const jump = Float64Array.of(0, 0, 0, 0, 0.001, 0, 0, 0, 0);
    expect(accelError([{ frames: [7, 8, 9], predicted: jump, target: still }])).toBeCloseTo(2, 9);
  });
});
