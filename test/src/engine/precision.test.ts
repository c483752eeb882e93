/** @file bf16: what is rounded, what is not, and that switching back gives the float32 numbers again. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runFused } from "../../../src/engine/custom.ts";
import { runningPrecision, startEngine } from "../../../src/engine/engine.ts";
import { probeEngines } from "../../../src/engine/probe.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { fusedLayer } from "../../../src/nn/fused-layer.ts";

const torch = (await probeEngines()).find((probe) => probe.name === "torch")!;
if (!torch.available) console.log(`skipped: bf16 (${torch.detail})`);

const wave = (shape: number[], phase: number) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(phase + 1.3 * i)),
    shape,
    "float32",
  );
};
const x = () => wave([2, 6, 5, 8], 0) as Tensor4D;
const weights = (phase: number) => ({
  weight: wave([3, 3, 8, 8], phase),
  norm: {
    gamma: wave([8], 2),
    beta: wave([8], 3),
    mean: wave([8], 4),
    variance: tf.add(wave([8], 5), 1.5),
  },
});
const geometry = { stride: 1, padding: [1, 1] as const, relu: true, epsilon: 1e-5 };
/** Two layers, the second with a residual, as a network's block has them. */
const block = (image: Tensor4D, first: Tensor, gamma: Tensor): Tensor4D => {
  const a = weights(1);
  const inner = fusedLayer(image, { ...a, weight: first, norm: { ...a.norm, gamma } }, geometry);
  return fusedLayer(inner, { ...weights(7), residual: image }, geometry);
};

/** Greatest difference over the greatest value. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [scale, most] = [Array.from(b), Array.from(a, (v, i) => v - b[i]!)].map((v) => Math.max(...v.map(Math.abs)));
  return most! / scale!;
}

describe.runIf(torch.available)("precision bf16", () => {
  beforeAll(() => startEngine("torch"));
  afterAll(() => startEngine("auto", "fp32"));

  const run = async (precision: "fp32" | "bf16") => {
    await startEngine("auto", precision);
    expect(runningPrecision()).toBe(precision);
    return tf.tidy(() => {
      const loss = (image: Tensor, weight: Tensor, gamma: Tensor) => {
        const y = block(image as Tensor4D, weight, gamma);
        return tf.sum(tf.mul(y, wave(y.shape, 9)));
      };
      const inputs = [x(), wave([3, 3, 8, 8], 1), wave([8], 2)];
      const gradients = tf.grads(loss)(inputs);
      return [block(x(), inputs[1]!, inputs[2]!), ...gradients].map((t) => t.dataSync());
    });
  };

  it("rounds layers and their gradients to about three digits, and float32 is exact again afterwards", async () => {
    const [exact, rounded, again] = [await run("fp32"), await run("bf16"), await run("fp32")];
    for (const i of [0, 1, 2, 3]) {
      const difference = apart(rounded[i]!, exact[i]!);
      expect(difference).toBeGreaterThan(1e-5);
      expect(difference).toBeLessThan(0.03);
      expect(again[i]).toEqual(exact[i]);
    }
  });

  it("keeps everything but convolutions in float32", async () => {
    await startEngine("auto", "bf16");
    const small = 1 + 2 ** -12;
    const y = tf.tidy(() => {
      const [made] = runFused("layer", { x: tf.ones([1, 1, 1, 1]), weight: tf.ones([1, 1, 1, 1]) }, { stride: 1, padding: [0, 0], epsilon: 0, relu: 0 }); // biome-ignore format: one call
      // A bfloat16 layer's output times a number that bfloat16 does not have.
      return tf
        .concat([
          tf.reshape(tf.mul(made!, small), [1]),
          tf.reshape(tf.matMul(tf.reshape(made!, [1, 1]), tf.tensor2d([[small]])), [1]),
        ])
        .dataSync();
    });
    expect([...y]).toEqual([small, small]);
  });
});
