/** @file The fused layer (convolution, frozen batch norm, residual, relu) against its tfjs composition, in value and gradient. */
import { beforeAll, describe, expect, it } from "vitest";
import { FUSED, hasFused } from "../../../src/engine/custom.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { composedFrozen } from "../../../src/nn/batch-norm.ts";
import { fusedLayer, type LayerTensors } from "../../../src/nn/fused-layer.ts";
import { composedConvolve, layerGeometry } from "../../../src/nn/layers.ts";
import { createRandom } from "../../../src/random.ts";

beforeAll(() => startEngine());

const random = createRandom(5, "layer");
const draw = <T extends Tensor>(shape: number[], low = -1, high = 1): T => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.uniform(low, high)),
    shape,
  ) as T;
};
/** Largest difference in units of the expected one's largest entry. */
const apart = (a: Tensor, b: Tensor) =>
  tf.div(tf.max(tf.abs(tf.sub(a, b))), tf.maximum(tf.max(tf.abs(b)), 1e-6)).dataSync()[0]!;

interface Case {
  /** B, H, W, C */
  readonly x: [number, number, number, number];
  /** rows, columns, outputs */
  readonly kernel: [number, number, number];
  readonly stride?: number;
  readonly bias?: boolean;
  readonly norm?: boolean;
  readonly residual?: boolean;
  readonly relu?: boolean;
}

const CASES: readonly Case[] = [
  { x: [2, 7, 9, 5], kernel: [3, 3, 6], norm: true, relu: true },
  { x: [3, 8, 5, 4], kernel: [1, 1, 7], norm: true, residual: true, relu: true },
  { x: [1, 6, 6, 16], kernel: [3, 3, 16], norm: true, bias: true, residual: true },
  { x: [2, 9, 7, 3], kernel: [7, 7, 8], stride: 2, norm: true, relu: true },
  { x: [2, 5, 8, 4], kernel: [1, 5, 3], bias: true, relu: true },
  { x: [2, 8, 5, 4], kernel: [5, 1, 3], bias: true },
  { x: [1, 9, 6, 6], kernel: [1, 1, 12], stride: 2, norm: true },
  { x: [5, 16, 16, 4], kernel: [1, 1, 8], stride: 2, norm: true, relu: true },
  { x: [2, 14, 9, 64], kernel: [1, 1, 70], stride: 2, norm: true, residual: true },
  { x: [2, 4, 6, 1], kernel: [3, 3, 1], bias: true, residual: true, relu: true },
  { x: [1, 1, 1, 8], kernel: [3, 3, 4], relu: true },
  // Enough channels and tiles for the engine's own paths: Winograd's, forwards and backwards, and the gradient of 1 x 1 weights.
  { x: [2, 17, 14, 32], kernel: [3, 3, 64], norm: true, residual: true, relu: true },
  { x: [3, 13, 18, 64], kernel: [3, 3, 32], bias: true },
  { x: [2, 20, 19, 48], kernel: [3, 3, 32], norm: true, relu: true },
  { x: [2, 21, 11, 64], kernel: [1, 1, 96], norm: true, relu: true },
];

function tensorsOf({ x, kernel, stride = 1, bias, norm, residual }: Case): LayerTensors {
  const [rows, columns, outputs] = kernel;
  const size = (n: number) => Math.ceil(n / stride);
  const vector = (low: number, high: number) => draw([outputs], low, high);
  return {
    weight: draw([rows, columns, x[3], outputs]),
    bias: bias ? vector(-1, 1) : undefined,
    // One gain of nought, as a trained norm may have, and one below it.
    norm: norm
      ? {
          gamma: tf.concat([tf.tensor1d([0, -0.7]), draw([outputs - 2], 0.3, 2)]),
          beta: vector(-1, 1),
          mean: vector(-1, 1),
          variance: vector(0.2, 2),
        }
      : undefined,
    residual: residual ? draw([x[0], size(x[1]), size(x[2]), outputs]) : undefined,
  };
}

const EPSILON = 1e-5;
const run = (own: Case, x: Tensor4D, t: LayerTensors, fused: boolean, constantInput = false): Tensor4D => {
  const { stride = 1, relu = false } = own;
  const activation = relu ? "relu" : "linear";
  if (fused) return fusedLayer(x, t, { ...layerGeometry(t.weight, { stride, constantInput }), relu, epsilon: EPSILON });
  const options = { stride, activation, ...(t.residual ? { residual: t.residual } : {}) } as const;
  if (t.norm) return composedFrozen(x, t, options);
  return composedConvolve(x, t.weight as Tensor4D, t.bias, options);
};

describe("the fused layer", () => {
  it.for(CASES)("is its composition: $x, $kernel", (own, { skip }) => {
    if (!hasFused("layer")) skip("the running engine has no fused kernels");
    const tensors = tensorsOf(own);
    const x = draw<Tensor4D>(own.x);
    const expected = run(own, x, tensors, false);
    expect(apart(run(own, x, tensors, true), expected)).toBeLessThan(1e-5);
    const weights = draw(expected.shape);
    const { norm, ...rest } = tensors;
    const named = { ...rest, ...(norm ? { gamma: norm.gamma, beta: norm.beta } : {}), x };
    const wanted = Object.entries(named).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
    const gradients = (fused: boolean) =>
      tf.grads((...args: Tensor[]) => {
        const given = Object.fromEntries(wanted.map(([name], i) => [name, args[i]!])) as never as LayerTensors & {
          gamma: Tensor;
          beta: Tensor;
          x: Tensor4D;
        };
        const replaced = norm ? { ...given, norm: { ...norm, gamma: given.gamma, beta: given.beta } } : given;
        return tf.sum(tf.mul(weights, run(own, given.x, replaced, fused))) as tf.Scalar;
      })(wanted.map(([, tensor]) => tensor));
    const composed = gradients(false);
    gradients(true).forEach((gradient, i) => {
      expect(gradient.shape, wanted[i]![0]).toEqual(wanted[i]![1].shape);
      expect(apart(gradient, composed[i]!), wanted[i]![0]).toBeLessThan(1e-5);
    });
  });

  it("follows its weights when a variable changes, also through packed copies", ({ skip }) => {
    if (!hasFused("layer")) skip("the running engine has no fused kernels");
    const own = CASES[0]!;
    const tensors = tensorsOf(own);
    const weight = tf.variable(tensors.weight);
    const x = draw<Tensor4D>(own.x);
    for (let i = 0; i < 3; i++) {
      const now = { ...tensors, weight };
      const expected = run(own, x, { ...tensors, weight: weight.clone() }, false);
      expect(apart(run(own, x, now, true), expected)).toBeLessThan(1e-5);
      expect(apart(run(own, x, now, true), expected)).toBeLessThan(1e-5);
      weight.assign(tf.mul(weight, -0.5));
    }
    weight.dispose();
  });

  it("has no gradient of the weights in a batch without images", ({ skip }) => {
    if (!hasFused("layerGradient")) skip("the running engine has no fused kernels");
    const [x, dy, weight] = [tf.zeros([0, 5, 6, 64]), tf.zeros([0, 5, 6, 64]), draw([1, 1, 64, 64])];
    // Memory that the result may be given, and must not show.
    draw([1, 1, 64, 64], 1, 2).dispose();
    const attributes = { stride: 1, padding: [0, 0], epsilon: EPSILON, wantsInput: 0, wantsResidual: 0 };
    const [gradient] = tf.engine().runKernel<Tensor[]>(FUSED.layerGradient, { x, dy, weight }, attributes);
    expect(tf.max(tf.abs(gradient!)).dataSync()[0]).toBe(0);
  });

  it("gives a constant input no gradient, and the parameters the same", ({ skip }) => {
    if (!hasFused("layer")) skip("the running engine has no fused kernels");
    const own = CASES[3]!;
    const tensors = tensorsOf(own);
    const x = draw<Tensor4D>(own.x);
    const loss = (constant: boolean) => (weight: Tensor) =>
      tf.sum(tf.square(run(own, x, { ...tensors, weight }, true, constant))) as tf.Scalar;
    expect(apart(tf.grad(loss(true))(tensors.weight), tf.grad(loss(false))(tensors.weight))).toBe(0);
    const ofInput = (z: Tensor) => tf.sum(run(own, z as Tensor4D, tensors, true, true));
    expect(() => tf.grad(ofInput)(x)).toThrow(/Cannot compute gradient/);
  });
});
