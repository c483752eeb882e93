/** @file PyTorch files written: the zip container, which `torch.load(path, weights_only=True)` opens. */
import { FormatError } from "../errors.ts";
import {
  bytesOf,
  castFloats,
  describeTensor,
  elementCount,
  type HostDtype,
  type HostTensor,
  type TypedArray,
} from "./host-tensor.ts";
import {
  formatPickle,
  type Pickled,
  pickleCall,
  pickleDict,
  pickleGlobal,
  pickleOrderedDict,
  picklePersistent,
  pickleTuple,
  pickleValue,
} from "./pickle-write.ts";
import { contiguousStrides } from "./strided.ts";
import { writeFileAtomic } from "./write-file.ts";
import { formatZip, type ZipInput } from "./zip-write.ts";

const STORAGES: Readonly<Partial<Record<HostDtype, string>>> = {
  float64: "DoubleStorage",
  float32: "FloatStorage",
  float16: "HalfStorage",
  bfloat16: "BFloat16Storage",
  int64: "LongStorage",
  int32: "IntStorage",
  int16: "ShortStorage",
  int8: "CharStorage",
  uint8: "ByteStorage",
  bool: "BoolStorage",
};
/** What PyTorch's own writer uses, so that its memory-mapped reader finds aligned tensors. */
const ALIGNMENT = 64;

/** How to write a state dict. */
export interface PyTorchOptions {
  /** Floating-point tensors of other dtypes are converted to it. */
  readonly dtype?: "float32" | "float16";
  /** The keys that lead to the state dict, such as `["model"]`; without it, the file is the state dict itself. */
  readonly under?: readonly string[];
  /** What lies beside it in the outermost dict: texts and whole numbers; needs `under`. */
  readonly beside?: Readonly<Record<string, null | boolean | number | string>>;
}

/**
 * Writes a state dict as a `.pth` file (zip container, pickle protocol 2, little endian, contiguous CPU tensors). Keys
 * keep their order; tensors that share their `data` share a storage. Equal input gives equal bytes. Throws FormatError
 * for dtypes that PyTorch's older versions do not have (uint16, uint32, uint64), MotionCueError where `path` cannot be written.
 */
export async function writePyTorch(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  options: PyTorchOptions = {},
): Promise<void> {
  await writeFileAtomic(path, formatPyTorch(tensors, options, path));
}

/** The bytes that `writePyTorch` writes, in pieces; tensors of the right dtype are views, not copies. */
export function formatPyTorch(
  tensors: ReadonlyMap<string, HostTensor>,
  { dtype, under = [], beside = {} }: PyTorchOptions = {},
  where = "checkpoint",
): Uint8Array[] {
  const storages = new Map<TypedArray, string>();
  const entries = [...tensors].map(([key, tensor]) => {
    const converted = castFloats(tensor, dtype);
    if (elementCount(converted.shape) !== converted.data.length)
      throw new FormatError(where, `${key} has ${converted.data.length} elements for ${describeTensor(converted)}`);
    return [pickleValue(key), pickleTensor(where, key, converted, storages)] as const;
  });
  const fraction = Object.entries(beside).find(
    ([, value]) => typeof value === "number" && !Number.isSafeInteger(value),
  );
  if (fraction) throw new FormatError(where, `${fraction[0]} must be a whole number or a text, got ${fraction[1]}`);
  const others = Object.entries(beside).map(([key, value]) => [pickleValue(key), pickleValue(value)] as const);
  if (others.length > 0 && under.length === 0)
    throw new FormatError(where, 'values beside the state dict need it to have a key, such as under: ["model"]');
  const root = under.reduceRight(
    (inner, key, depth) => pickleDict([[pickleValue(key), inner], ...(depth === 0 ? others : [])]),
    pickleDict(entries, pickleOrderedDict()),
  );
  const member = (name: string, data: Uint8Array): ZipInput => ({ name: `archive/${name}`, data, align: ALIGNMENT });
  return formatZip(where, [
    member("data.pkl", formatPickle(root)),
    member("byteorder", Buffer.from("little")),
    ...[...storages].map(([data, key]) => member(`data/${key}`, bytesOf(data))),
    member("version", Buffer.from("3\n")),
  ]);
}

function pickleTensor(where: string, key: string, tensor: HostTensor, storages: Map<TypedArray, string>): Pickled {
  const { dtype, shape, data } = tensor;
  const type = STORAGES[dtype];
  if (!type) throw new FormatError(where, `${key}: PyTorch has no ${dtype} tensors before 2.3; convert them to int64`);
  const storage = storages.get(data) ?? String(storages.size);
  storages.set(data, storage);
  const count = pickleValue(data.length);
  const id = [pickleValue("storage"), pickleGlobal("torch", type), pickleValue(storage), pickleValue("cpu"), count];
  const sizes = (values: readonly number[]) => pickleTuple(values.map(pickleValue));
  return pickleCall(pickleGlobal("torch._utils", "_rebuild_tensor_v2"), [
    picklePersistent(pickleTuple(id)),
    pickleValue(0),
    sizes(shape),
    sizes(contiguousStrides(shape)),
    pickleValue(false),
    pickleOrderedDict(),
  ]);
}
