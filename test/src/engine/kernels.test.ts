import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { probeEngines } from "../../../src/engine/probe.ts";
import { tf } from "../../../src/engine/tf.ts";
import { torchKernels } from "../../../src/engine/torch/kernel-tables.ts";
import { loadAddon } from "../../../src/engine/torch/native.ts";
import { startWasm } from "../../../src/engine/wasm.ts";
import { kernelCases, restartNumbers } from "../../support/kernel-cases.ts";

const torch = (await probeEngines()).find((probe) => probe.name === "torch")!;
if (!torch.available) console.log(`skipped: the torch engine (${torch.detail})`);
const engines = torch.available ? ["torch", "wasm"] : ["wasm"];

beforeAll(async () => {
  if (torch.available) await startEngine("torch");
  await startWasm();
});
afterAll(() => tf.setBackend("cpu"));

describe.each(engines)("%s against tfjs's cpu backend", (engine) => {
  it.each(Object.keys(kernelCases))("%s", async (name) => {
    const run = async (backend: string) => {
      await tf.setBackend(backend);
      restartNumbers(name);
      return tf.tidy(() => {
        const y = kernelCases[name]!();
        return { shape: y.shape, dtype: y.dtype, values: Array.from(y.dataSync()) };
      });
    };
    const expected = await run("cpu");
    const actual = await run(engine);
    expect(actual.shape).toEqual(expected.shape);
    expect(actual.dtype).toBe(expected.dtype);
    expected.values.forEach((value, i) => {
      // Both are float32 sums of at most a few hundred terms of order one.
      expect(
        Number.isNaN(value) ? Number.isNaN(actual.values[i]!) : Math.abs(actual.values[i]! - value) < 2e-4,
        `element ${i}: ${actual.values[i]} against ${value}`,
      ).toBe(true);
    });
  });
});

describe.runIf(torch.available)("torch engine", () => {
  beforeAll(() => tf.setBackend("torch"));

  it("frees native memory when tensors are disposed", () => {
    const before = tf.memory() as unknown as { nativeBytes: number; numTensors: number };
    const x = tf.zeros([1000, 250]);
    expect((tf.memory() as unknown as { nativeBytes: number }).nativeBytes).toBe(before.nativeBytes + 1_000_000);
    x.dispose();
    tf.tidy(() => tf.sum(tf.mul(tf.ones([100, 100]), 3)).dataSync());
    expect(tf.memory()).toMatchObject({ nativeBytes: before.nativeBytes, numTensors: before.numTensors });
  });

  it("names the kernel and the shapes in its errors, and frees what the kernel had made", () => {
    const before = (tf.memory() as unknown as { nativeBytes: number }).nativeBytes;
    expect(() =>
      tf.tidy(() =>
        tf
          .engine()
          .runKernel(
            "BatchMatMul",
            { a: tf.ones([2, 3]), b: tf.ones([4, 5]) },
            { transposeA: false, transposeB: false },
          ),
      ),
    ).toThrow(/^BatchMatMul: .*\(inputs: a float32 \[2, 3\], b float32 \[4, 5\]\)$/s);
    expect((tf.memory() as unknown as { nativeBytes: number }).nativeBytes).toBe(before);
  });

  it("gives a clear error for more memory than there is, and lives on", () => {
    expect(() => tf.tidy(() => tf.fill([2 ** 20, 2 ** 20], 1))).toThrow(/memory|alloc/i);
    expect(tf.tidy(() => tf.sum(tf.ones([3])).dataSync()[0])).toBe(3);
  });

  it("uses all processors and holds the kernels that the models run on natively", () => {
    expect(loadAddon().threads).toBeGreaterThanOrEqual(1);
    for (const name of [
      "FusedConv2D",
      "Conv2DBackpropFilter",
      "BatchMatMul",
      "GatherV2",
      "UnsortedSegmentSum",
      "MaxPoolGrad",
    ])
      expect(torchKernels[name]).toBeDefined();
  });
});
