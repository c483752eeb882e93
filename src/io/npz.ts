/** @file NumPy's archives of arrays (.npz): a zip with one .npy per array. */
import { FormatError } from "../errors.ts";
import { type ByteSource, withSource } from "./byte-source.ts";
import type { HostTensor } from "./host-tensor.ts";
import { formatNpy, type NpyArray, type NpyTexts, parseNpy, parseNpyHeader } from "./npy.ts";
import { showText } from "./show-text.ts";
import { writeFileAtomic } from "./write-file.ts";
import { readZipMember, readZipMemberStart, readZipMembers } from "./zip.ts";
import { formatZip } from "./zip-write.ts";

/** Which arrays of an archive to read. */
export interface NpzOptions {
  /** What messages call an archive that is given as bytes. */
  readonly name?: string;
  /** Read only these; without it, all. A name that is not there is simply missing in the result. */
  readonly keys?: readonly string[];
}

/** The arrays of a .npz file (or of its bytes) by name. Throws FormatError naming file and array. */
export function readNpz(input: string | Uint8Array, options: NpzOptions = {}): Promise<Map<string, NpyArray>> {
  return withSource(input, (source) => readArrays(source, options.keys), options.name ?? "npz");
}

/** Element types and shapes of a .npz file's arrays, without reading them. Throws FormatError naming file and array. */
export function summarizeNpz(path: string): Promise<Map<string, Pick<NpyArray, "dtype" | "shape">>> {
  return withSource(path, async (source) => {
    const arrays = new Map<string, Pick<NpyArray, "dtype" | "shape">>();
    for (const member of (await readZipMembers(source)).values()) {
      if (!member.name.endsWith(".npy")) continue;
      const key = member.name.slice(0, -4);
      arrays.set(key, parseNpyHeader(await readZipMemberStart(source, member), `${source.name}: ${showText(key)}`));
    }
    return arrays;
  });
}

async function readArrays(source: ByteSource, keys?: readonly string[]): Promise<Map<string, NpyArray>> {
  const arrays = new Map<string, NpyArray>();
  for (const member of (await readZipMembers(source)).values()) {
    if (!member.name.endsWith(".npy")) continue;
    const key = member.name.slice(0, -4);
    if (keys && !keys.includes(key)) continue;
    arrays.set(key, parseNpy(await readZipMember(source, member), `${source.name}: ${showText(key)}`));
  }
  return arrays;
}

/** Writes arrays as a .npz file, deflated unless `compress` is false. */
export async function writeNpz(
  path: string,
  entries: Readonly<Record<string, NpyArray>>,
  { compress = true }: { readonly compress?: boolean } = {},
): Promise<void> {
  await writeFileAtomic(path, formatNpz(entries, compress, path));
}

/** The bytes of a .npz file, in pieces. */
export function formatNpz(entries: Readonly<Record<string, NpyArray>>, compress = true, where = "npz"): Uint8Array[] {
  const inputs = Object.entries(entries).map(([key, array]) => ({
    name: `${key}.npy`,
    data: formatNpy(array),
    compress,
  }));
  return formatZip(where, inputs);
}

/**
 * The numeric array `key`. Throws FormatError, beginning with `where` (the file), when it is missing, a text, or has
 * another shape than `shape` (-1 fits any size).
 */
export function numbersOf(
  arrays: ReadonlyMap<string, NpyArray>,
  key: string,
  where: string,
  shape?: readonly number[],
): HostTensor {
  const array = entryOf(arrays, key, where);
  if (array.dtype === "string") throw new FormatError(where, `${key} must hold numbers, got texts`);
  const fits = !shape || (array.shape.length === shape.length && shape.every((n, i) => n < 0 || n === array.shape[i]));
  if (!fits) {
    const wanted = shape.map((n) => (n < 0 ? "any" : n)).join(", ");
    throw new FormatError(where, `${key} must have shape [${wanted}], got [${array.shape.join(", ")}]`);
  }
  return array;
}

/** The text array `key`. Throws FormatError, beginning with `where` (the file), when it is missing or no text. */
export function textsOf(arrays: ReadonlyMap<string, NpyArray>, key: string, where: string): NpyTexts {
  const array = entryOf(arrays, key, where);
  if (array.dtype !== "string") throw new FormatError(where, `${key} must hold texts, got ${array.dtype}`);
  return array;
}

function entryOf(arrays: ReadonlyMap<string, NpyArray>, key: string, where: string): NpyArray {
  const array = arrays.get(key);
  if (!array)
    throw new FormatError(where, `array ${key} is missing (it has: ${showText([...arrays.keys()].join(", "), 300)})`);
  return array;
}
