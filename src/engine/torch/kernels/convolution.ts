/** @file Convolution, pooling, resizing and batch normalisation on NHWC tensors. */
import { tf } from "../../tf.ts";
import { aten, atenMany, fused, type Handle } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";
import { activate } from "./matmul.ts";

const conv2d = fused("conv2d");
const conv2dInputGradient = fused("conv2dInputGradient");
const conv2dFilterGradient = fused("conv2dFilterGradient");
const permute = aten("permute");
const add = aten("add.Tensor");
const maxPool = atenMany("max_pool2d_with_indices");
const maxPoolBackward = aten("max_pool2d_with_indices_backward");
const avgPool = aten("avg_pool2d");
const avgPoolBackward = aten("avg_pool2d_backward");
const padNd = aten("constant_pad_nd");
const narrow = aten("narrow");
const resizeBilinear = aten("upsample_bilinear2d");
const resizeBilinearBackward = aten("upsample_bilinear2d_backward");
const rsqrt = aten("rsqrt");
const addScalar = aten("add.Scalar");
const mul = aten("mul.Tensor");
const sub = aten("sub.Tensor");

type Shape4D = [number, number, number, number];
type ConvAttrs = {
  strides: number | [number, number];
  pad: never;
  dilations: number | [number, number];
  dimRoundingMode?: never;
  dataFormat?: "NHWC" | "NCHW";
};

const toNchw = (x: Handle): Handle => permute(x, [0, 3, 1, 2]);
const toNhwc = (x: Handle): Handle => permute(x, [0, 2, 3, 1]);

function geometry(call: KernelCall, inputShape: number[], filterShape: number[], depthwise: boolean): number[] {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = call.attrs as unknown as ConvAttrs;
  if (dataFormat === "NCHW") throw new Error("the torch engine takes NHWC images");
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
  const { top, bottom, left, right } = info.padInfo;
  const groups = depthwise ? info.inChannels : info.inChannels / filterShape[2]!;
  return [
    info.strideHeight,
    info.strideWidth,
    top,
    bottom,
    left,
    right,
    info.dilationHeight,
    info.dilationWidth,
    groups,
  ];
}

function forward(call: KernelCall, depthwise: boolean): Handle {
  const shape = call.input("filter").shape;
  const bias = call.inputs["bias"] ? call.handle("bias") : null;
  // A bias per channel is libtorch's own; any other is added afterwards.
  const channels = depthwise ? shape[2]! * shape[3]! : shape[3]!;
  const perChannel = bias !== null && tf.util.sizeFromShape(call.input("bias").shape) === channels;
  const isRelu = call.attrs["activation"] === "relu" && (bias === null || perChannel);
  const y = conv2d(
    call.handle("x"),
    call.handle("filter"),
    perChannel ? bias : null,
    geometry(call, call.input("x").shape, shape, depthwise),
    isRelu,
    depthwise,
  );
  if (isRelu) return y;
  return activate(call, bias !== null && !perChannel ? add(y, bias, 1) : y);
}

function inputGradient(call: KernelCall, depthwise: boolean): Handle {
  const shape = call.attr<number[]>("inputShape");
  return conv2dInputGradient(
    call.handle("dy"),
    call.handle("filter"),
    shape,
    geometry(call, shape, call.input("filter").shape, depthwise),
    depthwise,
  );
}

function filterGradient(call: KernelCall, depthwise: boolean): Handle {
  const shape = call.attr<number[]>("filterShape");
  return conv2dFilterGradient(
    call.handle("dy"),
    call.handle("x"),
    shape,
    geometry(call, call.input("x").shape, shape, depthwise),
    depthwise,
  );
}

interface Window {
  readonly kernel: number[];
  readonly stride: number[];
  readonly dilation: number[];
  /** top, bottom, left, right */
  readonly pads: [number, number, number, number];
}

function poolWindow(call: KernelCall, shape: number[]): Window {
  const { filterSize, strides, pad, dimRoundingMode } = call.attrs as unknown as ConvAttrs & {
    filterSize: number | [number, number];
  };
  const info = tf.backend_util.computePool2DInfo(shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  const { top, bottom, left, right } = info.padInfo;
  return {
    kernel: [info.filterHeight, info.filterWidth],
    stride: [info.strideHeight, info.strideWidth],
    dilation: [1, 1],
    pads: [top, bottom, left, right],
  };
}

interface MaxPooled {
  readonly values: Handle;
  readonly indices: Handle;
  /** What libtorch pooled: the input, padded beforehand where the two sides differ, and then the padding of its own. */
  readonly input: Handle;
  readonly padding: number[];
}

/** Max pooling of an NCHW view; the padding never wins. */
function maxPooled(x: Handle, { kernel, stride, dilation, pads }: Window): MaxPooled {
  const [top, bottom, left, right] = pads;
  const isEven = top === bottom && left === right && 2 * top <= kernel[0]! && 2 * left <= kernel[1]!;
  const input = isEven ? x : padNd(x, [left, right, top, bottom], -3.4028234e38);
  const padding = isEven ? [top, left] : [0, 0];
  const [values, indices] = maxPool(input, kernel, stride, padding, dilation, false) as [Handle, Handle];
  return { values, indices, input, padding };
}

/** Average pooling leaves the padding out of the count, as TensorFlow does; libtorch does so for symmetric padding only. */
function averagePadding({ pads: [top, bottom, left, right] }: Window): number[] {
  if (top !== bottom || left !== right)
    throw new Error("average pooling with unequal padding on two sides is not available on the torch engine");
  return [top, left];
}

function isExactResize(call: KernelCall): boolean {
  return call.attr<boolean>("alignCorners") || call.attr<boolean>("halfPixelCenters");
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
  MaxPool: (call) => {
    const { values } = maxPooled(toNchw(call.handle("x")), poolWindow(call, call.input("x").shape));
    return call.give(toNhwc(values), "float32");
  },
  MaxPoolGrad: (call) => {
    const { shape } = call.input("input");
    const window = poolWindow(call, shape);
    const x = toNchw(call.handle("input"));
    const { indices, input, padding } = maxPooled(x, window);
    let dx = maxPoolBackward(
      toNchw(call.handle("dy")),
      input,
      window.kernel,
      window.stride,
      padding,
      window.dilation,
      false,
      indices,
    );
    if (input !== x) dx = narrow(narrow(dx, 2, window.pads[0], shape[1]!), 3, window.pads[2], shape[2]!);
    return call.give(toNhwc(dx), "float32");
  },
  AvgPool: (call) => {
    const window = poolWindow(call, call.input("x").shape);
    return call.give(
      toNhwc(
        avgPool(toNchw(call.handle("x")), window.kernel, window.stride, averagePadding(window), false, false, null),
      ),
      "float32",
    );
  },
  AvgPoolGrad: (call) => {
    const window = poolWindow(call, call.input("input").shape);
    const dx = avgPoolBackward(
      toNchw(call.handle("dy")),
      toNchw(call.handle("input")),
      window.kernel,
      window.stride,
      averagePadding(window),
      false,
      false,
      null,
    );
    return call.give(toNhwc(dx), "float32");
  },
  ResizeBilinear: (call) => {
    if (!isExactResize(call))
      throw new Error("resizeBilinear needs alignCorners or halfPixelCenters on the torch engine");
    const y = resizeBilinear(
      toNchw(call.handle("images")),
      call.attr<number[]>("size"),
      call.attr<boolean>("alignCorners"),
      null,
      null,
    );
    return call.give(toNhwc(y), "float32");
  },
  ResizeBilinearGrad: (call) => {
    if (!isExactResize({ ...call, attr: call.attr })) {
      // The gradient's attributes name alignCorners alone; half pixel centres have no gradient in tfjs.
      throw new Error("the gradient of resizeBilinear needs alignCorners on the torch engine");
    }
    const { shape } = call.input("images");
    const dy = toNchw(call.handle("dy"));
    const [b, h, w, c] = shape as Shape4D;
    const outSize = call.input("dy").shape.slice(1, 3);
    return call.give(
      toNhwc(resizeBilinearBackward(dy, outSize, [b, c, h, w], call.attr<boolean>("alignCorners"), null, null)),
      "float32",
    );
  },
  FusedBatchNorm: (call) => {
    // y = (x - mean) * scale / sqrt(variance + epsilon) + offset
    let factor = rsqrt(addScalar(call.handle("variance"), call.attr<number>("varianceEpsilon"), 1));
    if (call.inputs["scale"]) factor = mul(factor, call.handle("scale"));
    let shift = mul(call.handle("mean"), factor);
    if (call.inputs["offset"]) {
      shift = sub(call.handle("offset"), shift, 1);
      return call.give(add(mul(call.handle("x"), factor), shift, 1), "float32");
    }
    return call.give(sub(mul(call.handle("x"), factor), shift, 1), "float32");
  },
};
