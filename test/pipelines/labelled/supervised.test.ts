/** @file The supervised loss: golden terms, what missing labels do, and gradients. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  type LabelledPrediction,
  type LabelledTargets,
  SUPERVISED_OPTIONS,
  SUPERVISED_TERMS,
  supervisedLoss,
} from "../../../pipelines/labelled/supervised.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { completeOptions, defaultsOf } from "../../../src/options.ts";
import { createRandom } from "../../../src/random.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

const path = shared("golden/loss/supervised.json");
const defaults = defaultsOf(SUPERVISED_OPTIONS);

beforeAll(async () => {
  await startEngine();
});

interface SupervisedGolden extends Record<string, unknown> {
  readonly terms: Record<string, number>;
  readonly weighted_sum_times_60: number;
}

it.skipIf(!path)("gives the golden terms and sum", () => {
  const g = readGolden<SupervisedGolden>(path!);
  // Joints 25..48 of the 49-joint set are the ones that count; the hips are the third and fourth of them.
  const joints = (key: string) => tf.slice(tf.tensor3d(g[key] as number[][][]), [0, 25, 0], [-1, 24, -1]);
  const predicted: LabelledPrediction = {
    rotations: tf.tensor4d(g["rotmat_pred"] as number[][][][]),
    betas: tf.tensor2d(g["betas_pred"] as number[][]),
    camera: tf.tensor2d(g["camera_pred"] as number[][]),
    joints3d: joints("joints3d_pred"),
    joints2d: joints("keypoints2d_pred"),
  };
  const targets: LabelledTargets = {
    rotations: { values: tf.tensor4d(g["rotmat_gt"] as number[][][][]), known: tf.ones([3]) },
    betas: { values: tf.tensor2d(g["betas_gt"] as number[][]), known: tf.ones([3]) },
    joints3d: tf.concat([joints("joints3d_gt"), tf.ones([3, 24, 1])], 2) as Tensor3D,
    joints2d: joints("keypoints2d_gt"),
    rootJoints: [2, 3],
  };
  const { total, terms } = supervisedLoss(predicted, targets, defaults);
  const expected = SUPERVISED_TERMS.map((term) => g.terms[term === "shapePrior" ? "shape_prior" : term]);
  expectClose(tf.stack(SUPERVISED_TERMS.map((term) => terms[term])), expected, 1e-8, 2e-5);
  expectClose(total, [g.weighted_sum_times_60], 0, 2e-5);
});

const K = 3;
function random(shape: number[], key: string): Tensor {
  const stream = createRandom(2, key);
  return tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => stream.normal(0, 0.4)),
    shape,
  );
}
const predictions = (): LabelledPrediction => ({
  rotations: random([2, 2, 3, 3], "r"),
  betas: random([2, 4], "b") as Tensor2D,
  camera: tf.tensor2d([0.2, 0.1, 0, 0.3, 0, 0.2], [2, 3]),
  joints3d: random([2, K, 3], "j3") as Tensor3D,
  joints2d: random([2, K, 2], "j2") as Tensor3D,
});
const full = (): Required<LabelledTargets> => ({
  rotations: { values: random([2, 2, 3, 3], "tr"), known: tf.tensor1d([1, 0]) },
  betas: { values: random([2, 4], "tb"), known: tf.tensor1d([0, 1]) },
  joints3d: tf.concat([random([2, K, 3], "t3"), tf.tensor3d([1, 1, 0, 1, 1, 1], [2, K, 1])], 2) as Tensor3D,
  joints2d: tf.concat([random([2, K, 2], "t2"), tf.tensor3d([0.3, 0, 1, 0, 0, 2], [2, K, 1])], 2) as Tensor3D,
  rootJoints: [0, 1],
});
const term = (name: (typeof SUPERVISED_TERMS)[number], targets: LabelledTargets, of = predictions()) =>
  supervisedLoss(of, targets, defaults).terms[name].dataSync()[0]!;

describe("missing labels", () => {
  it("leave the terms that need none", () => {
    const only: LabelledTargets = { rootJoints: [0] };
    for (const name of ["pose", "shape", "keypoints2d", "keypoints3d"] as const) expect(term(name, only)).toBe(0);
    expect(term("shapePrior", only)).toBeGreaterThan(0);
    // exp(-10 s)^2 for the scales 0.2 and 0.3.
    expect(term("camera", only)).toBeCloseTo((Math.exp(-4) + Math.exp(-6)) / 2, 6);
  });

  it("of some people do not dilute the others", () => {
    const values = (x: Tensor) => Array.from(x.dataSync());
    const p = predictions();
    const t = full();
    const meanSquare = (a: number[], b: number[]) => a.reduce((s, x, i) => s + (x - b[i]!) ** 2, 0) / a.length;
    const pose = meanSquare(values(p.rotations).slice(0, 18), values(t.rotations.values).slice(0, 18));
    expect(term("pose", t)).toBeCloseTo(pose, 6);
    expect(term("shape", t)).toBeCloseTo(meanSquare(values(p.betas).slice(4), values(t.betas.values).slice(4)), 6);
    // Squared distances of the three seen keypoints over three.
    const [a, b] = [values(p.joints2d), values(t.joints2d)];
    const distance = (j: number) => (a[2 * j]! - b[3 * j]!) ** 2 + (a[2 * j + 1]! - b[3 * j + 1]!) ** 2;
    expect(term("keypoints2d", t)).toBeCloseTo((distance(0) + distance(2) + distance(5)) / 3, 6);
  });

  it("may hold any numbers, NaN too", () => {
    const t = full();
    const broken = tf.mul(
      t.joints3d,
      tf.tensor3d([1, 1, 1, 1, 1, 1, 1, 1, Number.NaN, Number.NaN, Number.NaN, 1, ...new Array(12).fill(1)], [2, K, 4]),
    ) as Tensor3D;
    expect(term("keypoints3d", { ...t, joints3d: broken })).toBeCloseTo(term("keypoints3d", t), 6);
    const rotations = {
      values: tf.concat([tf.slice(t.rotations.values, 0, 1), tf.fill([1, 2, 3, 3], Number.NaN)]),
      known: t.rotations.known,
    };
    const f = (x: Tensor) => supervisedLoss({ ...predictions(), rotations: x }, { ...t, rotations }, defaults).total;
    expect(Array.from(tf.grad(f)(predictions().rotations).dataSync()).every(Number.isFinite)).toBe(true);
  });

  it("of a root joint leave a person without a 3D term", () => {
    const t = full();
    const blind = tf.concat(
      [tf.slice(t.joints3d, [0, 0, 0], [-1, -1, 3]), tf.tensor3d([0, 1, 1, 0, 1, 1], [2, K, 1])],
      2,
    );
    expect(term("keypoints3d", { ...t, joints3d: blind as Tensor3D })).toBe(0);
    expect(term("keypoints3d", { ...t, joints3d: blind as Tensor3D, rootJoints: [1] })).toBeGreaterThan(0);
  });
});

it("has the gradient of central differences in every input", () => {
  const p = predictions();
  const given = completeOptions("test", SUPERVISED_OPTIONS, { shape: 0.7, scale: 2 });
  const f = (rotations: Tensor, betas: Tensor, camera: Tensor, joints3d: Tensor, joints2d: Tensor) =>
    supervisedLoss(
      {
        rotations,
        betas: betas as Tensor2D,
        camera: camera as Tensor2D,
        joints3d: joints3d as Tensor3D,
        joints2d: joints2d as Tensor3D,
      },
      full(),
      given,
    ).total;
  expectGradients(f, [p.rotations, p.betas, p.camera, p.joints3d, p.joints2d], { tolerance: 1e-2 });
});
