/** @file The flow networks' fused kernels against their tfjs compositions, in value and gradient. */
import { beforeAll, describe, expect, it } from "vitest";
import { composedLookup, correlationPyramid, correlator } from "../../flow/correlation.ts";
import { composedPass, fusedPass, type Pass } from "../../flow/raft-update.ts";
import { composedConvex, upsampleConvex } from "../../flow/upsample.ts";
import { hasFused } from "../../src/engine/custom.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";

beforeAll(() => startEngine());

const random = createRandom(8, "flow kernels");
const draw = (shape: readonly number[], low = -1, high = 1): Tensor4D => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.uniform(low, high)),
    [...shape],
  ) as Tensor as Tensor4D;
};
/** Largest difference in units of the expected one's largest entry. */
const apart = (a: Tensor, b: Tensor) => tf.div(tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(b))).dataSync()[0]!;

type Function4D = (...x: Tensor4D[]) => Tensor4D;

/** Compares values and all gradients of two functions of the same tensors. */
function expectSame(fused: Function4D, composed: Function4D, inputs: Tensor4D[], tolerance: number): void {
  const expected = composed(...inputs);
  const found = fused(...inputs);
  expect(found.shape).toEqual(expected.shape);
  expect(apart(found, expected)).toBeLessThan(tolerance);
  const weights = draw(expected.shape);
  const gradients = (f: Function4D) =>
    tf.grads((...x: Tensor[]) => tf.sum(tf.mul(weights, f(...(x as Tensor4D[])))) as tf.Scalar)(inputs);
  const wanted = gradients(composed);
  gradients(fused).forEach((gradient, i) => {
    expect(gradient.shape).toEqual(inputs[i]!.shape);
    expect(apart(gradient, wanted[i]!), `input ${i}`).toBeLessThan(2 * tolerance);
  });
}

describe("the recurrence's kernel", () => {
  it.for([
    { kernel: [1, 5], size: [2, 5, 9], hidden: 6, motion: 5 },
    { kernel: [5, 1], size: [1, 8, 3], hidden: 16, motion: 20 },
    { kernel: [3, 3], size: [3, 4, 4], hidden: 7, motion: 2 },
  ])("is the composed pass: kernel $kernel", ({ kernel, size, hidden, motion }, { skip }) => {
    if (!hasFused("recurrence")) skip("the running engine has no fused kernels");
    const width = hidden + motion;
    const inputs = [
      draw([...size, hidden]),
      draw([...size, motion], -2, 2),
      draw([...kernel, width, 2 * hidden], -0.3, 0.3),
      draw([...kernel, width, hidden], -0.3, 0.3),
      // Some gates shut, some open, some saturated beyond what exp can hold.
      draw([...size, 2 * hidden], -6, 6),
      draw([...size, hidden], -4, 4),
    ];
    const as =
      (apply: typeof fusedPass): Function4D =>
      (h, m, gates, candidate, contextGates, contextCandidate) =>
        apply({ gates, candidate, contextGates, contextCandidate } as Pass, h!, m!);
    expectSame(as(fusedPass), as(composedPass), inputs, 3e-6);
    const extreme = [...inputs.slice(0, 4), tf.mul(inputs[4]!, 100), tf.mul(inputs[5]!, 100)] as Tensor4D[];
    expect(apart(as(fusedPass)(...extreme), as(composedPass)(...extreme))).toBeLessThan(3e-6);
  });
});

describe("the convex up-sampling kernel", () => {
  it.for([
    [2, 3, 5],
    [1, 1, 1],
    [1, 6, 2],
  ])("is the composed one for maps of %s", (size, { skip }) => {
    if (!hasFused("convexUpsample")) skip("the running engine has no fused kernels");
    const inputs = [draw([...size, 2], -5, 5), draw([...size, 576], -3, 3)];
    expectSame((f, m) => upsampleConvex(f!, m!), (f, m) => composedConvex(f!, m!), inputs, 3e-6); // biome-ignore format: side by side
    const sharp = tf.mul(inputs[1]!, 60) as Tensor4D;
    expect(apart(upsampleConvex(inputs[0]!, sharp), composedConvex(inputs[0]!, sharp))).toBeLessThan(3e-6);
  });
});

describe("the look-up without volumes", () => {
  it.for([
    { size: [2, 5, 7], channels: 6, levels: 2, radius: 2 },
    { size: [1, 9, 8], channels: 33, levels: 3, radius: 1 },
    { size: [1, 4, 12], channels: 16, levels: 1, radius: 4 },
  ])("is the look-up in the volumes: $size, $channels channels", ({ size, channels, levels, radius }, { skip }) => {
    if (!hasFused("correlationDirect")) skip("the running engine has no fused kernels");
    const inputs = [draw([...size, channels]), draw([...size, channels])];
    // Some windows lie partly or fully outside, some at whole places.
    const coords = draw([...size, 2], -4, 13);
    const some = tf.tensor4d(coords.dataSync().map((x, i) => (i % 5 === 0 ? Math.round(x) : x)), [...size, 2] as never); // biome-ignore format: one thought
    const direct: Function4D = (a, b) => correlator(a!, b!, levels, radius, 0)(some);
    const composed: Function4D = (a, b) => composedLookup(correlationPyramid(a!, b!, levels), some, radius);
    expectSame(direct, composed, inputs, 3e-6);
    const wild = tf.fill(coords.shape, Number.NaN) as Tensor4D;
    expect(tf.max(tf.abs(correlator(inputs[0]!, inputs[1]!, levels, radius, 0)(wild))).dataSync()[0]).toBe(0);
  });

  it("is taken above the bound on memory alone", ({ skip }) => {
    if (!hasFused("correlationDirect")) skip("the running engine has no fused kernels");
    const [a, b] = [draw([1, 8, 8, 4]), draw([1, 8, 8, 4])];
    const bytesOf = (bound: number) =>
      tf.tidy(() => {
        const before = tf.memory().numBytes;
        correlator(a, b, 1, 1, bound);
        return tf.memory().numBytes - before;
      });
    expect(bytesOf(1e5)).toBeGreaterThanOrEqual(4 * 64 * 64);
    expect(bytesOf(1e4)).toBeLessThan(4 * 64 * 64);
  });
});
