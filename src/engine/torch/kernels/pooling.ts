/**
 * @file Max and average pooling of [B,(D,)H,W,C] tensors in two and three dimensions. As in TensorFlow, NaN never wins a
 * maximum and an average counts no padding.
 */
import { tf } from "../../tf.ts";
import { aten, atenMany, download, type Handle } from "../native.ts";
import { asFloat, type Kernel, type KernelCall, type KernelTable, SCALAR_TYPE } from "./kernel.ts";

/** ATen's operators for one number of spatial dimensions. */
const OPERATORS = {
  2: {
    max: atenMany("max_pool2d_with_indices"),
    maxBackward: aten("max_pool2d_with_indices_backward"),
    average: aten("avg_pool2d"),
    averageBackward: aten("avg_pool2d_backward"),
    toTorch: [0, 3, 1, 2],
    fromTorch: [0, 2, 3, 1],
  },
  3: {
    max: atenMany("max_pool3d_with_indices"),
    maxBackward: aten("max_pool3d_with_indices_backward"),
    average: aten("avg_pool3d"),
    averageBackward: aten("avg_pool3d_backward"),
    toTorch: [0, 4, 1, 2, 3],
    fromTorch: [0, 2, 3, 4, 1],
  },
} as const;
type Dimensions = keyof typeof OPERATORS;

const permute = aten("permute");
const padNd = aten("constant_pad_nd");
const narrow = aten("narrow");
const sum = aten("sum");
const div = aten("div.Tensor");
const full = aten("full");
const clampMin = aten("clamp_min");
const withoutNan = aten("nan_to_num");

/** Per spatial dimension: window, stride, and the padding before and after that gives the size that tfjs asks for. */
interface Window {
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Shape of the result. */
  readonly outShape: readonly number[];
  /** The padding is one that ATen's operators can do themselves: equal on both sides, at most half a window. */
  readonly isPlain: boolean;
}

interface PoolAttrs {
  readonly filterSize: never;
  readonly strides: never;
  readonly pad: never;
  readonly dimRoundingMode?: never;
}

function windowOf(call: KernelCall, shape: readonly number[], dimensions: Dimensions): Window {
  const { filterSize, strides, pad, dimRoundingMode } = call.attrs as unknown as PoolAttrs;
  const { computePool2DInfo, computePool3DInfo } = tf.backend_util;
  const info =
    dimensions === 2
      ? computePool2DInfo(shape as never, filterSize, strides, 1, pad, dimRoundingMode)
      : computePool3DInfo(shape as never, filterSize, strides, 1, pad, dimRoundingMode);
  const flat = { strideDepth: 1, filterDepth: 1, ...info, ...info.padInfo };
  const spatial = <T>(depth: T, height: T, width: T): T[] =>
    dimensions === 2 ? [height, width] : [depth, height, width];
  const size = shape.slice(1, -1);
  const kernel = spatial(flat.filterDepth, flat.filterHeight, flat.filterWidth);
  const stride = spatial(flat.strideDepth, flat.strideHeight, flat.strideWidth);
  const before = spatial("front" in flat ? flat.front : 0, flat.top, flat.left);
  const outShape = info.outShape.map((out) => Math.max(0, out));
  // As much as the last window reaches over: rounding up (dimRoundingMode) can make that more than the padding asked for.
  const after = outShape
    .slice(1, -1)
    .map((out, i) => Math.max(0, (out - 1) * stride[i]! + kernel[i]! - size[i]! - before[i]!));
  const asked = spatial("back" in flat ? flat.back : 0, flat.bottom, flat.right);
  const isPlain = before.every((pad, i) => pad === asked[i]! && after[i]! <= pad && 2 * pad <= kernel[i]!);
  return { size, kernel, stride, before, after, outShape, isPlain };
}

/** `x` (channels first) with the window's padding filled with `value`, and the padding that is left to the operator. */
function padded(x: Handle, window: Window, value: number): [x: Handle, padding: readonly number[]] {
  if (window.isPlain) return [x, window.before];
  const pads = window.before.flatMap((before, i) => [window.after[i]!, before]).reverse();
  return [padNd(x, pads, value), window.before.map(() => 0)];
}

/** The part of a padded tensor that is not padding. */
function cropped(x: Handle, window: Window): Handle {
  if (window.isPlain) return x;
  return window.size.reduce((y, size, i) => narrow(y, i + 2, window.before[i]!, size), x);
}

/** The result where no window fits in: libtorch refuses such sizes, TensorFlow gives an empty tensor. */
const isEmpty = ({ outShape }: Window): boolean => outShape.includes(0);
const empty = (shape: readonly number[]): Handle => full(shape, 0, SCALAR_TYPE.float32);

const scalar = new Float32Array(1);
function containsNan(x: Handle): boolean {
  // A sum is the cheapest pass that NaN survives; opposite infinities only cost a second pooling.
  download(sum(x, null), scalar);
  return Number.isNaN(scalar[0]);
}

interface MaxPooled {
  readonly values: Handle;
  readonly indices: Handle;
  readonly input: Handle;
  readonly padding: readonly number[];
}

function maxPooled(x: Handle, window: Window, dimensions: Dimensions): MaxPooled {
  const ones = window.kernel.map(() => 1);
  const pool = (source: Handle): MaxPooled => {
    const [input, padding] = padded(source, window, Number.NEGATIVE_INFINITY);
    const [values, indices] = OPERATORS[dimensions].max(input, window.kernel, window.stride, padding, ones, false);
    return { values: values!, indices: indices!, input, padding };
  };
  const pooled = pool(x);
  if (!containsNan(pooled.values)) return pooled;
  return pool(withoutNan(x, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
}

const maxPool = (dimensions: Dimensions): Kernel => {
  const { toTorch, fromTorch } = OPERATORS[dimensions];
  return (call) => {
    const window = windowOf(call, call.input("x").shape, dimensions);
    if (isEmpty(window)) return call.give(empty(window.outShape), call.input("x").dtype);
    const { values } = maxPooled(permute(asFloat(call, "x"), toTorch), window, dimensions);
    return call.give(permute(values, fromTorch), call.input("x").dtype);
  };
};

const maxPoolGradient = (dimensions: Dimensions): Kernel => {
  const { maxBackward, toTorch, fromTorch } = OPERATORS[dimensions];
  return (call) => {
    const window = windowOf(call, call.input("input").shape, dimensions);
    if (isEmpty(window)) return call.give(empty(call.input("input").shape), "float32");
    const pooled = maxPooled(permute(asFloat(call, "input"), toTorch), window, dimensions);
    const dx = maxBackward(
      permute(call.handle("dy"), toTorch),
      pooled.input,
      window.kernel,
      window.stride,
      pooled.padding,
      window.kernel.map(() => 1),
      false,
      pooled.indices,
    );
    return call.give(permute(cropped(dx, window), fromTorch), "float32");
  };
};

/** How many elements that are not padding each window holds, as [1, 1, ...out]. */
function counts(window: Window, dimensions: Dimensions): Handle {
  const [ones] = padded(full([1, 1, ...window.size], 1, SCALAR_TYPE.float32), window, 0);
  const zeros = window.kernel.map(() => 0);
  // At least one: a window that lies in the padding alone averages to 0.
  return clampMin(OPERATORS[dimensions].average(ones, window.kernel, window.stride, zeros, false, true, 1), 1);
}

const averagePool = (dimensions: Dimensions): Kernel => {
  const { average, toTorch, fromTorch } = OPERATORS[dimensions];
  return (call) => {
    const window = windowOf(call, call.input("x").shape, dimensions);
    if (isEmpty(window)) return call.give(empty(window.outShape), "float32");
    const [x, padding] = padded(permute(asFloat(call, "x"), toTorch), window, 0);
    // ATen counts padding that was put there beforehand: then take sums, and divide by the true counts.
    const y = average(x, window.kernel, window.stride, padding, false, false, window.isPlain ? null : 1);
    return call.give(permute(window.isPlain ? y : div(y, counts(window, dimensions)), fromTorch), "float32");
  };
};

const averagePoolGradient = (dimensions: Dimensions): Kernel => {
  const { averageBackward, toTorch, fromTorch } = OPERATORS[dimensions];
  return (call) => {
    const window = windowOf(call, call.input("input").shape, dimensions);
    if (isEmpty(window)) return call.give(empty(call.input("input").shape), "float32");
    const [x, padding] = padded(permute(asFloat(call, "input"), toTorch), window, 0);
    const dy = permute(call.handle("dy"), toTorch);
    const share = window.isPlain ? dy : div(dy, counts(window, dimensions));
    const divisor = window.isPlain ? null : 1;
    const dx = averageBackward(share, x, window.kernel, window.stride, padding, false, false, divisor);
    return call.give(permute(cropped(dx, window), fromTorch), "float32");
  };
};

export const poolingKernels: KernelTable = {
  MaxPool: maxPool(2),
  MaxPoolGrad: maxPoolGradient(2),
  MaxPool3D: maxPool(3),
  MaxPool3DGrad: maxPoolGradient(3),
  AvgPool: averagePool(2),
  AvgPoolGrad: averagePoolGradient(2),
  AvgPool3D: averagePool(3),
  AvgPool3DGrad: averagePoolGradient(3),
};
