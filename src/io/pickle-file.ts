/** @file Pickled dicts of arrays (.pkl), as body models come: read without Python, nothing in them executed. */
import { FormatError } from "../errors.ts";
import { type ByteSource, withSource } from "./byte-source.ts";
import type { HostTensor } from "./host-tensor.ts";
import { readPickle } from "./pickle.ts";
import { denseArray, type ElementBudget, MODEL_RULES } from "./pickle-model.ts";
import { showText } from "./show-text.ts";

/** Body models with 300 shape components take a quarter of this. */
const MAX_FILE_BYTES = 2 ** 30;

/** Which arrays of a pickle to read. */
export interface PickledArraysOptions {
  /** What messages call a pickle that is given as bytes. */
  readonly name?: string;
  /** Compute only these; without it, all values that are arrays. A name that is not there is missing in the result. */
  readonly keys?: readonly string[];
}

/**
 * The arrays in a pickled dict, from a file or its bytes: NumPy's, chumpy's and sparse ones (written out), any protocol.
 * Memory: at most six times the file and 256 MB. Throws FormatError naming the file and the array, also for names beyond
 * the allow-list.
 */
export function readPickledArrays(
  input: string | Uint8Array,
  options: PickledArraysOptions = {},
): Promise<Map<string, HostTensor>> {
  return withSource(input, (source) => readArrays(source, options.keys), options.name ?? "pickle");
}

async function readArrays(source: ByteSource, keys?: readonly string[]): Promise<Map<string, HostTensor>> {
  if (source.size > MAX_FILE_BYTES)
    throw new FormatError(source.name, `expected a pickle of up to ${MAX_FILE_BYTES} bytes, got ${source.size}`);
  const { value } = readPickle(await source.read(0, source.size), source.name, MODEL_RULES);
  if (!(value instanceof Map)) throw new FormatError(source.name, "expected a pickled dict of arrays, got no dict");
  const arrays = new Map<string, HostTensor>();
  // An index of four bytes stands for every element that chumpy selects; sparse matrices are small.
  const budget: ElementBudget = { left: 2 ** 23 + source.size / 4 };
  for (const [key, entry] of value) {
    if (typeof key !== "string" || (keys && !keys.includes(key))) continue;
    const array = denseArrayOf(source.name, key, entry, keys !== undefined, budget);
    if (array) arrays.set(key, array);
  }
  return arrays;
}

/** An array that was asked for must be one; in a listing, what cannot be computed is left out. */
function denseArrayOf(
  where: string,
  key: string,
  value: unknown,
  needed: boolean,
  budget: ElementBudget,
): HostTensor | undefined {
  try {
    const array = denseArray(value, budget);
    if (!array && needed) throw new Error("expected an array");
    return array;
  } catch (error) {
    if (!needed) return undefined;
    throw new FormatError(where, `${showText(key)}: ${showText((error as Error).message, 300)}`);
  }
}
