/** @file The fused skinning kernel against the composed formula, in value and gradient. */
import { beforeAll, describe, expect, it } from "vitest";
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { disposeLbs, linearBlendSkinning, prepareLbs, type SkinnedBody } from "../../smpl/lbs.ts";
import { packBody, skinFused } from "../../smpl/lbs-fused.ts";
import { hasFused } from "../../src/engine/custom.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, tf } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";

beforeAll(() => startEngine());

const random = createRandom(11, "skin");
const numbers = (size: number, scale: number) =>
  Float32Array.from({ length: size }, () => random.uniform(-scale, scale));
const PARENTS = [-1, 0, 1, 0, 3, 3, 2];

/** A body on a tree with two branches; each vertex hangs on two joints, so that most blocks of vertices know only some. */
function randomBody(vertexCount: number): BodyArrays {
  const jointCount = PARENTS.length;
  const weights = new Float32Array(vertexCount * jointCount);
  for (let v = 0; v < vertexCount; v++) {
    const first = Math.floor((v / vertexCount) * (jointCount - 1));
    const share = random.next();
    weights[v * jointCount + first] = share;
    weights[v * jointCount + first + 1] = 1 - share;
  }
  return {
    name: "random",
    vTemplate: numbers(3 * vertexCount, 1),
    shapeDirs: numbers(3 * vertexCount * 4, 0.1),
    poseDirs: numbers(3 * vertexCount * 9 * (jointCount - 1), 0.05),
    jointRegressor: numbers(jointCount * vertexCount, 2 / vertexCount),
    lbsWeights: weights,
    faces: Uint32Array.of(0, 1, 2),
    parents: Int32Array.from(PARENTS),
  };
}

type Skin = (rotations: Tensor, betas: Tensor, transl?: Tensor) => SkinnedBody;
const worst = (a: Tensor, b: Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;

/** Both ways of skinning one body. */
function both(vertexCount: number): { fused: Skin; composed: Skin; free: () => void } {
  const body = randomBody(vertexCount);
  const lbs = prepareLbs(body, 3);
  const packed = packBody(body, 3);
  return {
    fused: (...pose) => skinFused(packed, ...pose),
    composed: (...pose) => linearBlendSkinning(lbs, ...pose),
    free: () => {
      disposeLbs(lbs);
      tf.dispose(packed.tensors);
    },
  };
}

describe("the fused skinning kernel", () => {
  it("gives the formula's vertices, joints and gradients for any number of bodies and vertices", (context) => {
    if (!hasFused("skin")) return context.skip("the running engine has no fused kernels");
    for (const [vertexCount, bodies] of [
      [3, 1],
      [16, 2],
      [37, 3],
      [53, 8],
      [300, 13],
    ] as const) {
      // biome-ignore format: pairs
      const { fused, composed, free } = both(vertexCount);
      // No rotations, but any matrices: the kernel must not rely on orthogonality.
      const pose = [
        tf.tensor4d(numbers(bodies * 63, 0.7), [bodies, 7, 3, 3]),
        tf.tensor2d(numbers(bodies * 3, 2), [bodies, 3]),
        tf.tensor2d(numbers(bodies * 3, 3), [bodies, 3]),
      ] as const;
      const toVertices = tf.tensor3d(numbers(bodies * vertexCount * 3, 1), [bodies, vertexCount, 3]);
      const toJoints = tf.tensor3d(numbers(bodies * 21, 1), [bodies, 7, 3]);
      const [a, b] = [fused(...pose), composed(...pose)];
      expect(worst(a.vertices, b.vertices)).toBeLessThan(4e-6);
      expect(worst(a.joints, b.joints)).toBeLessThan(4e-6);
      for (const [useVertices, useJoints] of [
        [1, 1],
        [1, 0],
        [0, 1],
      ]) {
        // biome-ignore format: pairs
        const gradients = (skin: Skin) =>
          tf.grads((...x: Tensor[]) => {
            const { vertices, joints } = skin(x[0]!, x[1]!, x[2]!);
            const parts = [
              ...(useVertices ? [tf.sum(tf.mul(vertices, toVertices))] : []),
              ...(useJoints ? [tf.sum(tf.mul(joints, toJoints))] : []),
            ];
            return tf.addN(parts) as tf.Scalar;
          })([...pose]);
        const expected = gradients(composed);
        gradients(fused).forEach((gradient, i) => {
          const size = tf.max(tf.abs(expected[i]!)).dataSync()[0]!;
          expect(worst(gradient, expected[i]!) / size, `input ${i}`).toBeLessThan(3e-6);
        });
      }
      free();
    }
  });

  it("leaves out the translation where none is given, and gives equal bits each time", (context) => {
    if (!hasFused("skin")) return context.skip("the running engine has no fused kernels");
    const { fused, composed, free } = both(40);
    const pose = [tf.tensor4d(numbers(126, 0.7), [2, 7, 3, 3]), tf.tensor2d(numbers(6, 2), [2, 3])] as const;
    expect(worst(fused(...pose).vertices, composed(...pose).vertices)).toBeLessThan(4e-6);
    const gradient = () =>
      tf.grads((r: Tensor, b: Tensor) => tf.sum(tf.square(fused(r, b).vertices)) as tf.Scalar)([...pose]);
    const [first, again] = [gradient(), gradient()];
    first.forEach((g, i) => expect(worst(g, again[i]!)).toBe(0));
    free();
  });

  it("refuses arrays that do not fit together", (context) => {
    if (!hasFused("skin")) return context.skip("the running engine has no fused kernels");
    const { fused, free } = both(20);
    expect(() => fused(tf.zeros([2, 7, 3, 3]), tf.zeros([1, 3]))).toThrow(/skin: the body's arrays do not fit/);
    free();
  });
});
