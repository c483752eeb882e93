/** @file Greyscale dilation (Dilation2D): the maximum over a window of image plus filter, and its gradients. */
import { tf } from "../../tf.ts";
import { aten, atenMany, type Handle } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";

const padNd = aten("constant_pad_nd");
const slice = aten("slice.Tensor");
const select = aten("select.int");
const stack = aten("stack");
const add = aten("add.Tensor");
const addTo = aten("add_.Tensor");
const mul = aten("mul.Tensor");
const sum = aten("sum.dim_IntList");
const reshape = aten("reshape");
const equal = aten("eq.Scalar");
const zerosLike = aten("zeros_like");
const narrow = aten("narrow");
const alias = aten("alias");
const max = atenMany("max.dim");

/** The taps of the filter, each with the part of the padded image that it meets, over all places of the window. */
interface Taps {
  readonly padded: Handle;
  readonly count: number;
  readonly top: number;
  readonly left: number;
  /** The view of a padded image that tap `k` meets. */
  part(padded: Handle, k: number): Handle;
}

function tapsOf(call: KernelCall): Taps {
  const x = call.input("x");
  const [filterHeight, filterWidth] = call.input("filter").shape as [number, number];
  const info = tf.backend_util.computeDilation2DInfo(
    x.shape as never,
    call.input("filter").shape as never,
    call.attr<never>("strides"),
    call.attr<never>("pad"),
    "NHWC",
    call.attr<never>("dilations"),
  );
  const { top, bottom, left, right } = info.padInfo;
  const along = (image: Handle, axis: number, start: number, out: number, stride: number): Handle =>
    slice(image, axis, start, start + (out - 1) * stride + 1, stride);
  return {
    padded: padNd(call.handle("x"), [0, 0, left, right, top, bottom], Number.NEGATIVE_INFINITY),
    count: filterHeight * filterWidth,
    top,
    left,
    part: (padded, k) => {
      const row = Math.floor(k / filterWidth) * info.dilationHeight;
      const column = (k % filterWidth) * info.dilationWidth;
      const rows = along(padded, 1, row, info.outHeight, info.strideHeight);
      return along(rows, 2, column, info.outWidth, info.strideWidth);
    },
  };
}

/** The dilated image, and for each of its elements which tap gave the maximum (the first one of equals). */
function dilated(call: KernelCall, taps: Taps): [values: Handle, winners: Handle] {
  const filter = reshape(call.handle("filter"), [taps.count, -1]);
  const sums = Array.from({ length: taps.count }, (_, k) => add(taps.part(taps.padded, k), select(filter, 0, k), 1));
  return max(stack(sums, 0), 0, false) as [Handle, Handle];
}

/** The part of `dy` that went through tap `k`. */
const through = (call: KernelCall, winners: Handle, k: number): Handle => mul(call.handle("dy"), equal(winners, k));

export const dilationKernels: KernelTable = {
  Dilation2D: (call) => {
    const [values] = dilated(call, tapsOf(call));
    return call.give(alias(values), "float32");
  },
  Dilation2DBackpropInput: (call) => {
    const taps = tapsOf(call);
    const [, winners] = dilated(call, taps);
    const dx = zerosLike(taps.padded);
    for (let k = 0; k < taps.count; k++) addTo(taps.part(dx, k), through(call, winners, k), 1);
    const [, height, width] = call.input("x").shape as [number, number, number];
    return call.give(narrow(narrow(dx, 1, taps.top, height), 2, taps.left, width), "float32");
  },
  Dilation2DBackpropFilter: (call) => {
    const taps = tapsOf(call);
    const [, winners] = dilated(call, taps);
    const parts = Array.from({ length: taps.count }, (_, k) => sum(through(call, winners, k), [0, 1, 2], false, null));
    return call.give(reshape(stack(parts, 0), call.input("filter").shape), "float32");
  },
};
