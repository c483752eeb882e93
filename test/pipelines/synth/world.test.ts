import { expect, test } from "vitest";
import { createBackground, paintBackground } from "../../../pipelines/synth/background.ts";
import { bandLimit, createNoise, smoothStep } from "../../../pipelines/synth/noise.ts";
import { describeStill, renderStill } from "../../../pipelines/synth/stills.ts";
import { lookAt, projectInto, toCamera } from "../../../pipelines/synth/viewpoint.ts";
import { createScene, createWorld, fitWeakCamera, jointPixels, poseScene } from "../../../pipelines/synth/world.ts";
import { JOINTS } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { createRandom } from "../../../src/random.ts";

const world = createWorld(proceduralBody());

test("a camera before a person: right is the person's left, down is down, and the rotation is pi about x", () => {
  const front = lookAt([0, 1, 5], [0, 1, 0]);
  expect(Array.from(front.rotation, (x) => Math.round(x * 1e9) / 1e9 + 0)).toEqual([1, 0, 0, 0, -1, 0, 0, 0, -1]);
  expect(toCamera(front, 0.25, 1.5, 1)).toEqual([0.25, -0.5, 4]);
  const out = new Float32Array(3);
  projectInto(Float32Array.of(0.25, -0.5, 4), { width: 100, height: 80, focal: 200, cx: 49.5, cy: 39.5 }, out);
  expect(Array.from(out)).toEqual([62, 14.5, 4]);
});

test("noise: within -1..1, smooth, the same for the same stream", () => {
  const noise = createNoise(createRandom(1, "noise"));
  let [low, high] = [1, -1];
  for (let i = 0; i < 4000; i++) {
    const value = noise.solid(0.17 * i, -0.31 * i, 0.05 * i);
    low = Math.min(low, value, noise.plane(-0.13 * i, 0.41 * i));
    high = Math.max(high, value);
    expect(Math.abs(value - noise.solid(0.17 * i + 1e-3, -0.31 * i, 0.05 * i))).toBeLessThan(0.01);
  }
  expect(low).toBeGreaterThanOrEqual(-1);
  expect(high).toBeLessThanOrEqual(1);
  expect(high - low).toBeGreaterThan(1.2);
  expect(createNoise(createRandom(1, "noise")).plane(3.3, -4.4)).toBe(noise.plane(3.3, -4.4));
  expect([smoothStep(0, 2, 1), smoothStep(1, 0, 0.25), bandLimit(10, 1), bandLimit(0.5, 1)]).toEqual([
    0.5, 0.84375, 1, 0,
  ]);
});

test("the background moves with the camera: the same wall point keeps its colour", () => {
  const background = { ...createBackground(createRandom(2, "b"), 0), floor: () => {}, wallDistance: 2 };
  const view = { width: 60, height: 4, focal: 400, cx: 29.5, cy: 1.5 };
  const paint = (x: number) => {
    const out = new Float32Array(3 * 60 * 4);
    paintBackground(background, lookAt([x, 1, 2], [x, 1, 0]), view, { x: 0, z: 0, radius: 0.4 }, out);
    return out;
  };
  // The wall is 4 m away: 0.1 m to the right are 400 * 0.1 / 4 = 10 px to the left.
  const [still, moved] = [paint(0), paint(0.1)];
  for (let x = 10; x < 60; x++) expect(moved[3 * (x - 10)]).toBeCloseTo(still[3 * x]!, 4);
  expect(moved.slice(0, 30)).not.toEqual(still.slice(0, 30));
});

test("a scene stands on the floor, upright, and its parameters pose the figure where it is", () => {
  for (let index = 0; index < 5; index++) {
    const scene = createScene(world, 8, index);
    const moment = poseScene(scene, 1.3);
    const vertices = scene.figure.vertices.slice();
    scene.figure.pose(moment.pose, moment.transl);
    for (let i = 0; i < vertices.length; i += 97) expect(vertices[i]).toBeCloseTo(scene.figure.vertices[i]!, 4);
    const view = { width: 100, height: 100, focal: 300, cx: 49.5, cy: 49.5 };
    const pixels = jointPixels(moment.joints, view);
    expect(Math.min(...moment.joints.filter((_, i) => i % 3 === 2))).toBeGreaterThan(1.5);
    if (scene.motion.kind.startsWith("stand"))
      expect(pixels[2 * JOINTS.head + 1]).toBeLessThan(pixels[2 * JOINTS.leftAnkle + 1]!);
  }
});

test("the weak camera of points that are weak is found exactly", () => {
  const joints = Float32Array.of(0.1, 0.2, 0, -0.4, 0.3, 1, 0.5, -0.6, 2);
  const [s, tx, ty] = [0.8, 0.05, -0.1];
  const square = { cx: 40, cy: 70, side: 50 };
  const pixels = Float32Array.from({ length: 6 }, (_, i) => {
    const x = joints[3 * (i >> 1) + (i & 1)]!;
    return (i & 1 ? square.cy : square.cx) + ((s * x + (i & 1 ? ty : tx)) * square.side) / 2;
  });
  const camera = fitWeakCamera(joints, pixels, square);
  [s, tx, ty].forEach((value, i) => expect(camera[i]).toBeCloseTo(value, 5));
});

test("stills repeat, show the person in the middle, and their labels agree with the picture", () => {
  const still = renderStill(world, 5, 3, 96, { obstacles: 0 });
  const again = renderStill(world, 5, 3, 96, { obstacles: 0 });
  expect(again.image.data).toEqual(still.image.data);
  expect(again.pose).toEqual(still.pose);
  expect(renderStill(world, 5, 4, 96).image.data).not.toEqual(still.image.data);
  expect(still.square).toEqual({ cx: 47.5, cy: 47.5, side: 96 });
  for (const value of still.joints2d) expect(value > 6 && value < 90).toBe(true);

  // The weak camera projects the joints to within a few hundredths of the crop.
  const [s, tx, ty] = still.camera as unknown as [number, number, number];
  for (let j = 0; j < 24; j++) {
    const x = ((s * still.joints3d[3 * j]! + tx + 1) / 2) * 96 - 0.5;
    const y = ((s * still.joints3d[3 * j + 1]! + ty + 1) / 2) * 96 - 0.5;
    expect(Math.hypot(x - still.joints2d[2 * j]!, y - still.joints2d[2 * j + 1]!)).toBeLessThan(6);
  }
});

test("the person is drawn where the labels say: the picture changes there when the person is taken away", () => {
  const shown = renderStill(world, 6, 2, 96, { obstacles: 0 });
  const gone = describeStill({ ...world, figures: hidden }, 6, 2, 96, { obstacles: 0 }).draw();
  const changed = (x: number, y: number) => {
    const i = 3 * (Math.round(y) * 96 + Math.round(x));
    return [0, 1, 2].some((c) => Math.abs(shown.image.data[i + c]! - gone.data[i + c]!) > 8);
  };
  for (const joint of [JOINTS.spine2, JOINTS.head, JOINTS.leftKnee, JOINTS.rightElbow])
    expect(changed(shown.joints2d[2 * joint]!, shown.joints2d[2 * joint + 1]!)).toBe(true);
  // The box times 1.2 fills the picture, so that a twelfth of it on each side belongs to the background.
  for (let x = 0; x < 96; x++) expect(changed(x, 2) || changed(x, 93) || changed(2, x) || changed(93, x)).toBe(false);
});

test("global orientation is in camera space: someone who faces the camera has about pi about x", () => {
  const found = Array.from({ length: 60 }, (_, i) => describeStill(world, 21, i, 32).labels).map(({ pose }) =>
    axisAngleToMatrixHost(pose.subarray(0, 3), 1),
  );
  // The body's up axis (column 1) points up in the picture (y down), whoever it is.
  for (const m of found) expect(m[4]).toBeLessThan(-0.7);
  expect(found.some((m) => m[0]! > 0.95)).toBe(true);
  expect(found.some((m) => m[0]! < -0.5)).toBe(true);
});

/** Figures without faces: nothing of them is seen. */
function hidden(betas: ArrayLike<number>) {
  return { ...world.figures(betas), faces: new Uint32Array(0) };
}
