/** @file The harmless names that pickles of data use: Python's own containers, and NumPy's arrays, scalars and dtypes. */
import { type HostTensor, toFloat64 } from "./host-tensor.ts";
import { decodeArray, type NpyArray, type NpyTexts } from "./npy.ts";
import { type Buildable, type PickleGlobal, pickledKey, SET_STATE } from "./pickle-rules.ts";

/** Makes a table of globals from `module.name` and what a call of it makes. */
export function globalTable(
  entries: Readonly<Record<string, PickleGlobal["make"]>>,
): ReadonlyMap<string, PickleGlobal> {
  return new Map(Object.entries(entries).map(([name, make]) => [name, make ? { name, make } : { name }]));
}

/** Python's builtin containers and `_codecs.encode`, under their Python 2 and Python 3 names. */
export const BUILTIN_GLOBALS: ReadonlyMap<string, PickleGlobal> = globalTable({
  "collections.OrderedDict": (args) => makeDict(args),
  "collections.defaultdict": () => new Map(),
  "collections.Counter": (args) => makeDict(args),
  "__builtin__.dict": (args) => makeDict(args),
  "builtins.dict": (args) => makeDict(args),
  "__builtin__.set": ([items]) => new Set(itemsOf(items).map(pickledKey)),
  "builtins.set": ([items]) => new Set(itemsOf(items).map(pickledKey)),
  "__builtin__.frozenset": ([items]) => new Set(itemsOf(items).map(pickledKey)),
  "builtins.frozenset": ([items]) => new Set(itemsOf(items).map(pickledKey)),
  "__builtin__.list": ([items]) => [...itemsOf(items)],
  "builtins.list": ([items]) => [...itemsOf(items)],
  "__builtin__.tuple": ([items]) => [...itemsOf(items)],
  "builtins.tuple": ([items]) => [...itemsOf(items)],
  "__builtin__.object": () => new Map(),
  "builtins.object": () => new Map(),
  "copy_reg._reconstructor": reconstruct,
  "copyreg._reconstructor": reconstruct,
  "__builtin__.bytes": ([bytes]) => rawBytes(bytes ?? new Uint8Array(0)),
  "builtins.bytes": ([bytes]) => rawBytes(bytes ?? new Uint8Array(0)),
  "__builtin__.bytearray": makeBytearray,
  "builtins.bytearray": makeBytearray,
  "__builtin__.int": undefined,
  "builtins.int": undefined,
  "__builtin__.float": undefined,
  "builtins.float": undefined,
  "_codecs.encode": encodeText,
});

/** NumPy's arrays, scalars and dtypes, under the module names of NumPy 1 and 2. */
export const NUMPY_GLOBALS: ReadonlyMap<string, PickleGlobal> = globalTable({
  "numpy.ndarray": () => createArray(),
  "numpy.dtype": ([name]) => createDtype(name),
  "numpy.core.multiarray._reconstruct": () => createArray(),
  "numpy._core.multiarray._reconstruct": () => createArray(),
  "numpy.core.multiarray.scalar": makeScalar,
  "numpy._core.multiarray.scalar": makeScalar,
  "numpy.core.numeric._frombuffer": frombuffer,
  "numpy._core.numeric._frombuffer": frombuffer,
});

const ARRAY: unique symbol = Symbol("array");
const DTYPE: unique symbol = Symbol("dtype");

interface PickledArray extends Buildable {
  [ARRAY]: NpyArray | undefined;
}
interface PickledDtype extends Buildable {
  [DTYPE]: string;
}

/** The array that a value of a pickle is, or undefined for any other value. */
export function arrayOf(value: unknown): NpyArray | undefined {
  return isObject(value) && ARRAY in value ? (value as PickledArray)[ARRAY] : undefined;
}

/** The bytes of a value that Python 2 wrote as a string or Python 3 as bytes. Throws an Error for other values. */
export function rawBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return latin1Bytes(value);
  throw new Error("bytes were expected");
}

function createArray(array?: NpyArray): PickledArray {
  return {
    [ARRAY]: array,
    [SET_STATE](state) {
      if (!Array.isArray(state)) throw new Error("an array has no state");
      // (version, shape, dtype, Fortran order, data); the oldest NumPy leaves the version out.
      const [shape, dtype, fortran, data] = state.slice(-4);
      if (Array.isArray(data)) throw new Error("refused: an array of Python objects");
      this[ARRAY] = decodeArray(
        descrOf(dtype),
        fortran === true || fortran === 1,
        shapeOf(shape),
        rawBytes(data),
        "array",
      );
    },
  };
}

function createDtype(name: unknown): PickledDtype {
  if (typeof name !== "string") throw new Error("a dtype has no name");
  return {
    [DTYPE]: name,
    [SET_STATE](state) {
      // (version, byte order, ...): the order is "<", ">", "|" or "=".
      const order = Array.isArray(state) ? state[1] : undefined;
      if (Array.isArray(state) && state[4] != null) throw new Error("structured arrays are not supported");
      if (order === ">" || order === "<") this[DTYPE] = order + name.replace(/^[<>|=]/, "");
    },
  };
}

function descrOf(dtype: unknown): string {
  if (isObject(dtype) && DTYPE in dtype) return (dtype as PickledDtype)[DTYPE];
  throw new Error("an array has no dtype");
}

function shapeOf(shape: unknown): number[] {
  // A copy, because the pickle may append to its own list after it was checked.
  const few = Array.isArray(shape) && shape.length <= 64;
  if (few && shape.every((n) => Number.isSafeInteger(n) && n >= 0)) return [...shape];
  throw new Error("an array has no shape of whole numbers");
}

function makeScalar([dtype, data]: readonly unknown[]): unknown {
  const array = decodeArray(descrOf(dtype), false, [], rawBytes(data), "scalar");
  if (array.dtype === "string") return (array as NpyTexts).data[0];
  if (array.dtype === "bool") return array.data[0] !== 0;
  const exact = array.data[0];
  const value = toFloat64(array as HostTensor)[0]!;
  return typeof exact === "bigint" && !Number.isSafeInteger(value) ? exact : value;
}

function frombuffer([data, dtype, shape, order]: readonly unknown[]): PickledArray {
  return createArray(decodeArray(descrOf(dtype), order === "F", shapeOf(shape), rawBytes(data), "array"));
}

function makeDict([items]: readonly unknown[]): Map<unknown, unknown> {
  if (items instanceof Map) return new Map(items);
  return new Map(
    itemsOf(items).map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Error("a dict is made of something else than pairs");
      return [pickledKey(pair[0]), pair[1]];
    }),
  );
}

function itemsOf(items: unknown): readonly unknown[] {
  if (items === undefined) return [];
  if (items instanceof Set) return [...items];
  if (Array.isArray(items)) return items;
  throw new Error("a container is made of something that is no list");
}

function makeBytearray([data, encoding]: readonly unknown[]): Uint8Array {
  if (data === undefined) return new Uint8Array(0);
  return encoding === undefined ? rawBytes(data) : encodeText([data, encoding]);
}

function encodeText([text, encoding]: readonly unknown[]): Uint8Array {
  if (typeof text !== "string") throw new Error("_codecs.encode of something that is no text");
  if (encoding === "latin1" || encoding === "latin-1") return latin1Bytes(text);
  const got = typeof encoding === "string" ? `"${encoding}"` : "no text";
  throw new Error(`_codecs.encode: expected the encoding "latin1", got ${got}`);
}

function latin1Bytes(text: string): Uint8Array {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a byte may have any value
  if (/[^\u0000-\u00ff]/.test(text)) throw new Error("a text holds letters that are no bytes");
  // Not Buffer.from, whose small results share one pool and so are not aligned.
  const bytes = new Uint8Array(text.length);
  Buffer.from(bytes.buffer).write(text, "latin1");
  return bytes;
}

/** What protocols 0 and 1 make objects of a class by, whose state follows. */
function reconstruct([type]: readonly unknown[]): unknown {
  const { make } = (isObject(type) ? type : {}) as Partial<PickleGlobal>;
  return typeof make === "function" ? make([]) : new Map();
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
