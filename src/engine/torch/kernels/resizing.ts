/** @file Resizing and cropping of NHWC images. */
import { aten, type Handle, temporary } from "../native.ts";
import { asFloat, DTYPE, type KernelCall, type KernelTable, SCALAR_TYPE } from "./kernel.ts";

const permute = aten("permute");
const bilinear = aten("upsample_bilinear2d");
const bilinearBackward = aten("upsample_bilinear2d_backward");
const indexSelect = aten("index_select");
const indexAdd = aten("index_add");
const add = aten("add.Tensor");
const sub = aten("sub.Tensor");
const mul = aten("mul.Tensor");
const zeros = aten("zeros");
const flip = aten("flip");

const toNchw = (x: Handle): Handle => permute(x, [0, 3, 1, 2]);
const toNhwc = (x: Handle): Handle => permute(x, [0, 2, 3, 1]);
type Shape4D = [number, number, number, number];

/** Input pixels per output pixel, before any offset. */
function scaleOf(call: KernelCall, inSize: number, outSize: number): number {
  return call.attr<boolean>("alignCorners") && outSize > 1 ? (inSize - 1) / (outSize - 1) : inSize / outSize;
}

/** One axis of a resize that weights two input pixels for each output pixel. */
interface Interpolation {
  readonly axis: number;
  readonly low: Handle;
  readonly high: Handle;
  /** Weight of `high`, shaped to multiply an NHWC image. */
  readonly weight: Handle;
}

/** TensorFlow's oldest sampling grid, output pixel i at i * scale: neither corners aligned nor half pixel centres. */
function interpolation(axis: 1 | 2, inSize: number, outSize: number): Interpolation {
  const source = Array.from({ length: outSize }, (_, i) => (i * inSize) / outSize);
  const low = source.map((at) => Math.min(inSize - 1, Math.floor(at)));
  const ints = (values: number[]) => temporary(Int32Array.from(values), [outSize], DTYPE.int32);
  const weight = Float32Array.from(source, (at, i) => at - low[i]!);
  return {
    axis,
    low: ints(low),
    high: ints(low.map((at) => Math.min(inSize - 1, at + 1))),
    weight: temporary(weight, axis === 1 ? [outSize, 1, 1] : [outSize, 1], DTYPE.float32),
  };
}

function interpolated(x: Handle, { axis, low, high, weight }: Interpolation): Handle {
  const near = indexSelect(x, axis, low);
  return add(near, mul(sub(indexSelect(x, axis, high), near, 1), weight), 1);
}

/** The adjoint of `interpolated`: `dy` spread over an image of `shape`. */
function spread(dy: Handle, { axis, low, high, weight }: Interpolation, shape: readonly number[]): Handle {
  const far = mul(dy, weight);
  const near = indexAdd(zeros(shape, SCALAR_TYPE.float32), axis, low, sub(dy, far, 1), 1);
  return indexAdd(near, axis, high, far, 1);
}

/** Which input row (or column) each output row of a nearest-neighbour resize takes. */
function nearest(call: KernelCall, inSize: number, outSize: number): Handle {
  const scale = scaleOf(call, inSize, outSize);
  const offset = call.attr<boolean>("halfPixelCenters") ? 0.5 : 0;
  const round = call.attr<boolean>("alignCorners") ? Math.round : Math.floor;
  const rows = Int32Array.from({ length: outSize }, (_, i) =>
    Math.max(0, Math.min(inSize - 1, round((i + offset) * scale))),
  );
  return temporary(rows, [outSize], DTYPE.int32);
}

/** Whether libtorch has the sampling grid that the call asks for. */
const isOwnGrid = (call: KernelCall): boolean =>
  call.attr<boolean>("alignCorners") || call.attr<boolean>("halfPixelCenters");

export const resizingKernels: KernelTable = {
  ResizeBilinear: (call) => {
    const [height, width] = call.attr<[number, number]>("size");
    const x = asFloat(call, "images");
    if (isOwnGrid(call)) {
      const y = bilinear(toNchw(x), [height, width], call.attr<boolean>("alignCorners"), null, null);
      return call.give(toNhwc(y), "float32");
    }
    const { shape } = call.input("images");
    const rows = interpolated(x, interpolation(1, shape[1]!, height));
    return call.give(interpolated(rows, interpolation(2, shape[2]!, width)), "float32");
  },
  ResizeBilinearGrad: (call) => {
    const [b, h, w, c] = call.input("images").shape as Shape4D;
    const [, height, width] = call.input("dy").shape as Shape4D;
    const dy = call.handle("dy");
    if (isOwnGrid(call)) {
      const corners = call.attr<boolean>("alignCorners");
      const dx = bilinearBackward(toNchw(dy), [height, width], [b, c, h, w], corners, null, null);
      return call.give(toNhwc(dx), "float32");
    }
    const columns = spread(dy, interpolation(2, w, width), [b, height, w, c]);
    return call.give(spread(columns, interpolation(1, h, height), [b, h, w, c]), "float32");
  },
  ResizeNearestNeighbor: (call) => {
    const { shape, dtype } = call.input("images");
    const [height, width] = call.attr<[number, number]>("size");
    const rows = indexSelect(call.handle("images"), 1, nearest(call, shape[1]!, height));
    return call.give(indexSelect(rows, 2, nearest(call, shape[2]!, width)), dtype);
  },
  ResizeNearestNeighborGrad: (call) => {
    const [b, h, w, c] = call.input("images").shape as Shape4D;
    const [, height, width] = call.input("dy").shape as Shape4D;
    const wide = zeros([b, height, w, c], SCALAR_TYPE.float32);
    const columns = indexAdd(wide, 2, nearest(call, w, width), call.handle("dy"), 1);
    const empty = zeros([b, h, w, c], SCALAR_TYPE.float32);
    return call.give(indexAdd(empty, 1, nearest(call, h, height), columns, 1), "float32");
  },
  FlipLeftRight: (call) => call.give(flip(call.handle("image"), [2]), call.input("image").dtype),
};
