/** @file What a kernel of the torch engine is, and the helpers that kernels share. */
import type { DataType, NamedAttrMap, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "../../tf.ts";
import { dtypeCode, type TorchBackend } from "../backend.ts";
import { aten, DTYPE, type Handle, lastOutput, SCALAR_TYPE } from "../native.ts";

/** One call of a kernel: its inputs as handles, its attributes, and how to hand back results. */
export interface KernelCall {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
  readonly backend: TorchBackend;
  /** The tensor info of an input. */
  input(name: string): TensorInfo;
  /** The native tensor of an input. */
  handle(name: string): Handle;
  /** The native tensor of an input as it is: bfloat16 where a layer made it so (`giveHalf`), which `handle` turns into float32. */
  raw(name: string): Handle;
  isHalf(name: string): boolean;
  /** As `give` for float32, but a bfloat16 tensor stays one: for what the layers of a network hand to each other. */
  giveHalf(handle: Handle): TensorInfo;
  /** An attribute, as the type that the kernel's definition in tfjs gives it. */
  attr<T>(name: string): T;
  /** A result: `handle` must be the tensor of the LAST native call; it is converted where its dtype is not `dtype`. */
  give(handle: Handle, dtype: DataType): TensorInfo;
}
export type Kernel = (call: KernelCall) => TensorInfo | TensorInfo[];
/** Kernels of one kind by tfjs name. */
export type KernelTable = Readonly<Record<string, Kernel>>;

const toDtype = aten("to.dtype");

/** ATen's ScalarType number of a tfjs dtype. */
export function scalarTypeOf(dtype: DataType): number {
  if (dtype === "string") throw new Error("string tensors have no native dtype");
  return SCALAR_TYPE[dtype];
}

/** The tensor `handle` (made by the last native call) as `dtype`. */
export function converted(handle: Handle, dtype: DataType): Handle {
  return lastOutput().dtype === dtypeCode(dtype) ? handle : toDtype(handle, scalarTypeOf(dtype), false, false, null);
}

/** A handle as float32, for operators that refuse integers. */
export function asFloat(call: KernelCall, name: string): Handle {
  const handle = call.handle(name);
  return call.input(name).dtype === "float32" ? handle : toDtype(handle, SCALAR_TYPE.float32, false, false, null);
}

/** Whether an input holds complex numbers. */
export function isComplex(call: KernelCall, name: string): boolean {
  return call.input(name).dtype === "complex64";
}

/** A handle as float32 or, where the input is complex, as it is; and that dtype. */
export function asFloating(call: KernelCall, name: string): [handle: Handle, dtype: "float32" | "complex64"] {
  return isComplex(call, name) ? [call.handle(name), "complex64"] : [asFloat(call, name), "float32"];
}

/** The axes of an attribute `axis` (one, several, or all of them where it is absent), as non-negative numbers. */
export function axesOf(call: KernelCall, name = "x", attribute = "axis"): number[] {
  const axis = call.attr<number | number[] | null | undefined>(attribute);
  return tf.util.parseAxisParam(axis ?? call.input(name).shape.map((_, i) => i), call.input(name).shape);
}

export { DTYPE, SCALAR_TYPE };
