/** @file The names that PyTorch's files refer to: storages, the functions that rebuild tensors from them, dtypes. */
import { elementCount, type HostDtype, itemBytes } from "./host-tensor.ts";
import { BUILTIN_GLOBALS, globalTable, NUMPY_GLOBALS } from "./pickle-numpy.ts";
import { type PickleGlobal, SET_STATE } from "./pickle-rules.ts";
import { viewExtent } from "./strided.ts";

/** A block of memory that tensors are views of; its bytes lie elsewhere in the file under `key`. */
export interface StorageRef {
  readonly key: string;
  readonly dtype: HostDtype;
  /** Elements of `dtype` that belong to it, beginning at element `start` of what `key` names. */
  readonly count: number;
  readonly start: number;
}

/** A tensor that a file describes; strides and offset count elements of `dtype`, and lie inside the storage. */
export interface TensorRef {
  readonly [TENSOR]: true;
  readonly storage: StorageRef;
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}
const TENSOR: unique symbol = Symbol("tensor");

/** Whether a value of a pickle is a tensor. */
export function isTensorRef(value: unknown): value is TensorRef {
  return typeof value === "object" && value !== null && TENSOR in value;
}

const MAX_AXES = 64;
const STORAGE_TYPES: Readonly<Record<string, HostDtype>> = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};
const STORAGES = new Map<PickleGlobal, HostDtype>();
const DTYPES = new Map<PickleGlobal, HostDtype>();
const TORCH_GLOBALS = new Map<string, PickleGlobal>();

function plain<T>(name: string, value: T, table: Map<PickleGlobal, T>): void {
  const entry: PickleGlobal = { name };
  table.set(entry, value);
  TORCH_GLOBALS.set(name, entry);
}
for (const [name, dtype] of Object.entries(STORAGE_TYPES)) {
  plain(`torch.${name}`, dtype, STORAGES);
  plain(`torch.cuda.${name}`, dtype, STORAGES);
}
plain("torch.storage.UntypedStorage", "uint8", STORAGES);
plain("torch.storage._UntypedStorage", "uint8", STORAGES);
for (const name of [...Object.values(STORAGE_TYPES), "uint16", "uint32", "uint64"] as const) {
  plain(`torch.${name}`, name, DTYPES);
}
for (const [short, dtype] of [
  ["half", "float16"],
  ["float", "float32"],
  ["double", "float64"],
  ["long", "int64"],
] as const) {
  plain(`torch.${short}`, dtype, DTYPES);
}
TORCH_GLOBALS.set("torch.nn.parameter.Parameter", { name: "torch.nn.parameter.Parameter" });
TORCH_GLOBALS.set("torch.Tensor", { name: "torch.Tensor" });
const torchFunctions = globalTable({
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_tensor_v3": rebuildTypedTensor,
  "torch._utils._rebuild_parameter": ([data]) => data,
  "torch._utils._rebuild_parameter_with_state": ([data]) => data,
  "torch._tensor._rebuild_from_type_v2": rebuildFromType,
  "torch.Size": ([sizes]) => sizesOf(sizes, "a size"),
  "torch.device": (args) => args.filter((part) => typeof part !== "object").join(":"),
});

/** Modules whose objects describe a training run. They become empty dicts: nothing of theirs is run or needed. */
const INERT_MODULES =
  /^(pytorch_lightning|lightning|lightning_fabric|torchmetrics|omegaconf|yacs|easydict|addict|mmcv|mmengine|pathlib|datetime|typing)(\.|$)/;

/** The allow-list of PyTorch's files. */
export function resolveTorchGlobal(module: string, name: string): PickleGlobal | undefined {
  const full = `${module}.${name}`;
  const known =
    torchFunctions.get(full) ?? TORCH_GLOBALS.get(full) ?? BUILTIN_GLOBALS.get(full) ?? NUMPY_GLOBALS.get(full);
  if (known) return known;
  return INERT_MODULES.test(module) || full === "argparse.Namespace" ? { name: full, make: makeInert } : undefined;
}

/** The storage that a persistent id of PyTorch means. Throws an Error for other ids. */
export function resolveStorage(id: unknown): StorageRef {
  if (!Array.isArray(id) || id[0] !== "storage") {
    throw new Error("refused: it holds a whole pickled module, not tensors; save module.state_dict() instead");
  }
  const [, type, key, , count, viewed] = id as unknown[];
  const dtype = STORAGES.get(type as PickleGlobal);
  if (!dtype) throw new Error("a storage is of no known type");
  if (typeof key !== "string" && typeof key !== "number") throw new Error("a storage has no name");
  const [whole] = sizesOf([count], "the size of a storage");
  if (viewed == null) return { key: String(key), dtype, count: whole!, start: 0 };
  const [, start, size] = Array.isArray(viewed) ? sizesOf([0, viewed[1], viewed[2]], "a view of a storage") : [];
  if (start === undefined || size === undefined || start + size > whole!)
    throw new Error("a view reaches past its storage");
  return { key: String(key), dtype, count: size, start };
}

function makeInert(): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  const setState = (state: unknown) => {
    if (state instanceof Map) for (const [key, value] of state) map.set(key, value);
  };
  return Object.assign(map, { [SET_STATE]: setState });
}

function rebuildTensor([storage, offset, shape, strides]: readonly unknown[]): TensorRef {
  return makeTensor(storage as StorageRef, undefined, offset, shape, strides);
}

function rebuildTypedTensor(args: readonly unknown[]): TensorRef {
  const [storage, offset, shape, strides, , , dtype] = args;
  const known = DTYPES.get(dtype as PickleGlobal);
  if (!known) throw new Error("a tensor is of no known type");
  return makeTensor(storage as StorageRef, known, offset, shape, strides);
}

function rebuildFromType([rebuild, , args]: readonly unknown[]): unknown {
  const make = [...torchFunctions.values()].find((known) => known === rebuild)?.make;
  if (!make || !Array.isArray(args)) throw new Error("a tensor is rebuilt by something that is no allowed name");
  return make(args);
}

function makeTensor(
  storage: StorageRef,
  asDtype: HostDtype | undefined,
  offset: unknown,
  shape: unknown,
  strides: unknown,
): TensorRef {
  if (typeof storage !== "object" || storage === null || typeof storage.count !== "number" || !("start" in storage)) {
    throw new Error("a tensor has no storage");
  }
  const dtype = asDtype ?? storage.dtype;
  const sizes = sizesOf(shape, "the shape of a tensor");
  const steps = sizesOf(strides, "the strides of a tensor");
  const [from] = sizesOf([offset], "the offset of a tensor");
  const room = Math.floor((storage.count * itemBytes(storage.dtype)) / itemBytes(dtype));
  const extent = viewExtent(sizes, steps);
  if (sizes.length !== steps.length) throw new Error("a tensor has another number of sizes than strides");
  if (!(extent === 0 || from! + extent <= room)) {
    throw new Error(`a tensor of shape [${sizes.join(", ")}] reaches past its storage of ${room} elements`);
  }
  // Expanded tensors repeat elements; a hostile one repeats a few of them into terabytes.
  const count = elementCount(sizes);
  if (count > 16 * room + 65536) throw new Error(`a tensor repeats ${room} stored elements into ${count}`);
  return { [TENSOR]: true, storage, dtype, shape: sizes, strides: steps, offset: from! };
}

function sizesOf(values: unknown, what: string): number[] {
  // A copy, because the pickle may append to its own list after it was checked.
  const few = Array.isArray(values) && values.length <= MAX_AXES;
  if (few && values.every((n) => Number.isSafeInteger(n) && n >= 0)) return [...values];
  throw new Error(`${what} must be whole numbers`);
}
