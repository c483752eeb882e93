/** @file Regressor files: safetensors and PyTorch checkpoints, ours with a specification and others' without. */
import { FormatError, OptionError } from "../src/errors.ts";
import type { HostTensor } from "../src/io/host-tensor.ts";
import { numbersOf, readNpz } from "../src/io/npz.ts";
import { type PyTorchSummary, readPyTorch, summarizePyTorch } from "../src/io/pytorch.ts";
import { writePyTorch } from "../src/io/pytorch-write.ts";
import {
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsHeader,
  writeSafetensors,
} from "../src/io/safetensors.ts";
import { showText } from "../src/io/show-text.ts";
import { expectNoDifference, matchParameters, type ParameterShapes } from "../src/nn/parameters.ts";
import { type CheckpointFormatName, checkpointFormats, keyTo } from "./checkpoint-formats.ts";
import { heads } from "./heads.ts";
import { type CheckpointIdentity, type CheckpointKeys, expectAgreement, identifyCheckpoint, identityOf, MEAN_BODY_KEYS } from "./identify-checkpoint.ts"; // biome-ignore format: one line
import { completeSpec, DEFAULT_SPEC, type RegressorSpec, regressorShapes } from "./regressor-spec.ts";

/** What the header of a regressor file of ours says under "format". */
export const REGRESSOR_FORMAT = "motioncue-regressor";
const VERSION = "1";
/** Where a PyTorch file of ours keeps the header, as JSON, beside the state dict. */
const HEADER_KEY = "motioncue";
/** Properties that older files, and those of other networks, do without. */
const OPTIONAL: readonly string[] = ["context", "vit", "decoder", "origin"];

/** A specification and exactly the tensors that it needs, PyTorch layout and the network's own names. */
export interface RegressorFile {
  readonly spec: RegressorSpec;
  readonly tensors: Map<string, HostTensor>;
  /** Header of a file of ours, empty otherwise. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What no checkpoint of some formats holds. */
export interface RegressorExtras {
  /** A `smpl_mean_params.npz` (pose [144], shape [10], cam [3]) for checkpoints without a mean body. */
  readonly meanBody?: string;
}

/** Names and shapes in a PyTorch file, as `summarizePyTorch` finds them. Throws FormatError for a broken header of ours. */
export function pyTorchKeys(where: string, { path, tensors, extra }: PyTorchSummary): CheckpointKeys {
  const header = extra[HEADER_KEY];
  return {
    under: path,
    shapes: shapesOf(tensors),
    metadata: typeof header === "string" ? parseHeader(where, header) : {},
  };
}

/** Names and shapes in a safetensors file, as `readSafetensorsHeader` finds them. */
export function safetensorsKeys({ entries, metadata }: SafetensorsHeader): CheckpointKeys {
  return { under: [], shapes: shapesOf(entries), metadata };
}

/**
 * Whose regressor a file holds and how it fits; undefined where it holds none. Throws as loadRegressor does, except for
 * missing and unused keys, which are listed.
 */
export function identifyRegressor(
  path: string,
  keys: CheckpointKeys,
  given: Partial<RegressorSpec> = {},
): CheckpointIdentity | undefined {
  if (keys.metadata["format"] === undefined) return identifyCheckpoint(path, keys, given);
  const spec = specFromHeader(path, keys.metadata);
  expectAgreement(path, spec, given);
  return identityOf(path, keys, formatOf(spec), spec);
}

/** Reads and checks a regressor file; see loadRegressor. */
export async function readRegressorFile(
  path: string,
  given: Partial<RegressorSpec> = {},
  extras: RegressorExtras = {},
): Promise<RegressorFile> {
  const file = await readKeys(path);
  const found = identifyRegressor(path, file, given);
  if (!found) {
    const some = [...file.shapes.keys()].slice(0, 4).map((key) => showText(key));
    throw new FormatError(path, `expected a body regressor, got a file with ${some.join(", ") || "no tensors"}`);
  }
  const { spec, keys } = found;
  const lacksMean = MEAN_BODY_KEYS.every((key) => found.differences.missing.includes(key));
  if (lacksMean && !extras.meanBody) {
    throw new OptionError(
      path,
      `the checkpoint holds no mean body (${MEAN_BODY_KEYS.join(", ")}); add one: motioncue convert IN OUT.safetensors --mean-body smpl_mean_params.npz`,
    );
  }
  const missing = found.differences.missing.filter((key) => !lacksMean || !MEAN_BODY_KEYS.includes(key));
  expectNoDifference(path, { ...found.differences, missing });
  const all = path.endsWith(".safetensors") ? (await readSafetensors(path)).tensors : (await readPyTorch(path)).tensors;
  const tensors = new Map([...keys].map(([ours, theirs]) => [ours, all.get(theirs)!]));
  if (lacksMean) for (const [key, value] of await readMeanBody(extras.meanBody!)) tensors.set(key, value);
  return { spec, tensors: matchParameters(path, regressorShapes(spec), tensors), metadata: file.metadata };
}

/**
 * Writes a regressor under the names of its origin: `.safetensors`, or PyTorch's container for any other ending. Both hold
 * the specification and `extra`.
 */
export async function writeRegressorFile(
  path: string,
  spec: RegressorSpec,
  tensors: ReadonlyMap<string, HostTensor>,
  extra: Readonly<Record<string, string>>,
  dtype: "float32" | "float16",
): Promise<void> {
  const format = checkpointFormats[formatOf(spec)];
  const own = heads[spec.head].shapes(spec, 1);
  const renamed = new Map([...tensors].map(([key, tensor]) => [keyTo(format, key, own.has(key)), tensor]));
  const header = { ...extra, format: REGRESSOR_FORMAT, formatVersion: VERSION, ...headerOf(spec) };
  if (path.endsWith(".safetensors")) return writeSafetensors(path, renamed, header, { dtype });
  await writePyTorch(path, renamed, { dtype, under: format.under, beside: { [HEADER_KEY]: JSON.stringify(header) } });
}

async function readKeys(path: string): Promise<CheckpointKeys> {
  if (path.endsWith(".safetensors")) return safetensorsKeys(await readSafetensorsHeader(path));
  return pyTorchKeys(path, await summarizePyTorch(path));
}

function shapesOf(tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>): ParameterShapes {
  return new Map([...tensors].map(([key, { shape }]) => [key, shape]));
}

function formatOf({ origin }: RegressorSpec): CheckpointFormatName {
  return origin in checkpointFormats ? (origin as CheckpointFormatName) : "motioncue";
}

function parseHeader(path: string, text: string): Record<string, string> {
  const value = parseJson(path, HEADER_KEY, text);
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([key, entry]) => [key, String(entry)]));
}

function parseJson(path: string, key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(path, `"${key}" of its header is broken JSON: ${(error as Error).message}`);
  }
}

async function readMeanBody(path: string): Promise<Map<string, HostTensor>> {
  const arrays = await readNpz(path, { keys: ["pose", "shape", "cam"] });
  const sizes = { pose: 144, shape: 10, cam: 3 } as const;
  return new Map(
    Object.entries(sizes).map(([key, size]) => {
      const { dtype, data } = numbersOf(arrays, key, path, [size]);
      return [`init_${key}`, { dtype, data, shape: [1, size] }];
    }),
  );
}

function headerOf(spec: RegressorSpec): Record<string, string> {
  const { vit, decoder, context, ...others } = spec;
  const parts = {
    ...(spec.backbone === "vit" ? { vit } : {}),
    ...(spec.head === "decoder" ? { decoder } : {}),
    ...(context > 0 ? { context } : {}),
  };
  return Object.fromEntries([
    ...Object.entries(others).map(([key, value]) => [key, Array.isArray(value) ? value.join(",") : String(value)]),
    ...Object.entries(parts).map(([key, value]) => [key, JSON.stringify(value)]),
  ]);
}

function specFromHeader(path: string, metadata: Readonly<Record<string, string>>): RegressorSpec {
  if (metadata["format"] !== REGRESSOR_FORMAT || metadata["formatVersion"] !== VERSION) {
    const found = `"${metadata["format"]}" version ${metadata["formatVersion"] ?? "none"}`;
    throw new FormatError(
      path,
      `expected format "${REGRESSOR_FORMAT}" version ${VERSION}, got ${found}; pass a regressor file`,
    );
  }
  const read: Record<string, unknown> = {};
  for (const [key, example] of Object.entries(DEFAULT_SPEC)) {
    const text = metadata[key];
    if (text === undefined) {
      if (OPTIONAL.includes(key)) continue;
      throw new FormatError(path, `expected "${key}" in the header of a regressor file, got none`);
    }
    if (Array.isArray(example)) read[key] = text.split(",").map(Number);
    else if (typeof example === "object") read[key] = parseJson(path, key, text);
    else read[key] = typeof example === "number" ? Number(text) : text;
  }
  try {
    return completeSpec(read as Partial<RegressorSpec>, path);
  } catch (error) {
    if (error instanceof OptionError) throw new FormatError(path, error.message.slice(path.length + 2));
    throw error;
  }
}
