import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { affineFromRaw, transformPoints } from "../../templates/affine.ts";
import {
  anchorBoundaryLoss,
  anchorLoss,
  boundaryLoss,
  jointsFromAnchors,
  stiffnessLoss,
} from "../../templates/part-losses.ts";
import { loadTemplate, TEMPLATE_NAMES, templateJoints } from "../../templates/part-template.ts";
import { unit } from "../support/formula.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

const template = loadTemplate("arms-out");
const anchorsOf = (matrices: Tensor, of = template) =>
  transformPoints(
    matrices as Tensor4D,
    of.anchors.map(({ point }) => point),
    of.anchors.map(({ part }) => part),
  );

it.each(TEMPLATE_NAMES)("both losses are 0 for the untouched %s, whose joints are the template's", (name) => {
  const own = loadTemplate(name);
  const anchors = anchorsOf(affineFromRaw(tf.zeros([1, 18, 2, 3]), 256), own);
  expect(anchorLoss(anchors, own, 256, "code").dataSync()[0]).toBe(0);
  expect(anchorBoundaryLoss(anchors, 256, "code").dataSync()[0]).toBe(0);
  expectClose(jointsFromAnchors(anchors, own), templateJoints(own, 256).flat(), 1e-4);
});

it("stiffnessLoss is 0 for shifts, else the mean square by which linear parts differ from the identity", () => {
  const matrices = [[1, 0, 7, 0, 1, -3], [2, 0.5, 0, 0, 1, 0]]; // biome-ignore format: rows of two matrices
  expectClose(stiffnessLoss(tf.tensor4d(matrices.flat(), [1, 2, 2, 3])), [(1 + 0.25) / 2]);
});

it("boundaryLoss sums |a| over the axes that are outside, and averages over the batch", () => {
  const points = tf.tensor3d([[[0.5, 1.5]], [[-2, 1]]]); // biome-ignore format: short
  expectClose(boundaryLoss(points), [(1.5 + 2) / 2]);
});

describe("against the released code", () => {
  const path = shared("golden/templates/anchors_losses.json");
  const golden = path
    ? readGolden<{
        matrices: number[][][][];
        anchors_moved: number[][][][];
        joints15: number[][][];
        anchor: { code_scale: number; paper_scale_mean_over_17_joins: number };
        boundary: { fixed_form_code_scale: number; plain_sum_over_anchors_and_axes: number };
        grad_theta_of_total: number[][][][];
      }>(path)
    : undefined;

  it.runIf(golden)("anchors, joints and both losses agree", () => {
    const anchors = anchorsOf(tf.tensor4d(golden!.matrices));
    expectClose(anchors, golden!.anchors_moved.map((frame) => frame.flatMap((part, k) =>
      part.slice(0, template.anchors.filter((anchor) => anchor.part === k).length))), 1e-3); // biome-ignore format: one thought
    expectClose(jointsFromAnchors(anchors, template), golden!.joints15, 1e-3);
    expectClose(anchorLoss(anchors, template, 256, "code"), [golden!.anchor.code_scale], 1e-5);
    expectClose(anchorLoss(anchors, template, 256, "paper"), [golden!.anchor.paper_scale_mean_over_17_joins], 1e-5);
    expectClose(anchorBoundaryLoss(anchors, 256, "code"), [golden!.boundary.fixed_form_code_scale], 1e-5);
    expectClose(anchorBoundaryLoss(anchors, 256, "paper"), [golden!.boundary.plain_sum_over_anchors_and_axes], 1e-5);
  });

  it.runIf(golden)("the gradient of their sum agrees", () => {
    const scales = [0.2, 0.2, 0.08];
    const raw = Float32Array.from(unit("templates/theta", 216), (x, i) => x * scales[i % 3]! * (i < 108 ? 1 : 3));
    const total = (r: Tensor) => {
      const anchors = anchorsOf(affineFromRaw(r as Tensor4D, 256));
      const loss = tf.mul(anchorLoss(anchors, template, 256, "code"), 0.5);
      return tf.add(loss, anchorBoundaryLoss(anchors, 256, "code")) as tf.Scalar;
    };
    expectClose(tf.grad(total)(tf.tensor(raw, [2, 18, 2, 3])), golden!.grad_theta_of_total, 1e-4, 1e-4);
  });
});
