import { beforeAll, describe, expect, test } from "vitest";
import { DISTANCE, drawTurns, jointSides } from "../../../pipelines/lifting/reprojection.ts";
import {
  criticLoss,
  criticView,
  cycleLosses,
  kneesForward,
  makerLoss,
  runCycle,
} from "../../../pipelines/lifting/self-supervision.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { initialValues } from "../../../src/nn/init.ts";
import { parametersFromHost } from "../../../src/nn/parameters.ts";
import { createRandom } from "../../../src/random.ts";
import { poseNetShapes } from "../../../templates/nets/pose-net.ts";
import { expectGradients } from "../../support/gradcheck.ts";

beforeAll(() => startEngine());

const near = (values: readonly number[], digits = 5) => values.map((x) => expect.closeTo(x, digits));
const number = (x: Tensor) => x.dataSync()[0]!;
const seenFrom = (skeletons: Tensor3D) => {
  const [xy, z] = tf.split(skeletons, [2, 1], 2);
  return tf.div(xy!, z!) as Tensor3D;
};
/** Two skeletons [2,4,3] relative to the root, about unit size, before the camera, and turns for them. */
function scene() {
  const random = createRandom(6, "skeletons");
  const values = Array.from({ length: 24 }, (_, i) => (i % 12 < 3 ? 0 : random.normal(0, 0.7)));
  const truth = tf.tensor3d(values, [2, 4, 3]);
  const placed = tf.add(truth, [0, 0, DISTANCE]) as Tensor3D;
  return { random, truth, placed, turns: tf.tensor3d(drawTurns(random, 2), [2, 3, 3]), points: seenFrom(placed) };
}

describe("the cycle", () => {
  test("of a lifter that is always right ends where it began, whatever the turn", () => {
    const { points, truth, turns } = scene();
    // Asked first for the poses themselves, then for the turned ones.
    const answers = [truth, tf.matMul(truth, turns, false, true) as Tensor3D];
    const asked: Tensor3D[] = [];
    const lift = (x: Tensor3D) => {
      asked.push(x);
      return answers[asked.length - 1]!;
    };
    const cycle = runCycle(lift, points, turns);
    const { space, plane } = cycleLosses(points, cycle);
    expect(number(space)).toBeCloseTo(0, 9);
    expect(number(plane)).toBeCloseTo(0, 9);
    expect([...cycle.back.dataSync()]).toEqual(near([...points.dataSync()]));
    // What it is asked for the second time is what the turned skeletons look like, and not what it saw before.
    const turned = tf.add(answers[1]!, [0, 0, DISTANCE]) as Tensor3D;
    expect([...asked[1]!.dataSync()]).toEqual(near([...seenFrom(turned).dataSync()]));
    expect(number(tf.max(tf.abs(tf.sub(asked[1]!, points))))).toBeGreaterThan(0.02);
  });

  test("of one that is wrong by a known length has a known loss", () => {
    const { points, placed, truth } = scene();
    const still = tf.tile(tf.expandDims(tf.eye(3), 0), [2, 1, 1]) as Tensor3D;
    // Right at first; then 0.3 too far, all joints alike: they are seen nearer to the middle, z / (z + 0.3) times.
    let first = true;
    const lift = () => {
      const found = first ? truth : (tf.add(truth, [0, 0, 0.3]) as Tensor3D);
      first = false;
      return found;
    };
    const { space, plane } = cycleLosses(points, runCycle(lift, points, still));
    expect(number(space)).toBeCloseTo(0.09, 5);
    const [p, z] = [points.arraySync(), placed.arraySync()];
    let sum = 0;
    for (let b = 0; b < 2; b++)
      for (let j = 0; j < 4; j++) {
        const lost = 1 - z[b]![j]![2]! / (z[b]![j]![2]! + 0.3);
        sum += (lost * p[b]![j]![0]!) ** 2 + (lost * p[b]![j]![1]!) ** 2;
      }
    expect(number(plane)).toBeCloseTo(sum / 8, 6);
  });

  test("has the gradient of central differences through both lifts", () => {
    const { points, random, turns } = scene();
    const f = (weights: Tensor) => {
      const lift = (x: Tensor3D) => {
        const depth = tf.matMul(tf.reshape(x, [2, 8]), weights as Tensor2D);
        const z = tf.expandDims(tf.add(depth, DISTANCE), 2);
        return tf.sub(tf.concat([tf.mul(x, z), z], 2), [0, 0, DISTANCE]) as Tensor3D;
      };
      const { space, plane } = cycleLosses(points, runCycle(lift, points, turns));
      return tf.add(space, tf.mul(plane, 20)) as tf.Scalar;
    };
    const weights = tf.tensor2d(
      Array.from({ length: 32 }, () => random.normal(0, 2)),
      [8, 4],
    );
    expectGradients(f, [weights], { step: 1e-2, tolerance: 1e-2 });
  });
});

describe("critics", () => {
  test("see poses in normal form, motion ten times larger, sides as in the picture", () => {
    const names = ["pelvis", "left-hip", "right-hip"];
    const sides = jointSides(names, [0, 2, 1]);
    // Distances 0, 3 and 4 units: rms 5 / sqrt 3; the left hip is on the right.
    const points = tf.tensor3d([[[0, 0], [3, 0], [0, -4]]]); // biome-ignore format: one pose
    const next = tf.tensor3d([[[0, 0], [3, 1], [0, -6]]]); // biome-ignore format: one pose
    const unit = 5 / Math.sqrt(3);
    expect([...criticView(points, undefined).dataSync()]).toEqual(near([0, 0, 3, 0, 0, -4].map((x) => x / unit)));
    expect([...criticView(points, sides, next).dataSync()]).toEqual(
      near([0, 0, 0, -4, 3, 0, 0, 0, 0, -20, 0, 10].map((x) => x / unit)),
    );
  });

  test("score by least squares, and what makes poses wants the opposite", () => {
    const spec = { inputs: 2, outputs: 1, width: 1, blocks: 0, norm: false };
    const parameters = parametersFromHost(initialValues(poseNetShapes("pose", spec), 1));
    // relu(2 x - y + 1) * 0.5 - 0.25.
    parameters.get("pose.start.weight")!.assign(tf.tensor2d([[2], [-1]]));
    parameters.get("pose.start.bias")!.assign(tf.tensor1d([1]));
    parameters.get("pose.end.weight")!.assign(tf.tensor2d([[0.5]]));
    parameters.get("pose.end.bias")!.assign(tf.tensor1d([-0.25]));
    const critic = { parameters, prefix: "pose", spec };
    const real = tf.tensor2d([[1, 2], [3, 0]]); // biome-ignore format: two
    const made = tf.tensor2d([[-4, 0], [0, 0]]); // biome-ignore format: two
    // Scores 0.25 and 3.25, then -0.25 and 0.25.
    expect(number(criticLoss(critic, real, made))).toBeCloseTo((0.75 ** 2 + 2.25 ** 2) / 2 + 0.0625, 5);
    expect(number(makerLoss(critic, made))).toBeCloseTo((1.25 ** 2 + 0.75 ** 2) / 2, 5);
  });
});

test("knees are before the line from hip to ankle, seen from where the chest faces, and not in the mirror of depth", () => {
  const joints = ["pelvis", "chest", "left-hip", "left-knee", "left-ankle", "right-hip", "right-knee", "right-ankle"];
  // Facing the camera (z away from it, y down): the left knee 0.2 towards it, the right leg straight.
  const front = [[0, 0, 0], [0, -5, 0], [-1, 0, 0], [-1, 4, -0.2], [-1, 8, 0], [1, 0, 0], [1, 4, 0], [1, 8, 0]]; // biome-ignore format: one skeleton
  const about = (angle: number) =>
    front.map(([x, y, z]) => [x! * Math.cos(angle) + z! * Math.sin(angle), y!, z! * Math.cos(angle) - x! * Math.sin(angle)]); // biome-ignore format: one line
  expect(kneesForward(front.flat(), joints)).toBeCloseTo(0.1, 6);
  // Turned by any angle it stays so; both together are their mean.
  expect(kneesForward([...about(2.5).flat(), ...front.flat()], joints)).toBeCloseTo(0.1, 6);
  expect(kneesForward(about(1).flatMap(([x, y, z]) => [x!, y!, -z!]), joints)).toBeCloseTo(-0.1, 6); // biome-ignore format: one line
});
