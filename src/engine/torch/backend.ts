/** @file The tfjs backend: data ids map to native tensors; strings and their like stay in JavaScript. */
import type { BackendValues, DataType, TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "../tf.ts";
import {
  aten,
  DTYPE,
  download,
  downloadLater,
  type Handle,
  isOnDevice,
  lastOutput,
  nativeMemory,
  release,
  SCALAR_TYPE,
  synchronize,
  upload,
  withRelease,
} from "./native.ts";

type Values = BackendValues;
interface Entry {
  handle: Handle | undefined;
  strings: Values | undefined;
  dtype: DataType;
  shape: number[];
  /** The native tensor is bfloat16: what a network's layers hand to each other where precision is bf16. */
  half: boolean;
  references: number;
}

const nativeDtype: Readonly<Partial<Record<DataType, number>>> = {
  float32: DTYPE.float32,
  int32: DTYPE.int32,
  bool: DTYPE.bool,
  complex64: DTYPE.complex64,
};

/** The dtype code of a tfjs dtype; throws for string, which native tensors do not hold. */
export function dtypeCode(dtype: DataType): number {
  const code = nativeDtype[dtype];
  if (code === undefined) throw new Error(`the torch engine has no native ${dtype} tensors`);
  return code;
}

const toDtype = aten("to.dtype");

/** A float32 tensor of a bfloat16 one, for as long as the kernel runs. */
export function floatOf(handle: Handle): Handle {
  return toDtype(handle, SCALAR_TYPE.float32, false, false, null);
}

/** tfjs tensors on libtorch. */
export class TorchBackend extends tf.KernelBackend {
  private readonly entries = new Map<object, Entry>();

  private entry(dataId: object): Entry {
    const entry = this.entries.get(dataId);
    if (!entry) throw new Error("a tensor that this engine does not hold (disposed?)");
    return entry;
  }

  /** The native tensor of a tfjs tensor. */
  handle(info: TensorInfo): Handle {
    const { handle } = this.entry(info.dataId);
    if (handle === undefined) throw new Error(`a ${info.dtype} tensor cannot be used here`);
    return handle;
  }

  /** Whether the native tensor holds bfloat16 though tfjs sees float32. */
  isHalf(info: TensorInfo): boolean {
    return this.entry(info.dataId).half;
  }

  /** A tfjs tensor that owns `handle`; the shape is the one given or that of the last native call. */
  wrap(handle: Handle, dtype: DataType, shape: number[] = lastOutput().shape, half = false): TensorInfo {
    const dataId = {};
    this.entries.set(dataId, { handle, strings: undefined, dtype, shape, half, references: 1 });
    return { dataId, shape, dtype };
  }

  private store(dataId: object, values: Values | null, shape: number[], dtype: DataType, references: number): void {
    if (dtype === "string") {
      this.entries.set(dataId, { handle: undefined, strings: values ?? [], dtype, shape, half: false, references });
      return;
    }
    const code = dtypeCode(dtype);
    const typed =
      values && tf.util.isTypedArray(values as Float32Array) && sameKind(values, dtype)
        ? (values as Float32Array)
        : values && toTyped(values, dtype);
    this.entries.set(dataId, {
      handle: upload(typed, shape, code),
      strings: undefined,
      dtype,
      shape,
      half: false,
      references,
    });
  }

  override write(values: Values, shape: number[], dtype: DataType): object {
    const dataId = {};
    this.store(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: object, values: Values, shape: number[], dtype: DataType, refCount: number): void {
    this.store(dataId, values, shape, dtype, refCount);
  }

  override readSync(dataId: object): Values {
    const { handle, strings, dtype, shape, half } = this.entry(dataId);
    if (handle === undefined) return strings as Values;
    const out = roomFor(shape, dtype);
    if (half) withRelease(() => download(floatOf(handle), out));
    else download(handle, out);
    return out;
  }

  override async read(dataId: object): Promise<Values> {
    const { handle, dtype, shape, half } = this.entry(dataId);
    if (handle === undefined || half || !isOnDevice()) return this.readSync(dataId);
    const out = roomFor(shape, dtype);
    await downloadLater(handle, out);
    return out;
  }

  override disposeData(dataId: object, force = false): boolean {
    const entry = this.entries.get(dataId);
    if (!entry) return true;
    entry.references--;
    if (!force && entry.references > 0) return false;
    if (entry.handle !== undefined) release(entry.handle);
    this.entries.delete(dataId);
    return true;
  }

  override incRef(dataId: object): void {
    this.entry(dataId).references++;
  }

  override refCount(dataId: object): number {
    return this.entries.get(dataId)?.references ?? 0;
  }

  override numDataIds(): number {
    return this.entries.size;
  }

  override memory(): { unreliable: boolean; nativeBytes: number; reasons: string[] } {
    return { unreliable: false, nativeBytes: nativeMemory().bytes, reasons: [] };
  }

  override async time(f: () => void): Promise<{ kernelMs: number }> {
    synchronize();
    const start = performance.now();
    f();
    synchronize();
    return { kernelMs: performance.now() - start };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override dispose(): void {
    for (const { handle } of this.entries.values()) if (handle !== undefined) release(handle);
    this.entries.clear();
  }
}

function roomFor(shape: number[], dtype: DataType): Float32Array | Int32Array | Uint8Array {
  const size = tf.util.sizeFromShape(shape);
  if (dtype === "int32") return new Int32Array(size);
  if (dtype === "bool") return new Uint8Array(size);
  return new Float32Array(dtype === "complex64" ? 2 * size : size);
}

function sameKind(values: Values, dtype: DataType): boolean {
  if (dtype === "int32") return values instanceof Int32Array;
  if (dtype === "bool") return values instanceof Uint8Array;
  return values instanceof Float32Array;
}

function toTyped(values: Values, dtype: DataType): Float32Array | Int32Array | Uint8Array {
  const numbers = values as ArrayLike<number>;
  if (dtype === "int32") return Int32Array.from(numbers);
  if (dtype === "bool") return Uint8Array.from(numbers, (v) => (v ? 1 : 0));
  return Float32Array.from(numbers);
}
