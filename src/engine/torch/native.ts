/** @file The native addon as typed functions. Tensors are numbers ("handles") on this side. Nothing here knows tfjs. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { deviceName } from "./device-name.ts";

/** A tensor of the addon. Handles are small integers and are reused after release. */
export type Handle = number;
/** What an ATen operator takes: handles, numbers, flags, lists of them, a text, or null for "none". */
export type Argument = number | boolean | string | null | undefined | readonly number[] | readonly boolean[];

interface Addon {
  findOperator(name: string): number;
  call(operator: number, ...args: readonly Argument[]): Handle | Handle[];
  upload(data: ArrayBufferView | null, shape: readonly number[], dtype: number): Handle;
  download(handle: Handle, into: ArrayBufferView): void;
  release(handle: Handle): void;
  memory(): [count: number, bytes: number];
  setThreads(count: number): void;
  threads(): number;
  version(): string;
  describedOutputs(): Int32Array;
  setDevice(text: string): string;
  synchronize(): void;
  setHalf(half: boolean): void;
  downloadLater(handle: Handle, into: ArrayBufferView): Promise<void>;
  /** Fused functions of the addon beside the ATen operators, by name. */
  [fused: string]: (...args: never[]) => unknown;
}

/** Native dtypes in the addon's numbering. */
export const DTYPE = { float32: 0, int32: 1, bool: 2, complex64: 3, int64: 4, other: 5, bfloat16: 6 } as const;
/** The same as ATen's ScalarType numbers, which operators such as `to.dtype` take. */
export const SCALAR_TYPE = {
  float32: 6,
  int32: 3,
  bool: 11,
  complex64: 9,
  int64: 4,
  float64: 7,
  bfloat16: 15,
} as const;

/** Where the addon is built (scripts/setup.sh), whether it is there or not. */
export const addonPath = fileURLToPath(new URL("../../../build/torch-engine/motioncue.node", import.meta.url));

let addon: Addon | undefined;
let device = "cpu";
let outputs: Int32Array = new Int32Array(0);
const DESCRIPTION = 10;

/** libtorch's version, its threads, and where tensors live, as people call it. */
export interface AddonFacts {
  readonly version: string;
  readonly threads: number;
  readonly device: string;
}

/**
 * Loads the addon (once). Tensors live on the first CUDA device where libtorch finds one, else on the CPU, or on what
 * MOTIONCUE_DEVICE says ("cpu", "cuda:1"). Throws where the addon was not built, or libtorch or the device cannot be used.
 */
export function loadAddon(): AddonFacts {
  if (!addon) {
    if (!existsSync(addonPath)) throw new Error("the native addon is not built; run: npm run setup");
    // Idle OpenMP threads that spin for long steal time from the JavaScript thread; libgomp reads this when it loads.
    process.env["GOMP_SPINCOUNT"] ??= "10000";
    // cuBLAS adds up in the same order every time only with workspaces of a fixed size; it reads this when it starts.
    process.env["CUBLAS_WORKSPACE_CONFIG"] ??= ":4096:8";
    const loaded = createRequire(import.meta.url)(addonPath) as Addon;
    // Debian's libtorch starts with one thread, and with one thread it leaves oneDNN for a path 15 times slower on some sizes.
    loaded.setThreads(Math.max(1, Number(process.env["OMP_NUM_THREADS"]) || availableParallelism()));
    outputs = loaded.describedOutputs();
    device = loaded.setDevice(process.env["MOTIONCUE_DEVICE"] ?? "auto");
    addon = loaded;
  }
  const threads = addon.threads();
  return { version: addon.version(), threads, device: deviceName(device, threads) };
}

function native(): Addon {
  if (!addon) loadAddon();
  return addon as Addon;
}

// Handles made since a kernel began; those that it does not return are released when it ends.
let made: Handle[] = [];

/** An ATen operator by schema name, such as "add.Tensor", for operators with one tensor as result. */
export function aten(name: string): (...args: readonly Argument[]) => Handle {
  let id = -1;
  return (...args) => {
    if (id < 0) id = native().findOperator(name);
    const handle = native().call(id, ...args) as Handle;
    made.push(handle);
    return handle;
  };
}

/** An ATen operator with several tensors as result. */
export function atenMany(name: string): (...args: readonly Argument[]) => Handle[] {
  let id = -1;
  return (...args) => {
    if (id < 0) id = native().findOperator(name);
    const handles = native().call(id, ...args) as Handle[];
    for (const handle of handles) if (handle >= 0) made.push(handle);
    return handles;
  };
}

/** A fused function of the addon, with one tensor as result. */
export function fused(name: string): (...args: readonly Argument[]) => Handle {
  return (...args) => {
    const handle = (native()[name] as (...a: readonly Argument[]) => Handle)(...args);
    made.push(handle);
    return handle;
  };
}

/** A fused function of the addon with several tensors as result. */
export function fusedMany(name: string): (...args: readonly Argument[]) => Handle[] {
  return (...args) => {
    const handles = (native()[name] as (...a: readonly Argument[]) => Handle[])(...args);
    made.push(...handles);
    return handles;
  };
}

/** A function of the addon that works on host arrays and gives nothing back. */
export function hostFunction<A extends unknown[]>(name: string): (...args: A) => void {
  return (...args) => {
    (native()[name] as (...a: unknown[]) => void)(...args);
  };
}

/**
 * Runs `body`, then releases every tensor that it made and did not name in `kept`, whether it returns or throws.
 * Calls nest: a kernel that runs another inside sees only its own tensors.
 */
export function withRelease<T>(body: (keep: (handle: Handle) => Handle) => T): T {
  const outer = made;
  const mine: Handle[] = [];
  made = mine;
  const kept = new Set<Handle>();
  try {
    const result = body((handle) => {
      kept.add(handle);
      return handle;
    });
    for (const handle of mine) if (!kept.has(handle)) native().release(handle);
    return result;
  } catch (error) {
    for (const handle of mine) native().release(handle);
    throw error;
  } finally {
    made = outer;
  }
}

/** Shape and native dtype (see DTYPE) of output `index` of the last call. */
export function lastOutput(index = 0): { shape: number[]; dtype: number } {
  const at = index * DESCRIPTION;
  const rank = outputs[at] as number;
  return { shape: Array.from(outputs.subarray(at + 2, at + 2 + rank)), dtype: outputs[at + 1] as number };
}

/** A new tensor with the array's bytes (row-major), or with unspecified content for null. Not released by `withRelease`. */
export function upload(data: ArrayBufferView | null, shape: readonly number[], dtype: number): Handle {
  return native().upload(data, shape, dtype);
}

/** As `upload`, for a tensor that a kernel needs while it runs. */
export function temporary(data: ArrayBufferView, shape: readonly number[], dtype: number): Handle {
  const handle = native().upload(data, shape, dtype);
  made.push(handle);
  return handle;
}

/** Copies a tensor's content (row-major) into `into`, which must have exactly its size. */
export function download(handle: Handle, into: ArrayBufferView): void {
  native().download(handle, into);
}

/** As `download`, without waiting for the device in the thread that calls. */
export function downloadLater(handle: Handle, into: ArrayBufferView): Promise<void> {
  return native().downloadLater(handle, into);
}

/** Whether tensors live on another device than the CPU. */
export function isOnDevice(): boolean {
  return device !== "cpu";
}

/** Waits until the device has done everything that was asked of it. */
export function synchronize(): void {
  native().synchronize();
}

/** Lets convolutions compute in bfloat16 and hand on their results so, or in float32. */
export function setHalf(half: boolean): void {
  native().setHalf(half);
}

/** Frees a tensor. */
export function release(handle: Handle): void {
  native().release(handle);
}

/** Tensors alive and the bytes of their storages. */
export function nativeMemory(): { count: number; bytes: number } {
  const [count, bytes] = native().memory();
  return { count, bytes };
}
