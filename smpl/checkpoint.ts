/** @file Regressor files: our safetensors with a header, and PyTorch checkpoints of the SPIN family. */
import { FormatError, OptionError } from "../src/errors.ts";
import type { HostTensor } from "../src/io/host-tensor.ts";
import { readPyTorch } from "../src/io/pytorch.ts";
import { readSafetensors, writeSafetensors } from "../src/io/safetensors.ts";
import { matchParameters, type Parameters, parametersToHost } from "../src/nn/parameters.ts";
import { completeSpec, DEFAULT_SPEC, type RegressorSpec, regressorShapes } from "./regressor-spec.ts";

const FORMAT = "motioncue-regressor";
const VERSION = "1";

/** A specification and exactly the tensors that it needs, PyTorch layout. */
export interface RegressorFile {
  readonly spec: RegressorSpec;
  readonly tensors: Map<string, HostTensor>;
  /** The header of a safetensors file, empty otherwise. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads and checks a regressor file; see loadRegressor. */
export async function readRegressorFile(path: string, given: Partial<RegressorSpec> = {}): Promise<RegressorFile> {
  if (path.endsWith(".safetensors")) {
    const { tensors, metadata } = await readSafetensors(path);
    const spec = metadata["format"] ? specFromHeader(path, metadata) : specFromShapes(path, tensors, given);
    checkAgreement(path, spec, given);
    return { spec, tensors: matchParameters(path, regressorShapes(spec), tensors), metadata };
  }
  const { tensors } = await readPyTorch(path);
  const spec = specFromShapes(path, tensors, given);
  return { spec, tensors: matchParameters(path, regressorShapes(spec), tensors), metadata: {} };
}

/** Writes a regressor file; see saveRegressor. */
export async function writeRegressorFile(
  path: string,
  spec: RegressorSpec,
  parameters: Parameters,
  extra: Readonly<Record<string, string>>,
  dtype: "float32" | "float16",
): Promise<void> {
  const header = { ...extra, format: FORMAT, formatVersion: VERSION, ...headerOf(spec) };
  await writeSafetensors(path, await parametersToHost(parameters), header, { dtype });
}

function headerOf(spec: RegressorSpec): Record<string, string> {
  return Object.fromEntries(
    Object.entries(spec).map(([key, value]) => [key, Array.isArray(value) ? value.join(",") : String(value)]),
  );
}

function specFromHeader(path: string, metadata: Readonly<Record<string, string>>): RegressorSpec {
  if (metadata["format"] !== FORMAT || metadata["formatVersion"] !== VERSION) {
    const found = `"${metadata["format"]}" version ${metadata["formatVersion"] ?? "none"}`;
    throw new FormatError(path, `expected format "${FORMAT}" version ${VERSION}, got ${found}; pass a regressor file`);
  }
  const read: Record<string, unknown> = {};
  for (const [key, example] of Object.entries(DEFAULT_SPEC)) {
    const text = metadata[key];
    if (text === undefined)
      throw new FormatError(path, `expected "${key}" in the header of a regressor file, got none`);
    if (Array.isArray(example)) read[key] = text.split(",").map(Number);
    else read[key] = typeof example === "number" ? Number(text) : text;
  }
  return checked(path, read);
}

/** Sizes read off the shapes; the camera cannot be, so it must be given. */
function specFromShapes(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  given: Partial<RegressorSpec>,
): RegressorSpec {
  const width = tensors.get("conv1.weight")?.shape[0];
  const hidden = tensors.get("fc1.weight")?.shape[0];
  if (width === undefined || hidden === undefined) {
    const some = [...tensors.keys()].slice(0, 4).join(", ");
    throw new FormatError(
      path,
      `expected a SPIN-style regressor (conv1.weight, fc1.weight), got ${some || "no tensors"}`,
    );
  }
  if (!given.camera) {
    throw new OptionError(
      path,
      'the file does not say how its camera projects; pass camera "sX+t" (EFT, videoHMR_SSL), "s(X+t)" (HMR, TexturePose) or "perspective-5000" (SPIN)',
    );
  }
  const backbone = tensors.has("layer1.0.conv3.weight") ? "resnet50" : "resnet18";
  const spec = checked(path, { ...given, backbone, width, hidden });
  checkAgreement(path, spec, given);
  return spec;
}

function checked(path: string, values: Record<string, unknown>): RegressorSpec {
  try {
    return completeSpec(values as Partial<RegressorSpec>, path);
  } catch (error) {
    if (error instanceof OptionError) throw new FormatError(path, error.message.slice(path.length + 2));
    throw error;
  }
}

function checkAgreement(path: string, spec: RegressorSpec, given: Partial<RegressorSpec>): void {
  for (const [key, value] of Object.entries(given)) {
    const own = spec[key as keyof RegressorSpec];
    if (value !== undefined && String(own) !== String(value)) {
      throw new OptionError(path, `asked for ${key} ${value}, but the file has ${own}; leave ${key} out`);
    }
  }
}
