/** @file What the engine and the machine can do: cost of a call from JavaScript, and peak rates for a profile's floor. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { BenchCase, Prepared } from "../case.ts";
import { finish } from "../finish.ts";

const CALLS = 20_000;
const SIDE = 1536;
/** Numbers in each array of the bandwidth case: 64 MB, beyond every cache. */
const LONG = 2 ** 24;
const CONVOLUTION = { batch: 16, size: 56, channels: 64, kernel: 3 } as const;

/** The measured peaks by case id: a matrix product, a convolution (GFLOP/s) and memory traffic (GB/s). */
export const PEAK_CASES = ["engine-matmul", "engine-convolution", "engine-bandwidth"] as const;

/** Cases without a peer. */
export function engineCases(): BenchCase[] {
  const alone = (id: string, label: string, unit: string, prepare: () => Prepared): BenchCase => ({
    id,
    label,
    unit,
    sizes: {},
    peers: [],
    prepare: async () => prepare(),
  });
  const { batch, size, channels, kernel } = CONVOLUTION;
  return [
    alone("engine-call", "an operation on four numbers, from JavaScript", "µs", fourNumbers),
    alone(PEAK_CASES[0], `matrix product, ${SIDE} x ${SIDE}`, "GFLOP/s", matmul),
    alone(
      PEAK_CASES[1],
      `convolution, ${batch} x ${size} x ${size}, ${channels} channels, ${kernel} x ${kernel}`,
      "GFLOP/s",
      convolution,
    ),
    alone(PEAK_CASES[2], "sum of two arrays of 64 MB", "GB/s", bandwidth),
  ];
}

function fourNumbers(): Prepared {
  const a = tf.tensor1d([1, 2, 3, 4]);
  const b = tf.tensor1d([5, 6, 7, 8]);
  return {
    run: () => {
      for (let i = 0; i < CALLS; i++) tf.add(a, b).dispose();
    },
    figure: (ms) => (1000 * ms) / CALLS,
    dispose: () => tf.dispose([a, b]),
  };
}

function matmul(): Prepared {
  const a = tf.randomUniform<tf.Rank.R2>([SIDE, SIDE], -1, 1, "float32", 1);
  const b = tf.randomUniform<tf.Rank.R2>([SIDE, SIDE], -1, 1, "float32", 2);
  return timed(() => tf.matMul(a, b), [a, b], 2 * SIDE ** 3);
}

function convolution(): Prepared {
  const { batch, size, channels, kernel } = CONVOLUTION;
  const x = tf.randomUniform([batch, size, size, channels], -1, 1, "float32", 1) as Tensor4D;
  const filter = tf.randomUniform([kernel, kernel, channels, channels], -1, 1, "float32", 2) as Tensor4D;
  const operations = 2 * batch * size ** 2 * channels ** 2 * kernel ** 2;
  return timed(() => tf.conv2d(x, filter, 1, "same"), [x, filter], operations);
}

function bandwidth(): Prepared {
  const a = tf.ones([LONG]);
  const b = tf.ones([LONG]);
  return timed(() => tf.add(a, b), [a, b], 3 * 4 * LONG);
}

/** `work` is in operations or bytes; the figure is thousands of millions of them per second. */
function timed(operation: () => tf.Tensor, owned: tf.Tensor[], work: number): Prepared {
  return {
    run: () => {
      const result = operation();
      finish(result);
      result.dispose();
    },
    figure: (ms) => work / ms / 1e6,
    dispose: () => tf.dispose(owned),
  };
}
