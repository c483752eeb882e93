/** @file The two containers of PyTorch's files: the zip archive (since 1.6) and the older row of pickles and raw storages. */
import { FormatError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { itemBytes } from "./host-tensor.ts";
import { PickleCutShort, readPickle } from "./pickle.ts";
import type { PickleRules } from "./pickle-rules.ts";
import { resolveStorage, resolveTorchGlobal, type StorageRef } from "./pytorch-globals.ts";
import { showText } from "./show-text.ts";
import { readZipMember, readZipMembers, type ZipMember } from "./zip.ts";

/** A PyTorch file whose pickle was read, and whose storages can be. */
export interface TorchContainer {
  readonly kind: "zip" | "legacy";
  /** What was saved; tensors are TensorRefs. */
  readonly root: unknown;
  /** The bytes of all that a storage's `key` names. Throws FormatError where they are missing or too few. */
  readStorage(key: string): Promise<Uint8Array>;
}

/** `torch.serialization.MAGIC_NUMBER`, which begins the older container. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const MAX_PICKLE_BYTES = 1 << 28;

/** Opens either container. Throws FormatError for anything else. */
export async function openTorchContainer(source: ByteSource): Promise<TorchContainer> {
  const start = await source.read(0, Math.min(source.size, 4));
  if (start.length < 4) throw new FormatError(source.name, "not a PyTorch file: it is empty or cut short");
  if (start[0] === 0x50 && start[1] === 0x4b) return openZip(source);
  if (start[0] === 0x80) return openLegacy(source);
  throw new FormatError(source.name, "not a PyTorch file: neither a zip archive nor a pickle");
}

/** Rules that note every storage, with the bytes it needs, under its key. */
function rulesNoting(needs: Map<string, number>): PickleRules {
  const persistent = (id: unknown): StorageRef => {
    const storage = resolveStorage(id);
    const whole = (id as number[])[4]! * itemBytes(storage.dtype);
    const known = needs.get(storage.key) ?? whole;
    needs.set(storage.key, Math.max(known, whole));
    return storage;
  };
  return { resolve: resolveTorchGlobal, persistent };
}

async function openZip(source: ByteSource): Promise<TorchContainer> {
  const members = await readZipMembers(source);
  const pickles = [...members.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (!pickle || pickles.length > 1) {
    throw new FormatError(source.name, "not a PyTorch file: a zip archive without a single data.pkl");
  }
  const folder = pickle.name.slice(0, -"data.pkl".length);
  if (members.has(`${folder}constants.pkl`)) {
    throw new FormatError(source.name, "a TorchScript program, not weights; save its state_dict() with torch.save");
  }
  await checkByteOrder(source, members.get(`${folder}byteorder`));
  if (pickle.size > MAX_PICKLE_BYTES)
    throw new FormatError(source.name, `a pickle of ${pickle.size} bytes is too large`);
  const needs = new Map<string, number>();
  const { value: root } = readPickle(await readZipMember(source, pickle), source.name, rulesNoting(needs));
  const readStorage = async (key: string): Promise<Uint8Array> => {
    const name = `${folder}data/${key}`;
    const member = members.get(name);
    if (!member) throw new FormatError(source.name, `cut short or broken: member ${showText(name)} is missing`);
    const need = needs.get(key) ?? 0;
    if (member.size < need) {
      throw new FormatError(
        source.name,
        `cut short or broken: storage ${showText(key)} holds ${member.size} bytes, ${need} needed`,
      );
    }
    return readZipMember(source, member);
  };
  return { kind: "zip", root, readStorage };
}

async function checkByteOrder(source: ByteSource, member: ZipMember | undefined): Promise<void> {
  if (!member || member.size > 16) return;
  const order = Buffer.from(await readZipMember(source, member)).toString("latin1");
  if (order !== "little") throw new FormatError(source.name, `expected byte order "little", got "${showText(order)}"`);
}

async function openLegacy(source: ByteSource): Promise<TorchContainer> {
  const needs = new Map<string, number>();
  const head = await readLegacyHead(source, needs);
  const places = await locateStorages(source, head.keys, needs, head.end);
  const readStorage = async (key: string): Promise<Uint8Array> => {
    const place = places.get(key);
    if (place === undefined)
      throw new FormatError(source.name, `cut short or broken: storage ${showText(key)} is missing`);
    return source.read(place, needs.get(key)!);
  };
  return { kind: "legacy", root: head.root, readStorage };
}

interface LegacyHead {
  readonly root: unknown;
  readonly keys: readonly unknown[];
  readonly end: number;
}

/** The pickles at the start. How long they are is known only at their end, so ever more is read until they are whole. */
async function readLegacyHead(source: ByteSource, needs: Map<string, number>): Promise<LegacyHead> {
  const most = Math.min(source.size, MAX_PICKLE_BYTES);
  for (let length = 1 << 20; ; length *= 8) {
    const bytes = await source.read(0, Math.min(length, most));
    try {
      return parseLegacyHead(source, bytes, needs);
    } catch (error) {
      if (!(error instanceof PickleCutShort) || length >= most) throw error;
    }
  }
}

function parseLegacyHead(source: ByteSource, bytes: Uint8Array, needs: Map<string, number>): LegacyHead {
  const rules = rulesNoting(needs);
  const magic = readPickle(bytes, source.name, rules);
  if (magic.value !== LEGACY_MAGIC)
    throw new FormatError(source.name, "not a PyTorch file: a pickle of something else");
  const version = readPickle(bytes, source.name, rules, magic.end);
  if (version.value !== 1001) {
    const got = typeof version.value === "number" ? version.value : "no number";
    throw new FormatError(source.name, `expected protocol 1001, got ${got}`);
  }
  const system = readPickle(bytes, source.name, rules, version.end);
  if (system.value instanceof Map && system.value.get("little_endian") === false) {
    throw new FormatError(source.name, "written on a big-endian machine; save it again on a little-endian one");
  }
  const root = readPickle(bytes, source.name, rules, system.end);
  const keys = readPickle(bytes, source.name, rules, root.end);
  if (!Array.isArray(keys.value)) throw new FormatError(source.name, "broken: the list of storages is no list");
  return { root: root.value, keys: keys.value, end: keys.end };
}

/** Where each storage's data begin: they follow one another, each after its count of elements. */
async function locateStorages(
  source: ByteSource,
  keys: readonly unknown[],
  needs: ReadonlyMap<string, number>,
  start: number,
): Promise<Map<string, number>> {
  const places = new Map<string, number>();
  let at = start;
  for (const entry of keys) {
    const key = typeof entry === "string" || typeof entry === "number" ? String(entry) : "without a name";
    const need = needs.get(key);
    if (need === undefined || places.has(key))
      throw new FormatError(source.name, `broken: storage ${showText(key)} is not in use`);
    const header = await source.read(at, 8);
    const count = Number(new DataView(header.buffer, header.byteOffset).getBigInt64(0, true));
    at += 8;
    if (
      (count === 0) !== (need === 0) ||
      (count > 0 && ![1, 2, 4, 8].includes(need / count)) ||
      at + need > source.size
    ) {
      throw new FormatError(source.name, `cut short or broken: storage ${showText(key)} needs ${need} bytes at ${at}`);
    }
    places.set(key, at);
    at += need;
  }
  return places;
}
