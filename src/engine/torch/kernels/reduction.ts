/** @file Kernels that reduce, scan, order or normalise along axes. */
import { aten, atenMany, SCALAR_TYPE } from "../native.ts";
import { asFloat, axesOf, type Kernel, type KernelTable, scalarTypeOf } from "./kernel.ts";

const sum = aten("sum.dim_IntList");
const mean = aten("mean.dim");
const amax = aten("amax");
const amin = aten("amin");
const prod = aten("prod.dim_int");
const any = aten("any.dim");
const all = aten("all.dim");
const argmax = aten("argmax");
const argmin = aten("argmin");
const cumsum = aten("cumsum");
const cumprod = aten("cumprod");
const flip = aten("flip");
const narrow = aten("narrow");
const padNd = aten("constant_pad_nd");
const softmax = aten("softmax.int");
const sort = atenMany("sort.stable");
const withoutNan = aten("nan_to_num");
const alias = aten("alias");
const toDtype = aten("to.dtype");

/** One axis after the other, for operators that take a single dimension; from the last, so that numbers stay valid. */
const successive = (op: (x: number, axis: number, keep: boolean) => number, dtype?: "bool"): Kernel => {
  return (call) => {
    const keepDims = call.attr<boolean | undefined>("keepDims") ?? false;
    const axes = axesOf(call).sort((a, b) => b - a);
    let x = call.handle("x");
    if (axes.length === 0) x = alias(x);
    for (const axis of axes) x = op(x, axis, keepDims);
    return call.give(x, dtype ?? call.input("x").dtype);
  };
};
const reduced = (op: (x: number, axes: readonly number[], keep: boolean) => number, axisName?: string): Kernel => {
  return (call) => {
    const axes = axesOf(call, "x", axisName);
    const x = call.handle("x");
    return call.give(
      axes.length === 0 ? alias(x) : op(x, axes, call.attr<boolean | undefined>("keepDims") ?? false),
      call.input("x").dtype,
    );
  };
};
/** Where the largest or smallest element is; NaN is passed over, by taking it for `worst`. */
const argument = (op: typeof argmax, worst: number): Kernel => {
  return (call) => {
    const { dtype } = call.input("x");
    let x = call.handle("x");
    if (dtype === "bool") x = toDtype(x, SCALAR_TYPE.int32, false, false, null);
    if (dtype === "float32") x = withoutNan(x, worst, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    return call.give(op(x, axesOf(call)[0] as number, false), "int32");
  };
};
/** Cumulative operators with tfjs's `exclusive` (the element itself left out) and `reverse`. */
const cumulative = (op: typeof cumsum, start: number): Kernel => {
  return (call) => {
    const { shape, dtype } = call.input("x");
    const axis = axesOf(call)[0] as number;
    const length = shape[axis] as number;
    let x = call.handle("x");
    if (call.attr<boolean>("reverse")) x = flip(x, [axis]);
    if (call.attr<boolean>("exclusive")) {
      const pads = Array(2 * (shape.length - axis)).fill(0);
      pads[pads.length - 2] = 1;
      x = narrow(padNd(x, pads, start), axis, 0, length);
    }
    x = op(x, axis, scalarTypeOf(dtype));
    if (call.attr<boolean>("reverse")) x = flip(x, [axis]);
    return call.give(x, dtype);
  };
};

export const reductionKernels: KernelTable = {
  Sum: (call) => {
    const { dtype } = call.input("x");
    const axes = axesOf(call);
    const out = dtype === "bool" ? "int32" : dtype;
    const x = call.handle("x");
    if (axes.length === 0) return call.give(toDtype(x, scalarTypeOf(out), false, true, null), out);
    return call.give(sum(x, axes, call.attr<boolean | undefined>("keepDims") ?? false, scalarTypeOf(out)), out);
  },
  Mean: (call) => {
    const axes = axesOf(call);
    const x = asFloat(call, "x");
    return call.give(
      axes.length === 0
        ? alias(x)
        : mean(x, axes, call.attr<boolean | undefined>("keepDims") ?? false, SCALAR_TYPE.float32),
      "float32",
    );
  },
  Max: reduced(amax, "reductionIndices"),
  Min: reduced(amin),
  Prod: successive((x, axis, keep) => prod(x, axis, keep, null)),
  Any: successive((x, axis, keep) => any(x, axis, keep), "bool"),
  All: successive((x, axis, keep) => all(x, axis, keep), "bool"),
  ArgMax: argument(argmax, Number.NEGATIVE_INFINITY),
  ArgMin: argument(argmin, Number.POSITIVE_INFINITY),
  Cumsum: cumulative(cumsum, 0),
  Cumprod: cumulative(cumprod, 1),
  Softmax: (call) => call.give(softmax(asFloat(call, "logits"), call.attr<number>("dim"), null), "float32"),
  TopK: (call) => {
    const { dtype, shape } = call.input("x");
    const axis = shape.length - 1;
    const count = call.attr<number>("k");
    // A stable sort, because of equal elements the one with the lower index comes first.
    const [values, indices] = sort(call.handle("x"), true, axis, true) as [number, number];
    return [
      call.give(narrow(values, axis, 0, count), dtype),
      call.give(toDtype(narrow(indices, axis, 0, count), SCALAR_TYPE.int32, false, false, null), "int32"),
    ];
  },
};
