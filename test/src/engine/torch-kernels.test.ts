/**
 * @file Kernels of the torch engine that our own networks do not use: against tfjs's cpu backend on uneven sizes, and by hand
 * where that backend has none or is wrong. tfjs's own specs run on the engine too (conformance.test.ts).
 */
import { totalmem } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { probeEngines } from "../../../src/engine/probe.ts";
import { type Tensor, tf } from "../../../src/engine/tf.ts";
import { isOnDevice } from "../../../src/engine/torch/native.ts";
import { createRandom } from "../../../src/random.ts";

const torch = (await probeEngines()).find((probe) => probe.name === "torch")!;
if (!torch.available) console.log(`skipped: the torch engine (${torch.detail})`);
beforeAll(async () => {
  if (torch.available) await startEngine("torch");
});
afterAll(() => tf.setBackend("cpu"));

let random = createRandom(0);
const draw = (shape: number[], low = -1) => {
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.uniform(low, 1));
  return tf.tensor(values, shape) as never;
};
const ints = (values: number[], shape = [values.length]) => tf.tensor(values, shape, "int32") as never;
const complex = (shape: number[]) => tf.complex(draw(shape), draw(shape)) as never;
const image = (channels = 3) => draw([2, 7, 9, channels]);
const volume = () => draw([2, 5, 6, 7, 2]);
/** A gradient of sum(y * cos(y)): sensitive to order, sign and scale of every element. */
const gradient = (f: (x: never) => Tensor, x: Tensor) =>
  tf.grad((z: Tensor) => {
    const y = f(z as never);
    return tf.sum(tf.mul(y, tf.cos(y)));
  })(x);
const kernel = (name: string, inputs: Record<string, Tensor>, attrs: object = {}) =>
  tf.engine().runKernel(name, inputs, attrs as never) as Tensor;
const boxes = () => tf.tensor2d([0.1, 0.2, 0.8, 1.1, -0.3, 0, 0.4, 0.9, 0.9, 0.8, 0.2, 0.1], [3, 4]);
const cropped = (method: "bilinear" | "nearest", size: [number, number]) =>
  tf.image.cropAndResize(image(), boxes(), ints([1, 0, 1]), size, method, 0.25);
/** conv2d's explicit paddings: rows above and below, columns left and right. */
const pad = (top: number, bottom: number, left: number, right: number) => [[0, 0], [top, bottom], [left, right], [0, 0]] as never; // biome-ignore format: pairs

const cases: Readonly<Record<string, () => Tensor>> = {
  "max pool, uneven padding": () => tf.maxPool(image(), [3, 2], [2, 1], pad(1, 2, 0, 1)),
  "max pool, rounded up": () => tf.maxPool(image(), [3, 2], [2, 2], 1, "ceil"),
  "max pool gradient, uneven padding": () => gradient((x) => tf.maxPool(x, [3, 2], [2, 1], pad(1, 2, 0, 1)), image()),
  "average pool, uneven padding": () => tf.avgPool(image(), [3, 2], [2, 1], pad(1, 2, 0, 1)),
  "average pool, same": () => tf.avgPool(image(), 2, 2, "same"),
  "average pool gradient, valid": () => gradient((x) => tf.avgPool(x, [3, 2], [2, 1], "valid"), image()),
  "max pool 3d": () => tf.maxPool3d(volume(), [2, 3, 2], [1, 2, 2], "same"),
  "average pool 3d": () => tf.avgPool3d(volume(), [2, 3, 2], [1, 2, 2], "valid"),
  "average pool 3d gradient": () => gradient((x) => tf.avgPool3d(x, [2, 3, 2], [1, 2, 2], "valid"), volume()),
  "conv3d same, strided": () => tf.conv3d(volume(), draw([3, 2, 3, 2, 4]), [2, 1, 2], "same"),
  "conv3d gradient of x": () => gradient((x) => tf.conv3d(x, draw([3, 2, 3, 2, 4]), [2, 1, 2], "same"), volume()),
  "conv3d gradient of filter": () => {
    const x = volume();
    return gradient((filter) => tf.conv3d(x, filter, [2, 1, 2], "same"), draw([3, 2, 3, 2, 4]));
  },
  "conv2d NCHW": () => tf.conv2d(draw([2, 3, 7, 9]), draw([3, 2, 3, 4]), [2, 1], "same", "NCHW"),
  "conv2d NCHW gradient of x": () =>
    gradient((x) => tf.conv2d(x, draw([3, 2, 3, 4]), 1, "valid", "NCHW"), draw([2, 3, 7, 9])),
  "conv2d rounded up": () => tf.conv2d(image(), draw([2, 2, 3, 4]), 2, 0, "NHWC", 1, "ceil"),
  "fused conv2d, bias of an image": () =>
    tf.fused.conv2d({
      x: image(),
      filter: draw([3, 3, 3, 2]),
      strides: 1,
      pad: "same",
      bias: draw([]),
      activation: "elu",
    }),
  "dilation 2d": () => tf.dilation2d(image(), draw([3, 2, 3]), [2, 1], "same", [1, 2]),
  "dilation 2d, gradient of x": () => gradient((x) => tf.dilation2d(x, draw([2, 3, 3]), 1, "valid"), image()),
  "dilation 2d, gradient of filter": () => {
    const x = image();
    return gradient((filter) => tf.dilation2d(x, filter, [1, 2], "same"), draw([2, 3, 3]));
  },
  "local response normalisation": () => tf.localResponseNormalization(image(7), 2, 1.5, 0.7, 0.6),
  "its gradient": () => gradient((x) => tf.localResponseNormalization(x, 2, 1.5, 0.7, 0.6), image(7)),
  "bilinear, oldest grid, up": () => tf.image.resizeBilinear(image(), [11, 10]),
  "bilinear, oldest grid, down": () => tf.image.resizeBilinear(image(), [4, 5]),
  nearest: () => tf.image.resizeNearestNeighbor(image(), [11, 5]),
  "nearest, corners": () => tf.image.resizeNearestNeighbor(image(), [11, 5], true),
  "nearest, half pixels": () => tf.image.resizeNearestNeighbor(image(), [11, 5], false, true),
  "flip left and right": () => tf.image.flipLeftRight(image()),
  "crops, bilinear": () => cropped("bilinear", [4, 5]),
  "crops, nearest": () => cropped("nearest", [3, 1]),
  "batch to space": () => tf.batchToSpaceND(draw([6, 3, 4, 2]), [2, 3], [[1, 0], [2, 3]]), // biome-ignore format: pairs
  "space to batch": () => tf.spaceToBatchND(draw([2, 3, 4, 2]), [2, 3], [[1, 0], [2, 3]]), // biome-ignore format: pairs
  "depth to space": () => tf.depthToSpace(draw([2, 3, 4, 12]), 2),
  diag: () => tf.diag(draw([2, 3])),
  "broadcast args": () => kernel("BroadcastArgs", { s0: ints([3, 1]), s1: ints([2, 1, 4]) }),
  "tensor scatter update": () => tf.tensorScatterUpdate(draw([5, 3]), ints([4, 1], [2, 1]), draw([2, 3])),
  "sparse to dense": () => tf.sparseToDense(ints([0, 2, 3, 1], [2, 2]), draw([2]), [4, 3], tf.scalar(0.5)),
  "segment sum with rows of no segment": () => tf.unsortedSegmentSum(draw([5, 3]), ints([0, -1, 2, 7, 2]), 3),
  "histogram with weights": () => tf.bincount(ints([1, 4, 1, 9]), tf.tensor1d([0.5, 2, 0.25, 1]), 6),
  "search sorted": () =>
    tf.searchSorted(tf.tensor2d([0, 2, 2, 5, 1, 1, 3, 3], [2, 4]), tf.tensor2d([2, 6, 1, 0], [2, 2]), "right"),
  "top k of equals": () => tf.topk(tf.tensor2d([3, 1, 3, 3, 2, 2, 2, 9], [2, 4]), 3).indices,
  "integer product": () => tf.matMul(ints([1, 2, 3, 4, 5, 6], [2, 3]), ints([7, 8, 9, 1, 2, 3], [3, 2])),
  "fourier transform": () => tf.fft(complex([2, 6])),
  "inverse fourier transform": () => tf.ifft(complex([2, 5])),
  "real fourier transform": () => tf.abs(tf.rfft(draw([3, 7]))),
  "its inverse": () => tf.irfft(complex([3, 4])),
  "complex arithmetic": () => tf.mul(complex([2, 3]), tf.sub(complex([3]), complex([2, 1]))),
  "complex layout": () => tf.concat([tf.transpose(complex([2, 3])), tf.reshape(complex([6]), [3, 2])], 1),
};

const values = (x: Tensor) => ({ shape: x.shape, dtype: x.dtype, values: Array.from(x.dataSync() as Float32Array) });

describe.runIf(torch.available)("against tfjs's cpu backend", () => {
  it.each(Object.keys(cases))("%s", async (name) => {
    const run = async (backend: string) => {
      await tf.setBackend(backend);
      random = createRandom(1, name);
      return tf.tidy(() => values(cases[name]!()));
    };
    const [expected, actual] = [await run("cpu"), await run("torch")];
    expect({ ...actual, values: [] }).toEqual({ ...expected, values: [] });
    const worst = Math.max(...expected.values.map((value, i) => Math.abs(value - actual.values[i]!)));
    // float32 sums of at most a few hundred terms of order one.
    expect(worst).toBeLessThan(2e-4);
    expect(expected.values.some((value) => value !== 0)).toBe(true);
  });
});

describe.runIf(torch.available)("by hand", () => {
  beforeAll(() => tf.setBackend("torch"));

  it("an average counts no padding, and its gradient spreads by the same counts", () => {
    // Windows of two, one pixel of padding behind: (1 + 2) / 2, (2 + 4) / 2, 4 / 1.
    const x = tf.tensor4d([1, 2, 4], [1, 1, 3, 1]);
    expect([...tf.avgPool(x, [1, 2], 1, "same").dataSync()]).toEqual([1.5, 3, 4]);
    const dx = tf.grad((z) =>
      tf.sum(tf.mul(tf.avgPool(z as never, [1, 2], 1, "same"), tf.tensor4d([1, 10, 100], [1, 1, 3, 1]))),
    )(x);
    expect([...dx.dataSync()]).toEqual([0.5, 5.5, 105]);
  });

  it("NaN wins no maximum, in a pool nor in its gradient", () => {
    const x = tf.tensor4d([1, Number.NaN, 3, 2], [1, 1, 4, 1]);
    expect([...tf.maxPool(x, [1, 2], [1, 2], "valid").dataSync()]).toEqual([1, 3]);
    const dx = tf.grad((z) => tf.sum(tf.maxPool(z as never, [1, 2], [1, 2], "valid")))(x);
    expect([...dx.dataSync()]).toEqual([1, 0, 1, 0]);
  });

  it.each<[string, (x: never, size: [number, number]) => Tensor]>([
    ["bilinear, oldest grid", (x, size) => tf.image.resizeBilinear(x, size)],
    ["bilinear, corners", (x, size) => tf.image.resizeBilinear(x, size, true)],
    ["bilinear, half pixels", (x, size) => tf.image.resizeBilinear(x, size, false, true)],
    ["nearest", (x, size) => tf.image.resizeNearestNeighbor(x, size)],
    ["nearest, corners", (x, size) => tf.image.resizeNearestNeighbor(x, size, true)],
    ["nearest, half pixels", (x, size) => tf.image.resizeNearestNeighbor(x, size, false, true)],
  ])("a resize's gradient is its adjoint: %s", (_, resize) => {
    for (const size of [
      [11, 10],
      [4, 5],
      [14, 3],
    ] as [number, number][]) {
      // biome-ignore format: pairs
      const [x, dy] = [image() as Tensor, draw([2, ...size, 3]) as Tensor];
      const through = tf.sum(tf.mul(resize(x as never, size), dy)).dataSync()[0]!;
      const dx = tf.grad((z: Tensor) => resize(z as never, size))(x, dy);
      expect(tf.sum(tf.mul(dx, x)).dataSync()[0]!).toBeCloseTo(through, 4);
      expect(Math.abs(through)).toBeGreaterThan(1e-3);
    }
  });

  it("depth to space in NCHW is that in NHWC, transposed", () => {
    const x = draw([2, 12, 3, 4]) as Tensor;
    const there = tf.depthToSpace(tf.transpose(x, [0, 2, 3, 1]) as never, 2);
    expect(values(tf.depthToSpace(x as never, 2, "NCHW"))).toEqual(values(tf.transpose(there, [0, 3, 1, 2])));
  });

  it("the largest and the smallest element beside NaN", () => {
    const x = tf.tensor2d([Number.NaN, 1, 3, 2, Number.NaN, 0], [2, 3]);
    expect([...tf.argMax(x, 1).dataSync()]).toEqual([2, 0]);
    expect([...tf.argMin(x, 1).dataSync()]).toEqual([1, 2]);
  });

  it("the gradient of a pool of whole numbers is exact for steps that keep their order", () => {
    const x = tf.reshape(tf.tensor1d(random.shuffle([...Array(2 * 5 * 6 * 7 * 2).keys()])), [2, 5, 6, 7, 2]);
    const d = tf.mul(draw([2, 5, 6, 7, 2]) as Tensor, 0.4);
    for (const pad of ["same", "valid"] as const) {
      const pool = (z: Tensor) => tf.maxPool3d(z as never, [2, 3, 2], [1, 2, 2], pad) as Tensor;
      const weights = draw(pool(x).shape) as Tensor;
      const f = (z: Tensor) => tf.sum(tf.mul(pool(z), weights)) as tf.Scalar;
      const change = tf.sum(tf.mul(tf.sub(pool(tf.add(x, d)), pool(x)), weights)).dataSync()[0]!;
      expect(tf.sum(tf.mul(tf.grad(f)(x), d)).dataSync()[0]!).toBeCloseTo(change, 2);
      expect(Math.abs(change)).toBeGreaterThan(0.1);
    }
  });

  it("complex numbers: parts, size, conjugate product", () => {
    const z = tf.complex([3, -1], [4, 2]);
    expect([...tf.real(z).dataSync()]).toEqual([3, -1]);
    expect([...tf.imag(z).dataSync()]).toEqual([4, 2]);
    expect([...tf.abs(z).dataSync()][0]).toBe(5);
    expect([...tf.mul(z, z).dataSync()]).toEqual([-7, 24, -3, -4]);
    expect([...tf.cast(z, "float32").dataSync()]).toEqual([3, -1]);
    // (3 + 4i) / (1 + 2i) = (3 + 4i)(1 - 2i) / 5
    const quotient = tf.div(z, tf.complex([1, 1], [2, 0])).dataSync();
    [2.2, -0.4, -1, 2].forEach((value, i) => expect(quotient[i]).toBeCloseTo(value, 6));
    expect(tf.exp(z).dtype).toBe("complex64");
  });

  it("a seed gives the same draws again, in the proportions asked for", () => {
    const logits = tf.tensor2d([0.7, 0.1, 0.2, 0, 1, 0], [2, 3]);
    const draws = () => [...tf.multinomial(logits, 2000, 5, true).dataSync()];
    const first = draws();
    expect(draws()).toEqual(first);
    const share = (k: number) => first.slice(0, 2000).filter((d) => d === k).length / 2000;
    // 2000 draws: three standard deviations are 0.03.
    expect([share(0), share(1), share(2)].map((s, k) => Math.abs(s - [0.7, 0.1, 0.2][k]!) < 0.03)).toEqual([
      true,
      true,
      true,
    ]);
    expect(new Set(first.slice(2000))).toEqual(new Set([1]));
  });

  it("more than 32 parts of a tensor", () => {
    const parts = tf.unstack(tf.range(0, 100));
    expect(parts.map((part) => part.dataSync()[0])).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("strings are moved about as numbers are", () => {
    const s = tf.tensor2d(["a", "b", "c", "d", "e", "f"], [2, 3], "string");
    const texts = (x: Tensor) => x.dataSync() as unknown as string[];
    expect(texts(kernel("Transpose", { x: s }, { perm: [1, 0] }))).toEqual(["a", "d", "b", "e", "c", "f"]);
    expect(texts(kernel("GatherV2", { x: s, indices: ints([2, 0]) }, { axis: 1, batchDims: 0 }))).toEqual([
      "c",
      "a",
      "f",
      "d",
    ]);
    expect(texts(tf.slice(s, [0, 1], [2, 2]))).toEqual(["b", "c", "e", "f"]);
    expect(texts(tf.stridedSlice(s, [0, 2], [2, -4], [1, -2]))).toEqual(["c", "a", "f", "d"]);
    expect(texts(tf.tile(tf.reshape(s, [6]), [2]))).toHaveLength(12);
    expect(texts(tf.concat([s, s], 0))).toHaveLength(12);
    const columns = kernel("SplitV", { x: s }, { numOrSizeSplits: 3, axis: 1 }) as unknown as Tensor[];
    expect(columns.map((part) => texts(part).join(""))).toEqual(["ad", "be", "cf"]);
    expect(tf.unstack(s).map((part) => texts(part).join(""))).toEqual(["abc", "def"]);
    expect(texts(kernel("Reverse", { x: s }, { dims: [1] }))).toEqual(["c", "b", "a", "f", "e", "d"]);
    expect(texts(kernel("GatherNd", { params: s, indices: ints([1, 1], [1, 2]) }))).toEqual(["e"]);
    expect([...tf.equal(s, tf.tensor1d(["a", "x", "c"], "string")).dataSync()]).toEqual([1, 0, 1, 0, 0, 0]);
    expect(texts(tf.fill([2], "z" as never, "string" as never))).toEqual(["z", "z"]);
  });
});

/** Asks for little enough for the system to grant it, and too much to be filled. */
function expectNoOvercommitment(): void {
  const all = Math.ceil(totalmem() / 4);
  expect(() => tf.tidy(() => void tf.fill([all], 1))).toThrow(/^Fill: out of memory/);
  expect(() => tf.tidy(() => void tf.tile(tf.ones([1]), [all]))).toThrow(/^Tile: out of memory/);
  const side = Math.ceil(Math.sqrt(all));
  const column = () => tf.ones([side, 1]) as never;
  expect(() => tf.tidy(() => void tf.matMul(column(), column(), false, true))).toThrow(/^BatchMatMul: out of memory/);
}

describe.runIf(torch.available)("faults", () => {
  beforeAll(() => tf.setBackend("torch"));
  const bytes = () => (tf.memory() as unknown as { nativeBytes: number }).nativeBytes;

  it.each<[string, () => unknown, RegExp]>([
    [
      "a product of other sizes",
      () => kernel("BatchMatMul", { a: draw([2, 3]), b: draw([4, 5]) }),
      /^BatchMatMul: .*a float32 \[2, 3\], b float32 \[4, 5\]/s,
    ],
    [
      "an index out of range",
      () => tf.gather(draw([2, 3]), ints([0, 5])),
      /^GatherV2: the index value 5 is not in \[0, 1\] \(inputs: x float32 \[2, 3\], indices int32 \[2\]\)/,
    ],
    [
      "a scatter out of range",
      () => tf.scatterND(ints([9], [1, 1]), draw([1, 2]), [4, 2] as never),
      /^ScatterNd: .*updates float32 \[1, 2\]/s,
    ],
    [
      "a crop of an image that is not there",
      () => tf.image.cropAndResize(image(), boxes(), ints([0, 7, 1]), [2, 2]),
      /^CropAndResize: .*boxInd int32 \[3\]/s,
    ],
    [
      "tuples of indices out of range",
      () => kernel("GatherNd", { params: draw([2, 3]), indices: ints([1, -4], [2, 1]) }),
      /^GatherNd: .*out of range.*params float32 \[2, 3\]/s,
    ],
    [
      "dense values out of range",
      () => tf.sparseToDense(ints([1, 6]), draw([2]), [4], 0),
      /^SparseToDense: .*sparseValues float32 \[2\]/s,
    ],
    [
      "a fourier transform of real numbers",
      () => kernel("Imag", { input: tf.tensor1d(["a"], "string") }),
      /^Imag: a string tensor cannot be used here \(inputs: input string \[1\]\)/,
    ],
    [
      "blocks that do not fit",
      () => kernel("DepthToSpace", { x: draw([1, 2, 2, 3]) }, { blockSize: 2, dataFormat: "NHWC" }),
      /^DepthToSpace: .*x float32 \[1, 2, 2, 3\]/s,
    ],
    [
      "a convolution of other channels",
      () => kernel("Conv3D", { x: volume(), filter: draw([1, 1, 1, 5, 4]) }, { strides: 1, pad: "same" }),
      /^Conv3D: .*filter float32 \[1, 1, 1, 5, 4\]/s,
    ],
  ])("%s names the kernel and the shapes, and leaves nothing behind", (_, call, text) => {
    const before = bytes();
    expect(() => tf.tidy(() => void call())).toThrow(text);
    expect(bytes()).toBe(before);
  });

  it("more memory than there is: a clear error, and the process lives on", () => {
    const before = bytes();
    // A device words it in its own way, and may have more memory than the CPU.
    const text = isOnDevice()
      ? /^Fill: .*out of memory/
      : /^Fill: out of memory: asked for 4096\.0 GiB, \d+\.\d GiB are left/;
    expect(() => tf.tidy(() => void tf.fill([2 ** 20, 2 ** 20], 1))).toThrow(text);
    if (!isOnDevice()) expectNoOvercommitment();
    expect(bytes()).toBe(before);
    expect(tf.tidy(() => tf.sum(tf.ones([3])).dataSync()[0])).toBe(3);
  });

  it("counts the bytes that several views share once", () => {
    const before = bytes();
    const x = tf.zeros([1000, 50]);
    const y = tf.transpose(x);
    expect(bytes()).toBe(before + 200_000);
    x.dispose();
    expect(bytes()).toBe(before + 200_000);
    y.dispose();
    expect(bytes()).toBe(before);
  });

  it("few channels and a stride: the gradient of 1 x 1 weights stays within its memory", () => {
    // oneDNN's own way wrote past its room and the process died in a later allocation: hence many of them, of many sizes.
    tf.tidy(() => {
      for (let i = 0; i < 400; i++) {
        const channels = 3 + (i % 10);
        const x = draw([5, 16, 16, channels]);
        const dy = draw([5, 8, 8, 8]);
        const found = tf.grad((w) => tf.sum(tf.mul(dy, tf.conv2d(x, w as never, 2, "valid"))))(
          tf.zeros([1, 1, channels, 8]),
        );
        if (i % 40 > 0) continue;
        const seen = tf.reshape(tf.stridedSlice(x, [0, 0, 0, 0], [5, 16, 16, channels], [1, 2, 2, 1]), [320, channels]);
        const expected = tf.matMul(seen as never, tf.reshape(dy, [320, 8]) as never, true);
        expect(tf.max(tf.abs(tf.sub(tf.reshape(found, [channels, 8]), expected))).dataSync()[0]).toBeLessThan(1e-4);
      }
    });
  });
});
