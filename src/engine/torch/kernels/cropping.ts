/** @file CropAndResize: one resized crop of a batch's image per box. */
import { aten, type Handle, SCALAR_TYPE, temporary } from "../native.ts";
import { insideRows } from "./indexing.ts";
import { asFloat, DTYPE, type KernelCall, type KernelTable } from "./kernel.ts";

const narrow = aten("narrow");
const reshape = aten("reshape");
const add = aten("add.Tensor");
const sub = aten("sub.Tensor");
const mul = aten("mul.Tensor");
const mulScalar = aten("mul.Scalar");
const addScalar = aten("add.Scalar");
const floor = aten("floor");
const ceil = aten("ceil");
const clamp = aten("clamp");
const atLeast = aten("ge.Scalar");
const atMost = aten("le.Scalar");
const and = aten("logical_and");
const where = aten("where.ScalarOther");
const toDtype = aten("to.dtype");
const indexSelect = aten("index_select");

/** Where one axis of the crops is sampled: [boxes, size], in input pixels. */
interface Samples {
  readonly at: Handle;
  readonly isInside: Handle;
}

/** Samples between the columns `first` and `last` of the boxes [N, (y1, x1, y2, x2)], which are in units of inSize - 1. */
function samples(boxes: Handle, first: number, last: number, inSize: number, outSize: number): Samples {
  const from = mulScalar(narrow(boxes, 1, first, 1), inSize - 1);
  const to = mulScalar(narrow(boxes, 1, last, 1), inSize - 1);
  // A single sample lies in the middle, several from edge to edge.
  const steps = Float32Array.from({ length: outSize }, (_, i) => (outSize > 1 ? i / (outSize - 1) : 0.5));
  const at = add(from, mul(sub(to, from, 1), temporary(steps, [1, outSize], DTYPE.float32)), 1);
  return { at, isInside: and(atLeast(at, 0), atMost(at, inSize - 1)) };
}

/** The images' pixels at whole rows [N, h] and columns [N, w] of each box's image: [N, h, w, channels]. */
function pixels(call: KernelCall, rows: Handle, columns: Handle): Handle {
  const [images, height, width, channels] = call.input("image").shape as [number, number, number, number];
  const count = call.input("boxInd").shape[0]!;
  const [cropHeight, cropWidth] = call.attr<[number, number]>("cropSize");
  const whole = (x: Handle, size: number, shape: number[]) =>
    reshape(toDtype(clamp(x, 0, size - 1), SCALAR_TYPE.int64, false, false, null), shape);
  const image = toDtype(call.handle("boxInd"), SCALAR_TYPE.int64, false, false, null);
  const row = add(mulScalar(reshape(image, [count, 1, 1]), height), whole(rows, height, [count, cropHeight, 1]), 1);
  const flat = add(mulScalar(row, width), whole(columns, width, [count, 1, cropWidth]), 1);
  const inside = insideRows(reshape(flat, [-1]), count * cropHeight * cropWidth, images * height * width);
  const values = indexSelect(reshape(asFloat(call, "image"), [-1, channels]), 0, inside);
  return reshape(values, [count, cropHeight, cropWidth, channels]);
}

export const croppingKernels: KernelTable = {
  CropAndResize: (call) => {
    const [, height, width] = call.input("image").shape as [number, number, number, number];
    const [cropHeight, cropWidth] = call.attr<[number, number]>("cropSize");
    const count = call.input("boxInd").shape[0]!;
    const boxes = call.handle("boxes");
    const y = samples(boxes, 0, 2, height, cropHeight);
    const x = samples(boxes, 1, 3, width, cropWidth);
    const asRows = (t: Handle) => reshape(t, [count, cropHeight, 1, 1]);
    const asColumns = (t: Handle) => reshape(t, [count, 1, cropWidth, 1]);
    let crops: Handle;
    if (call.attr<string>("method") === "nearest") {
      const nearest = (t: Handle) => floor(addScalar(t, 0.5, 1));
      crops = pixels(call, nearest(y.at), nearest(x.at));
    } else {
      const [top, left] = [floor(y.at), floor(x.at)];
      const right = asColumns(sub(x.at, left, 1));
      const line = (rows: Handle): Handle => {
        const near = pixels(call, rows, left);
        return add(near, mul(sub(pixels(call, rows, ceil(x.at)), near, 1), right), 1);
      };
      const upper = line(top);
      crops = add(upper, mul(sub(line(ceil(y.at)), upper, 1), asRows(sub(y.at, top, 1))), 1);
    }
    const isInside = and(asRows(y.isInside), asColumns(x.isInside));
    return call.give(where(isInside, crops, call.attr<number>("extrapolationValue")), "float32");
  },
};
