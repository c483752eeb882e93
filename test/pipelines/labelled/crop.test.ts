import { expect, test } from "vitest";
import { drawAugmentation, labelledCrop, NO_AUGMENTATION } from "../../../pipelines/labelled/crop.ts";
import { prepareFigures } from "../../../pipelines/synth/figure.ts";
import { MIRROR_JOINTS } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { matrixToAxisAngleHost } from "../../../src/geometry/rotation.ts";
import { createImage } from "../../../src/image/image.ts";
import { createRandom } from "../../../src/random.ts";

/** 20 x 20, black, one bright pixel at (x, y). */
function dot(x: number, y: number) {
  const image = createImage(20, 20);
  image.data.set([200, 100, 50], 3 * (20 * y + x));
  return image;
}

/** Where the crop's brightness is, on average. */
function centre(crop: Uint8Array, size: number): [number, number] {
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0; i < size * size; i++) {
    sum += crop[3 * i]!;
    x += crop[3 * i]! * (i % size);
    y += crop[3 * i]! * Math.floor(i / size);
  }
  return [x / sum, y / sum];
}

const square = { cx: 10, cy: 9, side: 10 };

test("the plain crop by hand: x = 12 is (12 - 10) + 4.5 in a crop of the square's own size", () => {
  const crop = labelledCrop({ image: dot(12, 8), labels: { square, joints2d: joints(12, 8) } }, 10);
  // The crop's middle is between pixels 4 and 5, so that the dot is shared by four.
  expect(centre(crop.image, 10)).toEqual([6.5, 3.5]);
  expect(crop.joints2d![0]).toBeCloseTo(((6.5 + 0.5) / 10) * 2 - 1, 6);
  expect(crop.joints2d![1]).toBeCloseTo(((3.5 + 0.5) / 10) * 2 - 1, 6);
});

test("picture and 2D joints move together under every augmentation", () => {
  for (let seed = 0; seed < 12; seed++) {
    const augmentation = { ...drawAugmentation(createRandom(seed)), gain: [1, 1, 1] as const };
    const size = 40;
    const crop = labelledCrop({ image: dot(11, 7), labels: { square, joints2d: joints(11, 7) } }, size, augmentation);
    const [x, y] = centre(crop.image, size);
    const j = augmentation.flip ? MIRROR_JOINTS[1]! : 1;
    // Joint 1 lies on the dot; a mirrored person has it as the other hip.
    expect(((crop.joints2d![3 * j]! + 1) / 2) * size - 0.5).toBeCloseTo(x, 0);
    expect(((crop.joints2d![3 * j + 1]! + 1) / 2) * size - 0.5).toBeCloseTo(y, 0);
  }
});

test("a turn by hand: a quarter turn from x towards y", () => {
  const turn = { ...NO_AUGMENTATION, rotation: Math.PI / 2 };
  const labels = { square, joints2d: joints(12, 9), joints3d: joints3d(0.2, 0, 1), pose: new Float32Array(72) };
  const crop = labelledCrop({ image: dot(12, 9), labels }, 10, turn);
  expect(centre(crop.image, 10)[1]).toBeCloseTo(6.5, 5);
  Array.from(crop.joints3d!.subarray(0, 4)).forEach((x, i) => expect(x).toBeCloseTo([0, 0.2, 1, 1][i]!, 6));
  Array.from(crop.rotations!.subarray(0, 9)).forEach((x, i) =>
    expect(x).toBeCloseTo([0, -1, 0, 1, 0, 0, 0, 0, 1][i]!, 6),
  );
});

test("mirrored and turned parameters pose the body as its mirrored and turned 3D joints say", () => {
  const random = createRandom(5, "pose");
  const pose = Float32Array.from({ length: 72 }, () => random.normal(0, 0.4));
  pose[0] = 2.8;
  const figure = prepareFigures(proceduralBody())(new Float32Array(10));
  figure.pose(pose);
  const points = Float32Array.from({ length: 96 }, (_, i) =>
    i % 4 === 3 ? 1 : figure.joints[3 * Math.floor(i / 4) + (i % 4)]!,
  );
  const labels = { square, pose, joints3d: points };
  for (const [flip, rotation] of [
    [true, 0],
    [false, 0.7],
    [true, -0.4],
  ] as const) {
    const crop = labelledCrop({ image: dot(3, 3), labels }, 8, { ...NO_AUGMENTATION, flip, rotation });
    figure.pose(matrixToAxisAngleHost(crop.rotations!, 24));
    for (let j = 0; j < 24; j++) {
      for (let k = 0; k < 3; k++) {
        const posed = figure.joints[3 * j + k]! - figure.joints[k]!;
        // The procedural body is symmetric to about a millimetre.
        expect(Math.abs(posed - (crop.joints3d![4 * j + k]! - crop.joints3d![k]!))).toBeLessThan(2e-3);
      }
    }
  }
});

test("gain brightens each channel; what lies outside the picture is black", () => {
  const image = createImage(20, 20);
  image.data.fill(100);
  const crop = labelledCrop({ image, labels: { square: { cx: 0, cy: 10, side: 20 } } }, 20, {
    ...NO_AUGMENTATION,
    gain: [0.5, 1, 1.4],
  });
  expect(Array.from(crop.image.subarray(3 * 15, 3 * 15 + 3))).toEqual([50, 100, 140]);
  expect(Array.from(crop.image.subarray(3 * 3, 3 * 3 + 3))).toEqual([0, 0, 0]);
});

function joints(x: number, y: number): Float32Array {
  return Float32Array.from({ length: 72 }, (_, i) => [x, y, 1][i % 3]!);
}
function joints3d(x: number, y: number, z: number): Float32Array {
  return Float32Array.from({ length: 96 }, (_, i) => [x, y, z, 1][i % 4]!);
}
