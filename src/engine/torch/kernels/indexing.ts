/** @file Kernels that gather and scatter by index. Indices out of range are libtorch errors, never silent reads. */
import { tf } from "../../tf.ts";
import { aten, type Handle, SCALAR_TYPE, temporary } from "../native.ts";
import { DTYPE, type KernelCall, type KernelTable, scalarTypeOf } from "./kernel.ts";

const reshape = aten("reshape");
const indexSelect = aten("index_select");
const gather = aten("gather");
const indexAdd = aten("index_add");
const scatterAdd = aten("scatter_add");
const zeros = aten("zeros");
const full = aten("full");
const toDtype = aten("to.dtype");
const mul = aten("mul.Tensor");
const sum = aten("sum.dim_IntList");
const scatterValue = aten("scatter.value");
const unsqueeze = aten("unsqueeze");
const narrow = aten("narrow");
const where = aten("where.self");
const lessScalar = aten("lt.Scalar");
const clampMax = aten("clamp_max");
const fullLike = aten("full_like");

const toLong = (handle: Handle): Handle => toDtype(handle, SCALAR_TYPE.int64, false, false, null);
const size = tf.util.sizeFromShape;

/** Flat row numbers of index tuples [N, K] into the leading dimensions `shape`. */
function flatRows(indices: Handle, strides: readonly number[]): Handle {
  const weights = temporary(Int32Array.from(strides), [strides.length], DTYPE.int32);
  return sum(mul(toLong(indices), weights), [-1], false, null);
}

/** Index numbers with everything outside 0..depth-1 moved to `depth`. */
function clampIndex(ids: Handle, depth: number): Handle {
  return clampMax(where(lessScalar(ids, 0), fullLike(ids, depth), ids), depth);
}

function rowMajorStrides(shape: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => size(shape.slice(i + 1, count)));
}

/** Sum of `updates` [N, slice] into rows of a new tensor of `shape`. */
function scatterRows(call: KernelCall, indices: string, updates: string, shape: readonly number[]): Handle {
  const { sliceRank, numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    call.input(updates) as never,
    call.input(indices) as never,
    [...shape],
  );
  const rows = reshape(flatRows(reshape(call.handle(indices), [numUpdates, sliceRank]), strides.slice(0, sliceRank)), [
    numUpdates,
  ]);
  const empty = zeros([outputSize / sliceSize, sliceSize], scalarTypeOf(call.input(updates).dtype));
  return reshape(indexAdd(empty, 0, rows, reshape(call.handle(updates), [numUpdates, sliceSize]), 1), [...shape]);
}

export const indexingKernels: KernelTable = {
  GatherV2: (call) => {
    const x = call.input("x");
    const indices = call.input("indices");
    const axis = tf.util.parseAxisParam(call.attr<number>("axis"), x.shape)[0] as number;
    const batchDims = call.attr<number | undefined>("batchDims") ?? 0;
    const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(x as never, indices as never, axis, batchDims);
    const flat = toLong(
      reshape(call.handle("indices"), [
        info.batchSize,
        indices.shape.length === 0 ? 1 : size(indices.shape) / info.batchSize,
      ]),
    );
    if (info.batchSize === 1) {
      const values = reshape(call.handle("x"), [info.outerSize, info.dimSize, info.sliceSize]);
      return call.give(
        reshape(indexSelect(values, 1, reshape(flat, [size(indices.shape)])), info.outputShape),
        x.dtype,
      );
    }
    const count = size(indices.shape) / info.batchSize;
    const values = reshape(call.handle("x"), [info.batchSize, info.outerSize, info.dimSize, info.sliceSize]);
    const spread = mul(
      reshape(flat, [info.batchSize, 1, count, 1]),
      full([1, info.outerSize, 1, info.sliceSize], 1, SCALAR_TYPE.int64),
    );
    return call.give(reshape(gather(values, 2, spread, false), info.outputShape), x.dtype);
  },
  GatherNd: (call) => {
    const params = call.input("params");
    const indices = call.input("indices");
    const [shape, slices, sliceSize] = tf.backend_util.prepareAndValidate(params as never, indices as never);
    const depth = indices.shape[indices.shape.length - 1]!;
    const rows = flatRows(reshape(call.handle("indices"), [slices, depth]), rowMajorStrides(params.shape, depth));
    return call.give(
      reshape(indexSelect(reshape(call.handle("params"), [-1, sliceSize]), 0, rows), shape),
      params.dtype,
    );
  },
  ScatterNd: (call) =>
    call.give(scatterRows(call, "indices", "updates", call.attr<number[]>("shape")), call.input("updates").dtype),
  UnsortedSegmentSum: (call) => {
    const x = call.input("x");
    const segments = call.input("segmentIds");
    const count = call.attr<number>("numSegments");
    const rows = size(segments.shape);
    const rest = x.shape.slice(segments.shape.length);
    const values = reshape(call.handle("x"), [rows, size(rest)]);
    const empty = zeros([count, size(rest)], scalarTypeOf(x.dtype));
    const ids = toLong(reshape(call.handle("segmentIds"), [rows]));
    // One number per row: scatter_add is the faster of the two equal sums.
    const out = size(rest) === 1 ? scatterAdd(empty, 0, unsqueeze(ids, 1), values) : indexAdd(empty, 0, ids, values, 1);
    return call.give(reshape(out, [count, ...rest]), x.dtype);
  },
  OneHot: (call) => {
    const indices = call.input("indices");
    const depth = call.attr<number>("depth");
    const dtype = call.attr<"float32" | "int32" | "bool" | undefined>("dtype") ?? "float32";
    const on = call.attr<number | undefined>("onValue") ?? 1;
    const off = call.attr<number | undefined>("offValue") ?? 0;
    // An index outside 0..depth-1 gives a row of off values: such indices write into a spare column that is cut off.
    const ids = toLong(reshape(call.handle("indices"), [size(indices.shape), 1]));
    const bounded = clampIndex(ids, depth);
    const table = scatterValue(full([size(indices.shape), depth + 1], off, scalarTypeOf(dtype)), 1, bounded, on);
    return call.give(reshape(narrow(table, 1, 0, depth), [...indices.shape, depth]), dtype);
  },
};
