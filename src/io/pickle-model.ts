/**
 * @file The names that pickles of body models use: chumpy's arrays (SMPL as Python 2 wrote it) and SciPy's sparse
 * matrices. They become plain records; `denseArray` computes the array that such a record stands for.
 */
import { allocate, elementCount, type HostTensor, toFloat64 } from "./host-tensor.ts";
import { arrayOf, BUILTIN_GLOBALS, globalTable, NUMPY_GLOBALS } from "./pickle-numpy.ts";
import { type Buildable, type PickleGlobal, type PickleRules, SET_STATE } from "./pickle-rules.ts";

/** Elements of a sparse matrix written out: its file holds a few of them, so its size must be bounded by itself. */
const MAX_DENSE = 2 ** 22;
/** Arrays made of arrays made of arrays: chumpy nests two or three. */
const MAX_DEPTH = 8;

const RECORD: unique symbol = Symbol("record");
interface ModelRecord extends Buildable {
  readonly [RECORD]: string;
  /** Python's attributes by name. */
  state: ReadonlyMap<unknown, unknown>;
}

/** Formats by class name: whether `indptr` runs over rows or over columns, or every entry has both. */
const SPARSE = { csr: "rows", csc: "columns", coo: "pairs" } as const;
type SparseKind = (typeof SPARSE)[keyof typeof SPARSE];

/** chumpy's classes besides Ch, Select and Reshape. Files hold them in places that nobody reads; they are never computed. */
const OTHER_CHUMPY: Readonly<Record<string, readonly string[]>> = {
  ch: ["MatVecMult", "ChHandle", "ChLambda"],
  ch_ops: ["add", "subtract", "multiply", "divide", "power", "dot", "sum", "mean", "sqrt", "tensordot", "amax", "amin"],
  reordering: [
    ...["Sort", "Tile", "Diag", "DiagFlat", "Repeat", "Roll", "Rot90", "Concatenate", "AtleastNd"],
    ...["transpose", "rollaxis", "swapaxes", "Permute", "Reorder"],
  ],
};

const NAMES: readonly string[] = [
  "chumpy.ch.Ch",
  "chumpy.reordering.Select",
  "chumpy.reordering.Reshape",
  ...Object.entries(OTHER_CHUMPY).flatMap(([module, names]) => names.map((name) => `chumpy.${module}.${name}`)),
  ...Object.keys(SPARSE).flatMap((kind) =>
    ["", "_"].flatMap((mark) => ["matrix", "array"].map((type) => `scipy.sparse.${mark}${kind}.${kind}_${type}`)),
  ),
];
const MODEL_GLOBALS: ReadonlyMap<string, PickleGlobal> = globalTable(
  Object.fromEntries(NAMES.map((name) => [name, () => createRecord(name)])),
);

/** The allow-list of body models: Python's containers, NumPy's arrays, and this file's names. */
export const MODEL_RULES: PickleRules = {
  resolve: (module, name) => {
    const full = `${module}.${name}`;
    return BUILTIN_GLOBALS.get(full) ?? NUMPY_GLOBALS.get(full) ?? MODEL_GLOBALS.get(full);
  },
};

function createRecord(name: string): ModelRecord {
  return {
    [RECORD]: name,
    state: new Map(),
    [SET_STATE](state) {
      if (!(state instanceof Map)) throw new Error(`${name} has a state that is no dict`);
      this.state = state;
    },
  };
}

/** How many elements may still be computed: a hostile file has thousands of records make large arrays of one small one. */
export interface ElementBudget {
  left: number;
}

/**
 * The numbers that a value of a pickle stands for, or undefined where it is no array at all: arrays as they are; chumpy's
 * Ch, Select and Reshape computed; sparse matrices written out, repeated entries added (float64). Computed elements are
 * taken from `budget`. Throws an Error that says what is wrong with one that is an array but cannot be computed.
 */
export function denseArray(value: unknown, budget: ElementBudget): HostTensor | undefined {
  return compute(value, budget, 0);
}

function compute(value: unknown, budget: ElementBudget, depth: number): HostTensor | undefined {
  if (depth > MAX_DEPTH) throw new Error(`arrays are nested more than ${MAX_DEPTH} deep`);
  const array = arrayOf(value);
  if (array) {
    if (array.dtype === "string") throw new Error("expected numbers, got texts");
    return array as HostTensor;
  }
  if (typeof value !== "object" || value === null || !(RECORD in value)) return undefined;
  const { [RECORD]: name, state } = value as ModelRecord;
  const part = (key: string): HostTensor => {
    const found = compute(state.get(key), budget, depth + 1);
    if (!found) throw new Error(`${name} has no array "${key}"`);
    return found;
  };
  if (name === "chumpy.ch.Ch") return part("x");
  if (name === "chumpy.reordering.Reshape") return reshape(part("a"), sizes(state.get("newshape")));
  if (name === "chumpy.reordering.Select") {
    const [all, indices] = [part("a"), integers(part("idxs"))];
    spend(budget, indices.length);
    const chosen = select(all, indices);
    return state.has("preferred_shape") ? reshape(chosen, sizes(state.get("preferred_shape"))) : chosen;
  }
  const kind = /^scipy\.sparse\._?(csr|csc|coo)\./.exec(name)?.[1] as keyof typeof SPARSE | undefined;
  if (!kind) throw new Error(`a ${name} cannot be computed; save its values (in Python: numpy.array(x)) instead`);
  return writeOut(SPARSE[kind], sizes(state.get("_shape")), part, budget);
}

function spend(budget: ElementBudget, count: number): void {
  budget.left -= Math.max(count, 0);
  if (budget.left < 0) throw new Error("its arrays need far more memory than their file");
}

/** `a.ravel()[indices]`. */
function select({ dtype, data }: HostTensor, indices: Float64Array): HostTensor {
  const out = allocate(dtype, indices.length);
  indices.forEach((index, i) => {
    const at = index < 0 ? index + data.length : index;
    if (!(at >= 0 && at < data.length)) throw new Error(`index ${index} is outside of an array of ${data.length}`);
    out[i] = data[at]!;
  });
  return { dtype, shape: [indices.length], data: out };
}

function reshape({ dtype, data }: HostTensor, shape: readonly number[]): HostTensor {
  const known = elementCount(shape.filter((size) => size >= 0));
  const unknown = shape.filter((size) => size < 0).length;
  const whole = unknown === 0 ? shape : shape.map((size) => (size < 0 ? data.length / known : size));
  if (unknown > 1 || !whole.every(Number.isSafeInteger) || elementCount(whole) !== data.length)
    throw new Error(`${data.length} elements cannot take the shape [${shape.join(", ")}]`);
  return { dtype, shape: whole, data };
}

/** A tuple of whole numbers; -1 stands for "what is left". */
function sizes(value: unknown): number[] {
  const list = Array.isArray(value) ? value : arrayOf(value) ? Array.from(arrayOf(value)!.data, Number) : undefined;
  if (list && list.length <= 32 && list.every((size) => Number.isSafeInteger(size) && size >= -1)) return [...list];
  throw new Error("a shape is no list of whole numbers");
}

function integers(tensor: HostTensor): Float64Array {
  const values = toFloat64(tensor);
  const wrong = values.find((value) => !Number.isSafeInteger(value));
  if (wrong !== undefined) throw new Error(`expected whole numbers, got ${wrong}`);
  return values;
}

function writeOut(
  kind: SparseKind,
  shape: readonly number[],
  part: (key: string) => HostTensor,
  budget: ElementBudget,
): HostTensor {
  const [rows = 0, columns = 0] = shape;
  const count = rows * columns;
  if (shape.length !== 2 || !(rows >= 0 && columns >= 0 && count <= MAX_DENSE))
    throw new Error(`expected a sparse matrix of up to ${MAX_DENSE} elements, got [${shape.join(", ")}]`);
  spend(budget, count);
  const data = toFloat64(part("data"));
  const out = new Float64Array(count);
  const add = (row: number, column: number, value: number) => {
    if (!(row >= 0 && row < rows)) throw new Error(`row index ${row} of ${rows}`);
    if (!(column >= 0 && column < columns)) throw new Error(`column index ${column} of ${columns}`);
    out[row * columns + column]! += value;
  };
  if (kind === "pairs") {
    const [row, column] = [integers(part("row")), integers(part("col"))];
    if (row.length !== data.length || column.length !== data.length)
      throw new Error("a sparse matrix has lists of unequal lengths");
    data.forEach((value, i) => add(row[i]!, column[i]!, value));
  } else {
    const [starts, indices] = [integers(part("indptr")), integers(part("indices"))];
    const lines = kind === "rows" ? rows : columns;
    const ordered = starts.every((start, i) => start >= (i === 0 ? 0 : starts[i - 1]!));
    if (starts.length !== lines + 1 || !ordered || !(starts[lines]! <= Math.min(indices.length, data.length)))
      throw new Error("a sparse matrix has an indptr that does not fit its indices");
    for (let line = 0; line < lines; line++)
      for (let i = starts[line]!; i < starts[line + 1]!; i++) {
        if (kind === "rows") add(line, indices[i]!, data[i]!);
        else add(indices[i]!, line, data[i]!);
      }
  }
  return { dtype: "float64", shape: [rows, columns], data: out };
}
