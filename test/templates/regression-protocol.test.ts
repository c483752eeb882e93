import { describe, expect, it } from "vitest";
import { MotionCueError } from "../../src/errors.ts";
import { createRandom } from "../../src/random.ts";
import { type Keypoints, swapSides } from "../../templates/keypoint-metrics.ts";
import { applyLinear, fitLinear, regressionError } from "../../templates/regression-protocol.ts";

const MIRRORED = [1, 0, 2];

function frames(count: number, key: string) {
  const random = createRandom(5, key);
  const detected: Keypoints = {
    data: Float64Array.from({ length: count * 6 }, () => random.uniform(0.2, 0.8)),
    joints: 3,
  };
  return { detected, random };
}

/** Some fixed map from 3 points to 3 joints. */
const MAP = Float64Array.from({ length: 36 }, (_, i) => Math.sin(3 * i) / 3);

describe("fitLinear", () => {
  it("finds the map that made its joints", () => {
    const { detected } = frames(40, "fit");
    const fitted = fitLinear(detected, applyLinear(MAP, detected, 3));
    for (const [i, value] of fitted.entries()) expect(value).toBeCloseTo(MAP[i]!, 9);
  });

  it("says when the frames do not determine a map", () => {
    const { detected } = frames(4, "few");
    expect(() => fitLinear(detected, applyLinear(MAP, detected, 3))).toThrow(MotionCueError);
  });
});

describe("regressionError", () => {
  it("is 0 for joints that are a linear map of the points, also where sides are exchanged", () => {
    const known = frames(200, "train");
    const unseen = frames(30, "test");
    const truth = applyLinear(MAP, known.detected, 3);
    const exchanged = swapSides(truth, MIRRORED);
    // 40 of 200 frames are read the other way round; the protocol finds them.
    const mixed = truth.data as Float64Array;
    const data = mixed.map((value, i) => (Math.floor(i / 6) % 5 === 0 ? exchanged.data[i]! : value));
    const test = { detected: unseen.detected, truth: swapSides(applyLinear(MAP, unseen.detected, 3), MIRRORED) };
    const error = regressionError({ detected: known.detected, truth: { data, joints: 3 } }, test, MIRRORED);
    expect(error).toBeLessThan(1e-6);
  });

  it("leaves out frames beyond three deviations, and gives percent of the side", () => {
    const known = frames(400, "outliers");
    const truth = Float64Array.from(applyLinear(MAP, known.detected, 3).data);
    // Two wild frames would move the map; left out, they do not.
    truth.fill(9, 0, 12);
    const unseen = frames(20, "shifted");
    const shifted = Float64Array.from(applyLinear(MAP, unseen.detected, 3).data, (x, i) => (i % 2 ? x : x + 0.03));
    const error = regressionError(
      { detected: known.detected, truth: { data: truth, joints: 3 } },
      { detected: unseen.detected, truth: { data: shifted, joints: 3 } },
      [0, 1, 2],
    );
    expect(error).toBeCloseTo(3, 6);
  });
});
