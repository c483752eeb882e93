import { beforeAll, expect, it } from "vitest";
import { allLooks, findKeypoints } from "../../../pipelines/templates/find-keypoints.ts";
import { keypointName } from "../../../pipelines/templates/keypoint-names.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../../src/engine/tf.ts";
import type { TemplateEstimator } from "../../../templates/estimator.ts";

beforeAll(async () => {
  await startEngine();
});

/** Finds the brightest of nothing: joints at fixed places, which follow a mirror or do not. */
function fixedEstimator(follows: boolean): TemplateEstimator {
  const find = (images: Tensor4D) => {
    const isMirrored = images.dataSync()[0] === 0;
    const left = isMirrored && follows ? [3, 4] : [6, 4];
    const right = isMirrored && follows ? [3, 2] : [6, 2];
    return { keypoints: tf.tensor3d([[...[left, right]]] as number[][][]) };
  };
  return {
    size: 10,
    jointNames: ["left-hip", "right-hip"],
    parameters: new Map(),
    loss: () => ({ total: tf.scalar(0) }),
    infer: find,
    inferIteratively: (images, iterations) => Array.from({ length: iterations }, () => find(images)),
    draw: () => {
      throw new Error("not drawn");
    },
    prior: () => ({ points: tf.zeros([2, 2]) }),
    dispose: () => {},
  };
}

it("finds keypoints with the confidence that the mirror leaves them, and frees what it makes", () => {
  const images = tf.tensor4d(
    Float32Array.from({ length: 300 }, (_, i) => (i < 3 ? 1 : 0)),
    [1, 10, 10, 3],
  );
  const before = tf.memory().numTensors;
  // Mirrored back, left is where right was found and the other way round: 2 px of 10 apart in y.
  const still = { shiftTest: false };
  const { points, confidence } = findKeypoints({ estimator: fixedEstimator(true) }, images, still);
  expect([...points]).toEqual([6, 4, 6, 2]);
  expect(confidence[0]).toBeCloseTo(Math.exp(-((0.2 / 0.05) ** 2)), 6);
  const wrong = findKeypoints({ estimator: fixedEstimator(false) }, images, still);
  expect(wrong.confidence[0]).toBeCloseTo(Math.exp(-((Math.hypot(3, 2) / 10 / 0.05) ** 2)), 6);
  expect([...findKeypoints({ estimator: fixedEstimator(true) }, images, { ...still, flipTest: false }).points]).toEqual(
    [6, 4, 6, 2],
  );
  // Places that do not follow the mirror image are 3 px off there; the same sides agree better then.
  expect([...wrong.points]).toEqual([4.5, 4, 4.5, 2]);
  const looks = allLooks(fixedEstimator(false), images, { ...still, iterations: 3 });
  expect(looks.map((look) => [...look])).toEqual(Array.from({ length: 3 }, () => [4.5, 4, 4.5, 2]));
  const plain = allLooks(fixedEstimator(false), images, { ...still, flipTest: false });
  expect(plain.map((look) => [...look])).toEqual([[6, 4, 6, 2]]);
  expect(tf.memory().numTensors).toBe(before);
  images.dispose();
});

it("names joints as files of bodies do", () => {
  expect(keypointName("left-knee", "camera")).toBe("right-knee");
  expect(keypointName("left-knee", "away")).toBe("left-knee");
  expect(keypointName("chest", "camera")).toBe("neck");
  // A skeleton's head is the top of its neck, a template's the middle of its head.
  expect(keypointName("head", "camera")).toBe("head-centre");
  expect(keypointName("point-3", "camera")).toBe("point-3");
});
