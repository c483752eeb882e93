/** @file From one file format to another: weights between safetensors and PyTorch's containers and names, bodies to `.npz`. */
import { extname } from "node:path";
import { namingsOf, renameFlowWeights } from "../../flow/weight-adapters.ts";
import { readRegressorFile, writeRegressorFile } from "../../smpl/checkpoint.ts";
import { type CheckpointFormatName, checkpointFormats, specAs } from "../../smpl/checkpoint-formats.ts";
import { readBody } from "../../smpl/load-body.ts";
import { saveBody } from "../../smpl/save-body.ts";
import { OptionError } from "../../src/errors.ts";
import { CAMERA_CONVENTIONS } from "../../src/geometry/camera.ts";
import type { HostTensor } from "../../src/io/host-tensor.ts";
import { readPyTorch } from "../../src/io/pytorch.ts";
import { writePyTorch } from "../../src/io/pytorch-write.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { completeOptions, type OptionsOf, type OptionTable, suggestion } from "../../src/options.ts";
import { inspectFile } from "./inspect.ts";

export const CONVERT_OPTIONS = {
  as: {
    kind: "text",
    value: "FORMAT",
    doc: "whose names to write: that of a regressor's origin (spin, eft, mmhuman3d, hmr2 ...), or official or torchvision for flow; by default those it has",
  },
  camera: {
    kind: "choice",
    choices: CAMERA_CONVENTIONS,
    doc: "how a regressor's camera (s, t) projects, where its file does not say",
  },
  meanBody: {
    kind: "text",
    value: "FILE",
    doc: "smpl_mean_params.npz, for regressors that keep their mean body elsewhere (TexturePose)",
  },
  dtype: {
    kind: "choice",
    choices: ["float32", "float16"],
    doc: "float type of the weights written; by default float32 for regressors and what it is for others",
  },
} as const satisfies OptionTable;
export type ConvertOptions = OptionsOf<typeof CONVERT_OPTIONS>;

/** What was converted into what. Plain JSON. */
export interface ConvertResult {
  readonly input: string;
  readonly output: string;
  /** In words. */
  readonly what: string;
  readonly tensors: number;
}

const WEIGHTS = [".safetensors", ".pth", ".pt", ".ckpt"];

/**
 * Reads a file, whatever it is, and writes what it holds in the format that `output`'s ending names: regressors, flow
 * networks and other weights as .safetensors or .pth, bodies as .npz. Throws FormatError for what cannot be read, OptionError for what
 * cannot be asked for.
 */
export async function convertFile(
  input: string,
  output: string,
  given: Partial<ConvertOptions> = {},
): Promise<ConvertResult> {
  const options = completeOptions("convert", CONVERT_OPTIONS, given);
  const { kind, fit, facts } = await inspectFile(input);
  const ending = extname(output).toLowerCase();
  if (facts["holds"]?.toString().startsWith("a body model")) return convertBody(input, output, ending);
  if (!/checkpoint|weights/i.test(kind))
    throw new OptionError("convert", `${input} is a ${kind}; expected weights of a network or a body model`);
  if (!WEIGHTS.includes(ending))
    throw new OptionError("convert", `weights are written as ${WEIGHTS.join(", ")}, got "${output}"`);
  if (fit?.network === "regressor") return convertRegressor(input, output, options);
  return convertWeights(input, output, fit?.network, options);
}

async function convertBody(input: string, output: string, ending: string): Promise<ConvertResult> {
  if (ending !== ".npz") throw new OptionError("convert", `a body model is written as .npz, got "${output}"`);
  const body = await readBody(input);
  await saveBody(output, body);
  const what = `a body of ${body.vTemplate.length / 3} vertices with ${body.shapeDirs.length / body.vTemplate.length} betas`;
  return { input, output, what, tensors: 7 };
}

async function convertRegressor(input: string, output: string, options: ConvertOptions): Promise<ConvertResult> {
  const { as, camera, meanBody, dtype = "float32" } = options;
  const names = Object.keys(checkpointFormats);
  if (as !== undefined && !names.includes(as))
    throw new OptionError("convert", `--as must be one of ${names.join(", ")} for a regressor, got "${as}"${suggestion(as, names)}`); // biome-ignore format: one thought
  const read = await readRegressorFile(input, camera ? { camera } : {}, meanBody ? { meanBody } : {});
  const spec = as ? specAs(input, read.spec, as as CheckpointFormatName) : read.spec;
  const { format: _, formatVersion: __, ...extra } = read.metadata;
  await writeRegressorFile(output, spec, read.tensors, extra, dtype);
  const what = `a regressor, ${spec.backbone} and ${spec.head} head, camera ${spec.camera}, in the names of ${spec.origin}`;
  return { input, output, what, tensors: read.tensors.size };
}

async function convertWeights(
  input: string,
  output: string,
  network: string | undefined,
  { as, dtype }: ConvertOptions,
): Promise<ConvertResult> {
  const safetensors = input.endsWith(".safetensors") ? await readSafetensors(input) : undefined;
  let tensors: ReadonlyMap<string, HostTensor> = safetensors?.tensors ?? (await readPyTorch(input)).tensors;
  const metadata = safetensors?.metadata ?? {};
  if (as !== undefined) {
    if (!network) throw new OptionError("convert", `${input} holds weights of no known network; leave --as out`);
    tensors = renameFlowWeights(input, tensors, as);
  }
  const precision = dtype ? { dtype } : {};
  if (output.endsWith(".safetensors")) await writeSafetensors(output, tensors, metadata, precision);
  else await writePyTorch(output, tensors, precision);
  const names = network && as ? ` in ${as} names (of ${namingsOf(network).join(", ")})` : "";
  return { input, output, what: `${network ? `weights of ${network}` : "weights"}${names}`, tensors: tensors.size };
}
