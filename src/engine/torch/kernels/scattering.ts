/** @file Kernels that write or add by index, and counting. Indices out of range are errors or, where tfjs says so, ignored. */
import { tf } from "../../tf.ts";
import { aten, type Handle } from "../native.ts";
import { flatRows, insideRows, sparedRows } from "./indexing.ts";
import { type KernelCall, type KernelTable, scalarTypeOf } from "./kernel.ts";

const reshape = aten("reshape");
const expand = aten("expand");
const zeros = aten("zeros");
const unsqueeze = aten("unsqueeze");
const narrow = aten("narrow");
const indexAdd = aten("index_add");
const indexCopy = aten("index_copy");
const scatterAdd = aten("scatter_add");
const bincount = aten("bincount");
const searchSorted = aten("searchsorted.Tensor");

const size = tf.util.sizeFromShape;

/** Index tuples and updates of a scatter as matrices: rows of `shape`'s leading dimensions, and one slice per row. */
interface Rows {
  readonly ids: Handle;
  readonly slices: Handle;
  /** [rows, slice] of the tensor written to. */
  readonly table: [number, number];
}

function rowsOf(call: KernelCall, indices: string, updates: string, shape: readonly number[]): Rows {
  const { sliceRank, numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    call.input(updates) as never,
    call.input(indices) as never,
    [...shape],
  );
  const tuples = reshape(call.handle(indices), [numUpdates, sliceRank]);
  const table: [number, number] = [outputSize / sliceSize, sliceSize];
  const ids = reshape(flatRows(tuples, strides.slice(0, sliceRank)), [numUpdates]);
  return {
    ids: insideRows(ids, numUpdates, table[0]),
    slices: reshape(call.handle(updates), [numUpdates, sliceSize]),
    table,
  };
}

export const scatteringKernels: KernelTable = {
  ScatterNd: (call) => {
    const shape = call.attr<number[]>("shape");
    const { dtype } = call.input("updates");
    const { ids, slices, table } = rowsOf(call, "indices", "updates", shape);
    return call.give(reshape(indexAdd(zeros(table, scalarTypeOf(dtype)), 0, ids, slices, 1), shape), dtype);
  },
  TensorScatterUpdate: (call) => {
    const { shape, dtype } = call.input("tensor");
    const { ids, slices, table } = rowsOf(call, "indices", "updates", shape);
    return call.give(reshape(indexCopy(reshape(call.handle("tensor"), table), 0, ids, slices), shape), dtype);
  },
  SparseToDense: (call) => {
    const shape = call.attr<number[]>("outputShape");
    const { shape: valuesShape, dtype } = call.input("sparseValues");
    const indices = call.input("sparseIndices").shape;
    // One index is a scalar, several in one dimension a vector, in general a matrix of index tuples.
    const count = indices[0] ?? 1;
    const tuples = reshape(call.handle("sparseIndices"), [count, indices[1] ?? 1]);
    const strides = shape.map((_, i) => size(shape.slice(i + 1)));
    const ids = insideRows(reshape(flatRows(tuples, strides), [count]), count, size(shape));
    const values =
      valuesShape.length === 0 ? expand(call.handle("sparseValues"), [count]) : call.handle("sparseValues");
    const base = expand(reshape(call.handle("defaultValue"), [1]), [size(shape)]);
    return call.give(reshape(indexCopy(base, 0, ids, values), shape), dtype);
  },
  UnsortedSegmentSum: (call) => {
    const x = call.input("x");
    const segments = call.input("segmentIds");
    const count = call.attr<number>("numSegments");
    const rows = size(segments.shape);
    const rest = x.shape.slice(segments.shape.length);
    const values = reshape(call.handle("x"), [rows, size(rest)]);
    const empty = zeros([count + 2, size(rest)], scalarTypeOf(x.dtype));
    const ids = sparedRows(reshape(call.handle("segmentIds"), [rows]), count);
    // One number per row: scatter_add is the faster of the two equal sums.
    const out = size(rest) === 1 ? scatterAdd(empty, 0, unsqueeze(ids, 1), values) : indexAdd(empty, 0, ids, values, 1);
    return call.give(reshape(narrow(out, 0, 1, count), [count, ...rest]), x.dtype);
  },
  Bincount: (call) => {
    const count = call.attr<number>("size");
    const weights = call.input("weights");
    const flat = (name: string) => reshape(call.handle(name), [-1]);
    const isWeighted = size(weights.shape) > 0;
    const counted = bincount(flat("x"), isWeighted ? flat("weights") : null, count);
    return call.give(narrow(counted, 0, 0, count), weights.dtype);
  },
  SearchSorted: (call) => {
    const isRight = call.attr<string>("side") === "right";
    const [sequence, values] = [call.handle("sortedSequence"), call.handle("values")];
    return call.give(searchSorted(sequence, values, true, isRight, null, null), "int32");
  },
};
