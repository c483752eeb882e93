/** @file Kernels that move data without changing it. Where they can they give views: a later read makes row-major copies. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "../../tf.ts";
import { aten, atenMany } from "../native.ts";
import { type KernelCall, type KernelTable, scalarTypeOf } from "./kernel.ts";

const reshape = aten("reshape");
const permute = aten("permute");
const cat = aten("cat");
const slice = aten("slice.Tensor");
const narrow = aten("narrow");
const padNd = aten("constant_pad_nd");
const tile = aten("tile");
const flip = aten("flip");
const stack = aten("stack");
const unbind = atenMany("unbind.int");
const split = atenMany("split_with_sizes");
const alias = aten("alias");
const arange = aten("arange.start_step");
const linspace = aten("linspace");

const same = (call: KernelCall, handle: number, name = "x"): TensorInfo => call.give(handle, call.input(name).dtype);
const ordered = (call: KernelCall): string[] => Object.keys(call.inputs).sort((a, b) => Number(a) - Number(b));

/** torch's padding list (last dimension first) of tfjs's paddings (first dimension first). */
function torchPadding(paddings: readonly (readonly [number, number])[]): number[] {
  return [...paddings].reverse().flat();
}

export const layoutKernels: KernelTable = {
  Reshape: (call) => {
    const { shape } = call.input("x");
    const wanted = tf.util.inferFromImplicitShape(call.attr<number[]>("shape"), tf.util.sizeFromShape(shape));
    return same(call, reshape(call.handle("x"), wanted));
  },
  ExpandDims: (call) => {
    const { shape } = call.input("input");
    const dim = call.attr<number>("dim");
    if (dim < -shape.length - 1 || dim > shape.length)
      throw new Error(`dim must be in [${-shape.length - 1}, ${shape.length}], got ${dim}`);
    const wanted = [...shape];
    wanted.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
    return same(call, reshape(call.handle("input"), wanted), "input");
  },
  Transpose: (call) => same(call, permute(call.handle("x"), call.attr<number[]>("perm"))),
  Concat: (call) => {
    const names = ordered(call);
    const axis = tf.util.parseAxisParam(call.attr<number>("axis"), call.input(names[0]!).shape)[0] as number;
    // torch skips nothing of size zero along the axis, tfjs neither; equal dtypes are ensured by the op.
    return same(
      call,
      cat(
        names.map((name) => call.handle(name)),
        axis,
      ),
      names[0]!,
    );
  },
  Pack: (call) => {
    const names = ordered(call);
    const { dtype } = call.input(names[0]!);
    const other = names.find((name) => call.input(name).dtype !== dtype);
    if (other) throw new Error(`all tensors must have the same dtype, got ${dtype} and ${call.input(other).dtype}`);
    return same(
      call,
      stack(
        names.map((name) => call.handle(name)),
        call.attr<number>("axis"),
      ),
      names[0]!,
    );
  },
  Unpack: (call) => {
    const { dtype } = call.input("value");
    return unbind(call.handle("value"), call.attr<number>("axis")).map((handle) => call.give(alias(handle), dtype));
  },
  SplitV: (call) => {
    const { shape, dtype } = call.input("x");
    const axis = tf.util.parseAxisParam(call.attr<number>("axis"), shape)[0] as number;
    const sizes = tf.backend_util.prepareSplitSize(
      { shape } as never,
      call.attr<number | number[]>("numOrSizeSplits"),
      axis,
    );
    return split(call.handle("x"), sizes, axis).map((handle) => call.give(alias(handle), dtype));
  },
  Slice: (call) => {
    const [begin, size] = tf.slice_util.parseSliceParams(
      { shape: call.input("x").shape } as never,
      call.attr<number[]>("begin"),
      call.attr<number[]>("size"),
    );
    let x = call.handle("x");
    const { shape } = call.input("x");
    let moved = false;
    for (let d = 0; d < shape.length; d++) {
      if (begin[d] === 0 && size[d] === shape[d]) continue;
      x = narrow(x, d, begin[d]!, size[d]!);
      moved = true;
    }
    return same(call, moved ? x : alias(x));
  },
  StridedSlice: (call) => {
    const x = call.input("x");
    const info = tf.slice_util.sliceInfo(
      x.shape,
      call.attr<number[]>("begin"),
      call.attr<number[]>("end"),
      call.attr<number[]>("strides"),
      call.attr<number>("beginMask"),
      call.attr<number>("endMask"),
      call.attr<number>("ellipsisMask"),
      call.attr<number>("newAxisMask"),
      call.attr<number>("shrinkAxisMask"),
    );
    let out = call.handle("x");
    for (let d = 0; d < x.shape.length; d++) {
      const begin = info.begin[d]!;
      const end = info.end[d]!;
      const stride = info.strides[d]!;
      // A negative stride walks backwards: reverse the axis, then take every |stride|-th from the mirrored begin.
      if (stride < 0) {
        const last = x.shape[d]! - 1;
        out = slice(flip(out, [d]), d, Math.max(0, last - begin), Math.max(0, last - end), -stride);
      } else {
        out = slice(out, d, begin, Math.max(begin, end), stride);
      }
    }
    return same(call, reshape(out, info.finalShape));
  },
  PadV2: (call) =>
    same(
      call,
      padNd(
        call.handle("x"),
        torchPadding(call.attr<[number, number][]>("paddings")),
        call.attr<number>("constantValue"),
      ),
    ),
  MirrorPad: (call) => {
    // Built from flipped slices, one axis after the other ("reflect" leaves the border out, "symmetric" repeats it).
    const skip = call.attr<string>("mode") === "reflect" ? 1 : 0;
    const { shape } = call.input("x");
    let x = call.handle("x");
    call.attr<[number, number][]>("paddings").forEach(([before, after], d) => {
      if (before === 0 && after === 0) return;
      const length = shape[d]!;
      const parts = [x];
      if (before > 0) parts.unshift(flip(narrow(x, d, skip, before), [d]));
      if (after > 0) parts.push(flip(narrow(x, d, length - skip - after, after), [d]));
      x = cat(parts, d);
    });
    return same(call, alias(x));
  },
  Tile: (call) => same(call, tile(call.handle("x"), call.attr<number[]>("reps"))),
  Reverse: (call) =>
    same(call, flip(call.handle("x"), tf.util.parseAxisParam(call.attr<number[]>("dims"), call.input("x").shape))),
  Range: (call) => {
    const dtype = call.attr<"float32" | "int32">("dtype");
    const [start, stop] = [call.attr<number>("start"), call.attr<number>("stop")];
    const given = call.attr<number>("step");
    const step = stop < start && given === 1 ? -1 : given;
    const empty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
    return call.give(arange(start, empty ? start : stop, empty ? 1 : step, scalarTypeOf(dtype)), dtype);
  },
  LinSpace: (call) =>
    call.give(
      linspace(
        call.attr<number>("start"),
        call.attr<number>("stop"),
        call.attr<number>("num"),
        scalarTypeOf("float32"),
      ),
      "float32",
    ),
};
