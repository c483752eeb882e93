/** @file Tensors on the host: a dtype, a shape and a typed array in C order. What files are read into and written from. */
import { MotionCueError, ShapeError } from "../errors.ts";
import { bfloat16ToFloats, floatsToHalf, halfToFloats } from "./half.ts";

/**
 * Every dtype and the array that holds it. `float16` and `bfloat16` are bits (see half.ts); `bool` is 0 or 1; 64-bit
 * integers are BigInt arrays, because files hold values beyond 2^53 and must be written back unchanged (`toFloat64` gives
 * numbers).
 */
const ARRAYS = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

export type HostDtype = keyof typeof ARRAYS;
export type TypedArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

/** A tensor in ordinary memory: `data` in C order, its class as `HostDtype` says. */
export interface HostTensor {
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Bytes of one element. */
export function itemBytes(dtype: HostDtype): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** The product of a shape's dimensions; 1 for a scalar. Never NaN: a size of 0 gives 0 whatever the others are. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** `float32[64, 3, 7, 7]`, for messages and listings. */
export function describeTensor(tensor: { readonly dtype: string; readonly shape: readonly number[] }): string {
  return `${tensor.dtype}[${tensor.shape.join(", ")}]`;
}

/** A float32 tensor over `data` (not copied). Throws ShapeError when the shape does not fit. */
export function floatTensor(data: Float32Array, shape: readonly number[]): HostTensor {
  if (elementCount(shape) !== data.length) throw new ShapeError("host tensor", `of ${data.length} elements`, shape);
  return { dtype: "float32", shape, data };
}

/** `count` zeros of a dtype. */
export function allocate(dtype: HostDtype, count: number): TypedArray {
  return new ARRAYS[dtype](count);
}

/** Little-endian bytes as an array of that dtype: a view where they are aligned, else a copy. */
export function viewBytes(dtype: HostDtype, bytes: Uint8Array): TypedArray {
  const size = itemBytes(dtype);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new ARRAYS[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

/** The bytes of a typed array, as a view. */
export function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The values as float32: the very same array where it is one already. */
export function toFloat32(tensor: HostTensor): Float32Array {
  const { data, dtype } = tensor;
  if (data instanceof Float32Array) return data;
  if (dtype === "float16") return halfToFloats(data as Uint16Array);
  if (dtype === "bfloat16") return bfloat16ToFloats(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  return new Float32Array(data);
}

/** The tensor with float32 or float16 elements if it has floating-point ones of another type; any other as it is. */
export function castFloats(tensor: HostTensor, dtype: "float32" | "float16" | undefined): HostTensor {
  if (!dtype || tensor.dtype === dtype || !/float/.test(tensor.dtype)) return tensor;
  const floats = toFloat32(tensor);
  return { dtype, shape: tensor.shape, data: dtype === "float16" ? floatsToHalf(floats) : floats };
}

/** The values as float64: the very same array where it is one already; 64-bit integers beyond 2^53 are rounded. */
export function toFloat64(tensor: HostTensor): Float64Array {
  const { data } = tensor;
  if (data instanceof Float64Array) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return new Float64Array(tensor.dtype.endsWith("float16") ? toFloat32(tensor) : data);
}

/** The values as int32. Throws MotionCueError, beginning with `where`, for a value that is no 32-bit integer. */
export function toInt32(tensor: HostTensor, where = "host tensor"): Int32Array {
  if (tensor.data instanceof Int32Array) return tensor.data;
  const values = toFloat64(tensor);
  const out = Int32Array.from(values);
  const wrong = out.findIndex((value, i) => value !== values[i]);
  if (wrong >= 0) throw new MotionCueError(where, `expected 32-bit integers, got ${values[wrong]} at index ${wrong}`);
  return out;
}
