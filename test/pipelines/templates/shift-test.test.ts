import { beforeAll, describe, expect, it } from "vitest";
import { allLooks, findKeypoints } from "../../../pipelines/templates/find-keypoints.ts";
import { meanWithShifted, shiftImages } from "../../../pipelines/templates/shift-test.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../../src/engine/tf.ts";
import type { TemplateEstimator } from "../../../templates/estimator.ts";

beforeAll(async () => {
  await startEngine();
});

const SIZE = 8;

function dotAt(x: number, y: number): Tensor4D {
  const values = new Float32Array(SIZE * SIZE * 3);
  values.fill(1, 3 * (y * SIZE + x), 3 * (y * SIZE + x) + 3);
  return tf.tensor4d(values, [1, SIZE, SIZE, 3]);
}

/** Finds the bright dot, but only every other pixel, as a network does that halves its maps. */
function coarseDot(images: Tensor4D): [number, number] {
  const at = Math.floor(images.dataSync().indexOf(1) / 3);
  const even = (n: number) => n - (n % 2);
  return [even(at % SIZE), even(Math.floor(at / SIZE))];
}

const estimator: TemplateEstimator = {
  size: SIZE,
  jointNames: ["point-0"],
  parameters: new Map(),
  loss: () => ({ total: tf.scalar(0) }),
  infer: (images) => ({ keypoints: tf.tensor3d([[coarseDot(images)]]) }),
  draw: () => {
    throw new Error("not drawn");
  },
  prior: () => ({ points: tf.zeros([1, 2]) }),
  dispose: () => {},
};

describe("shiftImages", () => {
  it("looks through a window further right or down; beyond the edge is the edge", () => {
    const image = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 2, 3, 1]);
    const moved = (dx: number, dy: number) => {
      const shifted = shiftImages(image, dx, dy);
      const values = [...shifted.dataSync()];
      shifted.dispose();
      return values;
    };
    expect(moved(1, 0)).toEqual([2, 3, 3, 5, 6, 6]);
    expect(moved(-1, 0)).toEqual([1, 1, 2, 4, 4, 5]);
    expect(moved(0, 1)).toEqual([4, 5, 6, 4, 5, 6]);
    expect(moved(0, -1)).toEqual([1, 2, 3, 1, 2, 3]);
    image.dispose();
  });
});

describe("meanWithShifted", () => {
  it("averages what is found in five windows, put back, and frees what it makes", () => {
    const images = dotAt(5, 4);
    const before = tf.memory().numTensors;
    // x: 4, then 4 + 1, 6 - 1, 4 and 4; y: 4, 4, 4, then 2 + 1 and 4 - 1.
    const [mean] = meanWithShifted([Float32Array.of(4, 4)], images, (seen) => [Float32Array.from(coarseDot(seen))]);
    expect(mean![0]).toBeCloseTo(4.4, 6);
    expect(mean![1]).toBeCloseTo(3.6, 6);
    expect(tf.memory().numTensors).toBe(before);
    images.dispose();
  });

  it("is what keypoints and looks are found by, unless it is switched off", () => {
    const images = dotAt(5, 4);
    const found = [findKeypoints({ estimator }, images).points, allLooks(estimator, images)[0]!];
    for (const points of found) {
      expect(points[0]).toBeCloseTo(4.4, 6);
      expect(points[1]).toBeCloseTo(3.6, 6);
    }
    const plain = { shiftTest: false };
    expect([...findKeypoints({ estimator }, images, plain).points]).toEqual([4, 4]);
    expect([...allLooks(estimator, images, plain)[0]!]).toEqual([4, 4]);
    images.dispose();
  });
});
