/** @file Two-dimensional convolution, on NHWC tensors; NCHW ones are permuted views of such. */
import { tf } from "../../tf.ts";
import { aten, fused, type Handle } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";
import { activate } from "./matmul.ts";

const conv2d = fused("conv2d");
const conv2dInputGradient = fused("conv2dInputGradient");
const conv2dFilterGradient = fused("conv2dFilterGradient");
const permute = aten("permute");
const narrow = aten("narrow");
const add = aten("add.Tensor");

type Shape4D = [number, number, number, number];
type ConvAttrs = {
  strides: number | [number, number];
  pad: never;
  dilations: number | [number, number];
  dimRoundingMode?: never;
  dataFormat?: "NHWC" | "NCHW";
};

const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];
const isNchw = (call: KernelCall): boolean => call.attrs["dataFormat"] === "NCHW";
const nhwcShape = (call: KernelCall, shape: readonly number[]): number[] =>
  isNchw(call) ? TO_NHWC.map((d) => shape[d]!) : [...shape];
/** An input as an NHWC view. */
const image = (call: KernelCall, name: string): Handle =>
  isNchw(call) ? permute(call.handle(name), TO_NHWC) : call.handle(name);
/** A result in the layout of the call. */
const asGiven = (call: KernelCall, nhwc: Handle): Handle => (isNchw(call) ? permute(nhwc, TO_NCHW) : nhwc);

/** What is added to, or multiplies, an NHWC result: a scalar, one number per channel, or a part of an image. */
function perElement(call: KernelCall, name: string): Handle {
  const { shape } = call.input(name);
  const x = call.handle(name);
  if (!isNchw(call) || shape.length < 3) return x;
  return permute(x, shape.length === 3 ? [1, 2, 0] : TO_NHWC);
}

interface Geometry {
  /** Stride, padding (top, bottom, left, right), dilation and groups, as the native functions take them. */
  readonly numbers: number[];
  /** Height and width of the result. */
  readonly out: [number, number];
}

function geometry(call: KernelCall, nhwcInput: number[], filterShape: number[], depthwise: boolean): Geometry {
  const { strides, pad, dilations, dimRoundingMode } = call.attrs as unknown as ConvAttrs;
  const info = tf.backend_util.computeConv2DInfo(
    nhwcInput as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations ?? 1,
    // Explicit paddings are listed in the order of the layout.
    (Array.isArray(pad) ? nhwcShape(call, pad) : pad) as never,
    dimRoundingMode,
    depthwise,
  );
  const { top, bottom, left, right } = info.padInfo;
  const reach = (out: number, stride: number, window: number) => (out - 1) * stride + window;
  // Rounding up (dimRoundingMode) lets the last window reach over more than the padding asked for.
  const overHeight = reach(info.outHeight, info.strideHeight, info.effectiveFilterHeight) - info.inHeight - top;
  const overWidth = reach(info.outWidth, info.strideWidth, info.effectiveFilterWidth) - info.inWidth - left;
  const groups = depthwise ? info.inChannels : info.inChannels / filterShape[2]!;
  return {
    out: [info.outHeight, info.outWidth],
    numbers: [
      info.strideHeight,
      info.strideWidth,
      top,
      Math.max(bottom, overHeight),
      left,
      Math.max(right, overWidth),
      info.dilationHeight,
      info.dilationWidth,
      groups,
    ],
  };
}

function forward(call: KernelCall, depthwise: boolean): Handle {
  const { shape } = call.input("filter");
  const hasBias = call.inputs["bias"] != null;
  // A bias per channel is libtorch's own; any other is added afterwards.
  const channels = depthwise ? shape[2]! * shape[3]! : shape[3]!;
  const isOwn = hasBias && tf.util.sizeFromShape(call.input("bias").shape) === channels;
  const isRelu = call.attrs["activation"] === "relu" && (!hasBias || isOwn);
  const y = conv2d(
    image(call, "x"),
    call.handle("filter"),
    isOwn ? call.handle("bias") : null,
    geometry(call, nhwcShape(call, call.input("x").shape), shape, depthwise).numbers,
    isRelu,
    depthwise,
  );
  if (isRelu) return asGiven(call, y);
  const shifted = hasBias && !isOwn ? add(y, perElement(call, "bias"), 1) : y;
  return asGiven(call, activate(call, shifted, perElement));
}

/** `dy`, cut to the size that the convolution of the other operand has. */
function outputGradient(call: KernelCall, [height, width]: readonly [number, number]): Handle {
  const shape = nhwcShape(call, call.input("dy").shape);
  let dy = image(call, "dy");
  if (shape[1]! > height) dy = narrow(dy, 1, 0, height);
  if (shape[2]! > width) dy = narrow(dy, 2, 0, width);
  return dy;
}

function inputGradient(call: KernelCall, depthwise: boolean): Handle {
  const shape = nhwcShape(call, call.attr<number[]>("inputShape"));
  const { numbers, out } = geometry(call, shape, call.input("filter").shape, depthwise);
  const dx = conv2dInputGradient(outputGradient(call, out), call.handle("filter"), shape, numbers, depthwise);
  return asGiven(call, dx);
}

function filterGradient(call: KernelCall, depthwise: boolean): Handle {
  const shape = call.attr<number[]>("filterShape");
  const { numbers, out } = geometry(call, nhwcShape(call, call.input("x").shape), shape, depthwise);
  return conv2dFilterGradient(outputGradient(call, out), image(call, "x"), shape, numbers, depthwise);
}

export const convolutionKernels: KernelTable = {
  Conv2D: (call) => call.give(forward(call, false), "float32"),
  FusedConv2D: (call) => call.give(forward(call, false), "float32"),
  Conv2DBackpropInput: (call) => call.give(inputGradient(call, false), "float32"),
  Conv2DBackpropFilter: (call) => call.give(filterGradient(call, false), "float32"),
  DepthwiseConv2dNative: (call) => call.give(forward(call, true), "float32"),
  FusedDepthwiseConv2D: (call) => call.give(forward(call, true), "float32"),
  DepthwiseConv2dNativeBackpropInput: (call) => call.give(inputGradient(call, true), "float32"),
  DepthwiseConv2dNativeBackpropFilter: (call) => call.give(filterGradient(call, true), "float32"),
};
