/** @file Weights from PyTorch's files (.pth, .pt, .ckpt, .tar): state dicts in either container, read without Python. */
import { FormatError } from "../errors.ts";
import { type ByteSource, withSource } from "./byte-source.ts";
import { allocate, elementCount, type HostDtype, type HostTensor, itemBytes, viewBytes } from "./host-tensor.ts";
import type { NpyArray } from "./npy.ts";
import { arrayOf } from "./pickle-numpy.ts";
import { openTorchContainer, type TorchContainer } from "./pytorch-container.ts";
import { isTensorRef, type TensorRef } from "./pytorch-globals.ts";
import { showText } from "./show-text.ts";
import { gatherStrided, isContiguous } from "./strided.ts";

/** Keys under which published checkpoints keep their state dict. */
const CONTAINER_KEYS = ["state_dict", "model", "model_enc", "hmrnet_state_dict", "gen_state_dict"];
const PREFIX = "module.";

/** What a PyTorch file holds. */
export interface PyTorchFile {
  /** The state dict by key, without `module.`; each tensor in C order with a buffer of its own. */
  readonly tensors: Map<string, HostTensor>;
  /** Everything else as plain values: dicts are objects, tensors outside the state dict only their dtype and shape. */
  readonly extra: Record<string, unknown>;
}

/** What a PyTorch file holds, without the values. */
export interface PyTorchSummary {
  readonly container: "zip" | "legacy";
  /** The keys that lead to the state dict, such as `["model"]`. */
  readonly path: readonly string[];
  readonly tensors: ReadonlyMap<string, { readonly dtype: HostDtype; readonly shape: readonly number[] }>;
  readonly extra: Record<string, unknown>;
}

/**
 * The state dict of a PyTorch file (or of its bytes) and what lies beside it. A dict inside `state_dict`, `model`,
 * `model_enc`, `hmrnet_state_dict` or `gen_state_dict` is unwrapped. All tensors together may take 8 times the file's
 * size. Throws FormatError for anything else, and for names beyond the allow-list: nothing in the file is executed.
 */
export function readPyTorch(input: string | Uint8Array, name = "checkpoint"): Promise<PyTorchFile> {
  const read = async (source: ByteSource): Promise<PyTorchFile> => {
    const container = await openTorchContainer(source);
    const { refs, extra } = findState(source.name, container.root);
    return { tensors: await loadTensors(source, container, refs), extra };
  };
  return withSource(input, read, name);
}

/** Names, dtypes and shapes of a PyTorch file (or of its bytes), without reading the values. Throws FormatError. */
export function summarizePyTorch(input: string | Uint8Array, name = "checkpoint"): Promise<PyTorchSummary> {
  const read = async (source: ByteSource): Promise<PyTorchSummary> => {
    const container = await openTorchContainer(source);
    const { refs, extra, path } = findState(source.name, container.root);
    const tensors = [...refs].map(([key, { dtype, shape }]) => [key, { dtype, shape }] as const);
    return { container: container.kind, path, tensors: new Map(tensors), extra };
  };
  return withSource(input, read, name);
}

interface State {
  readonly refs: Map<string, TensorRef>;
  readonly extra: Record<string, unknown>;
  readonly path: readonly string[];
}

function findState(where: string, root: unknown): State {
  if (isTensorRef(root)) return { refs: new Map([["tensor", root]]), extra: {}, path: [] };
  const path: string[] = [];
  const beside = new Map<unknown, unknown>();
  let state = root;
  for (let depth = 0; depth < 4 && state instanceof Map; depth++) {
    const key = containerKey(state);
    if (key === undefined) break;
    for (const [name, value] of state) if (name !== key) beside.set(name, value);
    path.push(key);
    state = state.get(key);
  }
  const refs = new Map<string, TensorRef>();
  for (const [key, value] of state instanceof Map ? state : []) {
    if (isTensorRef(value)) addStripped(where, refs, plainKey(key), value);
    else beside.set(key, value);
  }
  if (refs.size === 0) {
    const keys = root instanceof Map ? `a dict of ${listKeys(root)}` : "no dict";
    throw new FormatError(where, `expected a state dict of tensors, got ${keys}; save module.state_dict()`);
  }
  return { refs, extra: plainObject(beside, { left: 100_000 }, 0), path };
}

function listKeys(map: ReadonlyMap<unknown, unknown>): string {
  return showText([...map.keys()].slice(0, 12).map(plainKey).join(", "), 300);
}

/** The key to go down to: a usual one, else the only dict of tensors in a dict that has no tensors itself. */
function containerKey(state: ReadonlyMap<unknown, unknown>): string | undefined {
  const holdsTensors = (value: unknown): boolean => value instanceof Map && [...value.values()].some(isTensorRef);
  const holdsState = (value: unknown): boolean =>
    holdsTensors(value) || (value instanceof Map && CONTAINER_KEYS.some((key) => holdsTensors(value.get(key))));
  const usual = CONTAINER_KEYS.find((key) => holdsState(state.get(key)));
  if (usual !== undefined || holdsTensors(state)) return usual;
  const others = [...state].filter(([key, value]) => typeof key === "string" && holdsTensors(value));
  return others.length === 1 ? (others[0]![0] as string) : undefined;
}

/** DataParallel puts everything under `module.`. */
function addStripped(where: string, refs: Map<string, TensorRef>, key: string, ref: TensorRef): void {
  const short = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key;
  if (refs.has(short))
    throw new FormatError(where, `both ${showText(short)} and ${PREFIX}${showText(short)} are in its state dict`);
  refs.set(short, ref);
}

async function loadTensors(
  source: ByteSource,
  container: TorchContainer,
  refs: ReadonlyMap<string, TensorRef>,
): Promise<Map<string, HostTensor>> {
  const byStorage = new Map<string, TensorRef[]>();
  let total = 0;
  for (const ref of new Set(refs.values())) {
    const users = byStorage.get(ref.storage.key);
    if (users) users.push(ref);
    else byStorage.set(ref.storage.key, [ref]);
  }
  for (const ref of refs.values()) total += elementCount(ref.shape) * itemBytes(ref.dtype);
  if (total > 8 * source.size + 2 ** 26) {
    throw new FormatError(source.name, `a file of ${source.size} bytes unpacks to tensors of ${total} bytes`);
  }
  const loaded = new Map<TensorRef, HostTensor>();
  for (const [key, users] of byStorage) {
    const bytes = await container.readStorage(key);
    for (const ref of users) loaded.set(ref, materialize(ref, bytes, users.length === 1));
  }
  return new Map([...refs].map(([key, ref]) => [key, loaded.get(ref)!]));
}

function materialize(ref: TensorRef, bytes: Uint8Array, alone: boolean): HostTensor {
  const { storage, dtype, shape, strides, offset } = ref;
  const base = storage.start * itemBytes(storage.dtype);
  const source = viewBytes(dtype, bytes.subarray(base, base + storage.count * itemBytes(storage.dtype)));
  const count = elementCount(shape);
  if (alone && count === source.length && offset === 0 && isContiguous(shape, strides))
    return { dtype, shape, data: source };
  return { dtype, shape, data: gatherStrided(source, allocate(dtype, count), shape, strides, offset) };
}

/** How many values may still be made plain: a few shared lists can stand for endlessly many. */
interface Budget {
  left: number;
}
const MAX_DEPTH = 32;

function plainObject(map: ReadonlyMap<unknown, unknown>, budget: Budget, depth: number): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const [key, value] of map) {
    if (budget.left <= 0) break;
    entries.push([plainKey(key), plain(value, budget, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

function plainKey(key: unknown): string {
  if (typeof key === "object" && key !== null) {
    return "name" in key && typeof key.name === "string"
      ? key.name
      : Array.isArray(key)
        ? `(${key.length} items)`
        : "object";
  }
  return String(key);
}

function plain(value: unknown, budget: Budget, depth: number): unknown {
  if (budget.left-- <= 0 || depth > MAX_DEPTH) return "...";
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (isTensorRef(value)) return { dtype: value.dtype, shape: value.shape };
  if (value instanceof Map) return plainObject(value, budget, depth);
  if (Array.isArray(value) || value instanceof Set) return plainList(value, budget, depth);
  const array: NpyArray | undefined = arrayOf(value);
  return array ?? ("name" in value ? value.name : "...");
}

function plainList(values: Iterable<unknown>, budget: Budget, depth: number): unknown[] {
  const list: unknown[] = [];
  for (const value of values) {
    if (budget.left <= 0) break;
    list.push(plain(value, budget, depth + 1));
  }
  return list;
}
