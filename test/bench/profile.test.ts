/** @file Operations, floors and the timing of kernels. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { floorsText } from "../../bench/floors.ts";
import { floorMs, operationsOf, profileKernels, profileRows } from "../../bench/profile.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";

beforeAll(() => startEngine());
const of = (...shape: number[]): TensorInfo => ({ dataId: {}, shape, dtype: "float32" });

it("counts a convolution's operations in every direction: two per filter entry and output position", () => {
  // 3x3 filter from 4 to 5 channels, output 2 x 6 x 7: 2 * (3*3*4*5) * (2*6*7).
  const expected = 2 * 180 * 84;
  const [x, filter, y] = [of(2, 6, 7, 4), of(3, 3, 4, 5), of(2, 6, 7, 5)];
  expect(operationsOf("Conv2D", { x, filter }, [y])).toBe(expected);
  expect(operationsOf("Conv2DBackpropInput", { dy: y, filter }, [x])).toBe(expected);
  expect(operationsOf("Conv2DBackpropFilter", { x, dy: y }, [filter])).toBe(expected);
});

it("counts a fused layer as a convolution, and its gradient once for the weights and once for a wanted input", () => {
  const expected = 2 * 180 * 84;
  const [x, weight, y] = [of(2, 6, 7, 4), of(3, 3, 4, 5), of(2, 6, 7, 5)];
  expect(operationsOf("MotionCueLayer", { x, weight }, [y])).toBe(expected);
  expect(operationsOf("MotionCueLayerGradient", { dy: y, x, weight }, [weight, y, x])).toBe(2 * expected);
  expect(operationsOf("MotionCueLayerGradient", { dy: y, x, weight }, [weight, y])).toBe(expected);
});

it("counts a product's operations, batched, transposed or with a shared right side; none of element-wise kernels", () => {
  expect(operationsOf("BatchMatMul", { a: of(3, 5, 7), b: of(3, 7, 11) }, [of(3, 5, 11)])).toBe(2 * 3 * 5 * 7 * 11);
  expect(operationsOf("BatchMatMul", { a: of(3, 7, 5), b: of(1, 7, 11) }, [of(3, 5, 11)])).toBe(2 * 3 * 5 * 7 * 11);
  expect(operationsOf("_FusedMatMul", { a: of(5, 7), b: of(7, 11) }, [of(5, 11)])).toBe(2 * 5 * 7 * 11);
  expect(operationsOf("Multiply", { a: of(5, 7), b: of(5, 7) }, [of(5, 7)])).toBe(0);
});

it("takes the larger of the two floors, and no floor above the time itself", () => {
  const peaks = { operations: 100, bytes: 10 };
  expect(floorMs({ ms: 9, operations: 400, bytes: 20 }, peaks)).toBe(4);
  expect(floorMs({ ms: 9, operations: 100, bytes: 20 }, peaks)).toBe(2);
  expect(floorMs({ ms: 1, operations: 0, bytes: 20 }, peaks)).toBe(1);
});

it("shows shares of the whole, what is outside kernels, and sums", () => {
  const kernel = { name: "Add", calls: 2, ms: 6, operations: 0, bytes: 30 };
  const rows = profileRows(8, [kernel], { operations: 100, bytes: 10 });
  expect(rows[0]!.slice(0, 4)).toEqual(["Add", "2.00", "6.00", "75.0 %"]);
  expect(rows[0]!.at(-1)).toBe("3.00");
  expect(rows[1]!.slice(0, 4)).toEqual(["outside kernels", "", "2.00", "25.0 %"]);
  expect(rows[2]).toEqual(["all", "", "8.00", "100.0 %", "", "", "3.00"]);
});

it("writes profiles as tables with the kernels that matter, the rest as one line", () => {
  const kernel = (name: string, ms: number) => ({ name, calls: 1, ms, operations: 0, bytes: 0 });
  const kernels = [kernel("Long", 60), kernel("Other", 30), kernel("Tiny", 0.4), kernel("Less", 0.2)];
  const text = floorsText([
    {
      file: "profile-step.json",
      ms: 100,
      cpu: "Some CPU",
      threads: 2,
      engine: { name: "torch", device: "cpu, 2 threads", version: "libtorch 2.14.1" },
      date: "2026-11-21T10:00:00.000Z",
      peaks: { operations: 5e8, bytes: 4e7 },
      kernels,
    },
  ]);
  expect(text).toContain("## profile-step");
  expect(text).toContain("Some CPU, 2 threads, libtorch 2.14.1, 2026-11-21; peaks 500 GFLOP/s and 40.0 GB/s");
  expect(text).toMatch(/\| Long \| 1\.00 \| 60\.0 \| 60\.0 % \|/);
  expect(text).toMatch(/\| other kernels \| 2\.00 \| 0\.600 \|/);
  expect(text).not.toContain("Tiny");
});

it("times the kernels that run, each without those inside it, and leaves the engine as it was", async () => {
  const before = tf.getKernel("Add", tf.getBackend());
  const { ms, kernels } = await profileKernels(async () => {
    tf.tidy(() => {
      const x = tf.ones<tf.Rank.R2>([4, 6]);
      for (let i = 0; i < 3; i++) tf.add(x, x);
      tf.matMul(x, x, false, true).dataSync();
      tf.concat([x, x]);
    });
  });
  const named = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  expect(named.get("Add")).toMatchObject({ calls: 3, operations: 0, bytes: 3 * 3 * 4 * 24 });
  expect(named.get("BatchMatMul")).toMatchObject({ calls: 1, operations: 2 * 4 * 6 * 4 });
  expect(named.get("Concat")!.calls).toBe(1);
  expect(kernels.reduce((sum, kernel) => sum + kernel.ms, 0)).toBeLessThanOrEqual(ms);
  expect(kernels.map((kernel) => kernel.ms)).toEqual(kernels.map((kernel) => kernel.ms).sort((a, b) => b - a));
  expect(tf.getKernel("Add", tf.getBackend())!.kernelFunc).toBe(before!.kernelFunc);
});
