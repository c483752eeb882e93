/** @file One small case or more for every kernel and gradient that the project relies on, to compare engines. */
import { type Tensor, tf } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";

export type KernelCase = () => Tensor;

let random = createRandom(0);
/** Starts the numbers that the cases draw anew, so that two engines see the same ones. */
export function restartNumbers(name: string): void {
  random = createRandom(1, name);
}

const draw = (shape: number[], low = -1): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.uniform(low, 1)),
    shape,
    "float32",
  );
};
const ints = (values: number[], shape: number[]) => tf.tensor(values, shape, "int32");
const matrix = () => draw([4, 6]);
const image = () => draw([2, 6, 7, 4]) as never;
const filter = () => draw([3, 3, 4, 5]) as never;
const depthFilter = () => draw([3, 3, 4, 2]) as never;
const rows = () => ints([2, 0, 1, 1], [2, 2]) as never;

type Unary = (x: Tensor) => Tensor;
const named = (names: readonly string[], make: (op: (...x: Tensor[]) => Tensor) => KernelCase) =>
  Object.fromEntries(
    names.map((name) => [name, make((tf as unknown as Record<string, (...x: Tensor[]) => Tensor>)[name]!)]),
  );
/** Gradient of sum(y * cos(y)) with y = f(x): sensitive to order, sign and scale of every element. */
const gradient = (f: Unary, x: () => Tensor): KernelCase => {
  return () => {
    const before = x();
    const loss = (z: Tensor) => {
      const y = f(z);
      return tf.sum(tf.mul(y, tf.cos(y)));
    };
    return tf.grad(loss)(before);
  };
};

export const kernelCases: Readonly<Record<string, KernelCase>> = {
  ...named(
    [
      "abs",
      "ceil",
      "cos",
      "cosh",
      "erf",
      "exp",
      "expm1",
      "floor",
      "neg",
      "round",
      "sigmoid",
      "sign",
      "sin",
      "sinh",
      "square",
      "tan",
      "tanh",
      "relu",
      "relu6",
      "elu",
      "selu",
      "softplus",
      "logSoftmax",
      "softmax",
      "isNaN",
      "isFinite",
      "isInf",
      "reciprocal",
      "zerosLike",
      "onesLike",
      "leakyRelu",
      "atan",
      "asin",
      "acos",
      "asinh",
      "atanh",
    ],
    (op) => () => op(matrix()),
  ),
  ...named(["log", "log1p", "sqrt", "rsqrt"], (op) => () => op(draw([4, 6], 0.1))),
  acosh: () => tf.acosh(tf.add(draw([5], 0), 1.5)),
  ...named(
    [
      "add",
      "sub",
      "mul",
      "div",
      "maximum",
      "minimum",
      "squaredDifference",
      "less",
      "lessEqual",
      "greater",
      "greaterEqual",
      "equal",
      "notEqual",
      "atan2",
      "mod",
    ],
    (op) => () => op(matrix(), draw([6])),
  ),
  floorDiv: () => tf.floorDiv(ints([7, -7, 5, -1], [4]), ints([2, 2, -3, 4], [4])),
  pow: () => tf.pow(draw([4, 6], 0.1), draw([6])),
  prelu: () => tf.prelu(matrix(), tf.scalar(0.3)),
  step: () => tf.step(matrix(), 0.25),
  logical: () =>
    tf.logicalXor(
      tf.logicalAnd(tf.less(matrix(), 0.5), tf.less(matrix(), 0.2)),
      tf.logicalOr(tf.logicalNot(tf.less(matrix(), 0)), tf.less(matrix(), 0.1)),
    ),
  addN: () => tf.addN([matrix(), matrix(), matrix()]),
  ...Object.fromEntries(
    ["sum", "mean", "max", "min", "prod", "argMax", "argMin", "cumsum", "cumprod"].flatMap((name) => {
      const op = (tf as unknown as Record<string, (x: Tensor, axis: number) => Tensor>)[name]!;
      return [0, 1].map((axis) => [`${name} axis ${axis}`, () => op(matrix(), axis)] as const);
    }),
  ),
  "sum of all": () => tf.sum(matrix()),
  "sum keeping two axes": () => tf.sum(draw([3, 4, 5]), [0, 2], true),
  "cumsum exclusive reverse": () => tf.cumsum(matrix(), 1, true, true),
  any: () => tf.any(tf.greater(matrix(), 0.7), 1),
  all: () => tf.all(tf.greater(matrix(), -0.7), 0),
  matMul: () => tf.matMul(draw([3, 4, 5]), draw([3, 5, 2])),
  "matMul broadcast": () => tf.matMul(draw([2, 3, 4, 5]), draw([1, 1, 5, 2])),
  "matMul transposed": () => tf.matMul(draw([3, 4, 5]), draw([3, 2, 5]), false, true),
  "fused matMul": () =>
    tf.fused.matMul({ a: matrix() as never, b: draw([6, 3]) as never, bias: draw([3]), activation: "relu" }),
  einsum: () => tf.einsum("bij,bjk->bik", draw([3, 4, 5]), draw([3, 5, 2])),
  "conv2d same": () => tf.conv2d(image(), filter(), 1, "same"),
  "conv2d stride 2 same": () => tf.conv2d(image(), filter(), 2, "same"),
  "conv2d unequal padding": () =>
    tf.conv2d(
      image(),
      filter(),
      [2, 1],
      [
        [0, 0],
        [1, 1],
        [2, 2],
        [0, 0],
      ],
    ),
  "conv2d dilated": () => tf.conv2d(image(), filter(), 1, "same", "NHWC", 2),
  "fused conv2d": () =>
    tf.fused.conv2d({
      x: image(),
      filter: filter(),
      strides: 1,
      pad: "same",
      bias: draw([5]) as never,
      activation: "relu",
    }),
  "depthwise conv2d": () => tf.depthwiseConv2d(image(), depthFilter(), 1, "same"),
  "max pool same": () => tf.maxPool(image(), 3, 2, "same"),
  "max pool padded": () => tf.maxPool(image(), 3, 2, 1),
  "average pool": () => tf.avgPool(image(), 2, 2, "valid"),
  "resize corners": () => tf.image.resizeBilinear(image(), [9, 11], true),
  "resize half pixel": () => tf.image.resizeBilinear(image(), [9, 11], false, true),
  "batch norm": () =>
    tf.batchNorm(image(), draw([4]) as never, draw([4], 0.1) as never, draw([4]) as never, draw([4]) as never),
  reshape: () => tf.reshape(image(), [12, -1]),
  expandDims: () => tf.expandDims(matrix(), 1),
  transpose: () => tf.transpose(image(), [2, 0, 3, 1]),
  concat: () => tf.concat([matrix(), draw([4, 2])], 1),
  stack: () => tf.stack([matrix(), matrix()], 1),
  unstack: () => tf.stack(tf.unstack(matrix(), 1)),
  split: () => tf.concat(tf.split(matrix(), [4, 2], 1).reverse(), 1),
  slice: () => tf.slice(image(), [0, 1, 2, 0], [2, 3, -1, 2]),
  "strided slice": () => tf.stridedSlice(matrix(), [0, 1], [4, 6], [2, 3]),
  "strided slice backwards": () => tf.stridedSlice(matrix(), [3, 5], [0, 0], [-1, -2]),
  pad: () =>
    tf.pad(
      matrix(),
      [
        [1, 2],
        [0, 3],
      ],
      0.5,
    ),
  "mirror pad reflect": () =>
    tf.mirrorPad(
      matrix(),
      [
        [1, 2],
        [2, 3],
      ],
      "reflect",
    ),
  "mirror pad symmetric": () =>
    tf.mirrorPad(
      matrix(),
      [
        [1, 2],
        [2, 3],
      ],
      "symmetric",
    ),
  tile: () => tf.tile(matrix(), [2, 3]),
  reverse: () => tf.reverse(matrix(), [1]),
  broadcastTo: () => tf.broadcastTo(draw([1, 6]), [4, 6]),
  gather: () => tf.gather(matrix(), rows(), 0),
  "gather columns": () => tf.gather(matrix(), rows(), 1),
  "gather per batch": () => tf.gather(draw([2, 3, 4]), rows(), 1, 1),
  gatherND: () => tf.gatherND(image(), ints([1, 2, 0, 0], [2, 2])),
  scatterND: () => tf.scatterND(ints([1, 3, 1], [3, 1]) as never, draw([3, 2]), [4, 2] as never),
  unsortedSegmentSum: () => tf.unsortedSegmentSum(matrix(), ints([0, 2, 2, 1], [4]) as never, 3),
  oneHot: () => tf.oneHot(ints([1, 3, -1, 7], [4]) as never, 5),
  "range up": () => tf.range(0, 5, 2),
  "range down": () => tf.range(5, 0, -2),
  linspace: () => tf.linspace(0, 1, 5),
  where: () => tf.where(tf.greater(matrix(), 0), matrix(), tf.zeros([4, 6])),
  clipByValue: () => tf.clipByValue(matrix(), -0.2, 0.3),
  "cast to int32": () => tf.cast(tf.mul(matrix(), 9), "int32"),
  topk: () => tf.topk(matrix(), 2).values,
  "gradient conv2d x": gradient((z) => tf.conv2d(z as never, filter(), 2, "same"), image),
  "gradient conv2d filter": gradient((z) => tf.conv2d(image(), z as never, 1, 1), filter),
  "gradient conv2d x, padding by hand": gradient(
    (z) => tf.conv2d(z as never, filter(), 2, [[0, 0], [1, 2], [2, 0], [0, 0]] as never), // biome-ignore format: one line
    image,
  ),
  "gradient conv2d filter, stride 2": gradient((z) => tf.conv2d(image(), z as never, 2, "same"), filter),
  "gradient conv2d filter, padding by hand": gradient(
    (z) => tf.conv2d(image(), z as never, 2, [[0, 0], [0, 2], [1, 1], [0, 0]] as never), // biome-ignore format: one line
    filter,
  ),
  "large batched product, both turned": () => tf.mul(tf.matMul(draw([3, 40, 30]), draw([3, 30, 40]), true, true), 0.1),
  "large product, right side turned": () => tf.mul(tf.matMul(draw([50, 40]), draw([60, 40]), false, true), 0.1),
  "large product with one left side for all": () =>
    tf.mul(tf.matMul(draw([1, 40, 30]), draw([3, 30, 40]) as Tensor), 0.1),
  "gradient fused conv2d": gradient(
    (z) =>
      tf.fused.conv2d({
        x: image(),
        filter: z as never,
        strides: 1,
        pad: "same",
        bias: tf.zeros([5]) as never,
        activation: "relu",
      }),
    filter,
  ),
  "gradient depthwise x": gradient((z) => tf.depthwiseConv2d(z as never, depthFilter(), 1, "same"), image),
  "gradient depthwise filter": gradient((z) => tf.depthwiseConv2d(image(), z as never, 1, "same"), depthFilter),
  "gradient max pool": gradient((z) => tf.maxPool(z as never, 3, 2, 1), image),
  "gradient average pool": gradient((z) => tf.avgPool(z as never, 2, 2, "valid"), image),
  "gradient gather": gradient((z) => tf.gather(z, rows(), 0), matrix),
  "gradient matMul": gradient(
    (z) => tf.matMul(z, tf.ones([3, 5, 2])),
    () => draw([3, 4, 5]),
  ),
  "gradient slice": gradient((z) => tf.slice(z, [1, 2], [2, 3]), matrix),
  "gradient elu": gradient((z) => tf.elu(z), matrix),
  "gradient transpose": gradient((z) => tf.transpose(z), matrix),
  "gradient tile": gradient((z) => tf.tile(z, [2, 3]), matrix),
  "gradient cumsum": gradient((z) => tf.cumsum(z, 1), matrix),
  "gradient max": gradient((z) => tf.max(z, 1), matrix),
  "gradient div": gradient((z) => tf.div(tf.ones([4, 6]), tf.add(2, z)), matrix),
  "gradient softmax": gradient((z) => tf.softmax(z), matrix),
  "gradient prelu": gradient((z) => tf.prelu(z, tf.scalar(0.3)), matrix),
};
