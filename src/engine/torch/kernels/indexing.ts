/** @file Kernels that gather by index. Indices out of range are libtorch errors, never silent reads. */
import { tf } from "../../tf.ts";
import { aten, download, type Handle, isOnDevice, SCALAR_TYPE, temporary } from "../native.ts";
import { DTYPE, type KernelCall, type KernelTable, scalarTypeOf } from "./kernel.ts";

const reshape = aten("reshape");
const indexSelect = aten("index_select");
const gather = aten("gather");
const full = aten("full");
const toDtype = aten("to.dtype");
const mul = aten("mul.Tensor");
const sum = aten("sum.dim_IntList");
const scatterValue = aten("scatter.value");
const narrow = aten("narrow");
const clamp = aten("clamp");
const addScalar = aten("add.Scalar");
const stack = aten("stack");
const amin = aten("amin");
const amax = aten("amax");

/** Index numbers as ATen takes them. */
const toLong = (handle: Handle): Handle => toDtype(handle, SCALAR_TYPE.int64, false, false, null);
const size = tf.util.sizeFromShape;

/** Flat row numbers of index tuples [N, K] into the leading dimensions `shape`. */
export function flatRows(indices: Handle, strides: readonly number[]): Handle {
  const weights = temporary(Int32Array.from(strides), [strides.length], DTYPE.int32);
  return sum(mul(toLong(indices), weights), [-1], false, null);
}

/** int64 rows of a table with a spare row before and one behind its `depth` own ones, for indices that may lie outside. */
export function sparedRows(ids: Handle, depth: number): Handle {
  return toLong(addScalar(clamp(ids, -1, depth), 1, 1));
}

function rowMajorStrides(shape: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => size(shape.slice(i + 1, count)));
}

/** Ranges of index tensors that were looked at. Numbers of a tensor never change, so one look does. */
const seen = new WeakMap<object, { readonly least: number; readonly most: number }>();

/** Least and greatest number of the input `indices`. */
function rangeOf(call: KernelCall): { readonly least: number; readonly most: number } {
  const { dataId } = call.input("indices");
  let range = seen.get(dataId);
  if (!range) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const index of call.backend.readSync(dataId) as Int32Array) {
      if (index < least) least = index;
      if (index > most) most = index;
    }
    range = { least, most };
    seen.set(dataId, range);
  }
  return range;
}

/** Runs a gather; where an index is out of range, the error names it. */
function checked(call: KernelCall, count: number, gathering: () => Handle): Handle {
  const outside = (): Error | undefined => {
    const { least, most } = rangeOf(call);
    const wrong = least < 0 ? least : most >= count ? most : undefined;
    return wrong === undefined ? undefined : new Error(`the index value ${wrong} is not in [0, ${count - 1}]`);
  };
  // CUDA would not refuse such an index: it ends all work on the device for good.
  const error = isOnDevice() ? outside() : undefined;
  if (error) throw error;
  try {
    return gathering();
  } catch (refusal) {
    throw outside() ?? refusal;
  }
}

/** Row numbers [N] as they are. Throws on a device where one is not in 0..count-1; the CPU's operators refuse it themselves. */
export function insideRows(rows: Handle, length: number, count: number): Handle {
  if (!isOnDevice() || length === 0) return rows;
  const range = new Int32Array(2);
  // Clamped beforehand: whole numbers of 64 bits could look like others in 32.
  const ends = clamp(stack([amin(rows, [0], false), amax(rows, [0], false)], 0), -1, count);
  download(toDtype(ends, SCALAR_TYPE.int32, false, false, null), range);
  const wrong = range[0]! < 0 ? range[0] : range[1]! >= count ? range[1] : undefined;
  if (wrong !== undefined)
    throw new Error(`index out of range: expected 0 to ${count - 1}, got ${wrong < 0 ? "less" : "more"}`);
  return rows;
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
      const rows = checked(call, info.dimSize, () => indexSelect(values, 1, reshape(flat, [size(indices.shape)])));
      return call.give(reshape(rows, info.outputShape), x.dtype);
    }
    const count = size(indices.shape) / info.batchSize;
    const values = reshape(call.handle("x"), [info.batchSize, info.outerSize, info.dimSize, info.sliceSize]);
    const spread = mul(
      reshape(flat, [info.batchSize, 1, count, 1]),
      full([1, info.outerSize, 1, info.sliceSize], 1, SCALAR_TYPE.int64),
    );
    return call.give(
      reshape(
        checked(call, info.dimSize, () => gather(values, 2, spread, false)),
        info.outputShape,
      ),
      x.dtype,
    );
  },
  GatherNd: (call) => {
    const params = call.input("params");
    const indices = call.input("indices");
    const [shape, slices, sliceSize] = tf.backend_util.prepareAndValidate(params as never, indices as never);
    const depth = indices.shape[indices.shape.length - 1]!;
    const tuples = reshape(call.handle("indices"), [slices, depth]);
    const count = size(params.shape.slice(0, depth));
    const rows = insideRows(flatRows(tuples, rowMajorStrides(params.shape, depth)), slices, count);
    return call.give(
      reshape(indexSelect(reshape(call.handle("params"), [-1, sliceSize]), 0, rows), shape),
      params.dtype,
    );
  },
  OneHot: (call) => {
    const indices = call.input("indices");
    const depth = call.attr<number>("depth");
    const dtype = call.attr<"float32" | "int32" | "bool" | undefined>("dtype") ?? "float32";
    const on = call.attr<number | undefined>("onValue") ?? 1;
    const off = call.attr<number | undefined>("offValue") ?? 0;
    // An index outside 0..depth-1 gives a row of off values: it writes into a spare column that is cut off.
    const columns = sparedRows(reshape(call.handle("indices"), [size(indices.shape), 1]), depth);
    const table = scatterValue(full([size(indices.shape), depth + 2], off, scalarTypeOf(dtype)), 1, columns, on);
    return call.give(reshape(narrow(table, 1, 1, depth), [...indices.shape, depth]), dtype);
  },
};
