/** @file RAFT weights from host tensors: official or torchvision names, strict in both directions, or seeded new ones. */
import type { HostTensor } from "../src/io/host-tensor.ts";
import { initialValues } from "../src/nn/init.ts";
import { matchParameters, type Parameters, parametersFromHost } from "../src/nn/parameters.ts";
import { type RaftConfig, raftShapes } from "./raft-config.ts";

/**
 * Parameters of the network from `tensors` in PyTorch layout, under official names (with or without `module.`) or
 * torchvision's. Throws FormatError that lists missing, unused and misshapen tensors; `where` begins it.
 */
export function raftParameters(
  where: string,
  config: RaftConfig,
  tensors: ReadonlyMap<string, HostTensor>,
): Parameters {
  const shapes = raftShapes(config);
  const renamed = new Map<string, HostTensor>();
  for (const [key, tensor] of tensors) {
    const name = officialName(config, key);
    // Official checkpoints hold the norm of a projected shortcut twice: as norm3 or norm4, and as downsample.1.
    const twin = name.replace(/\.norm[34]\./, ".downsample.1.");
    if (shapes.has(name) || twin === name || !shapes.has(twin)) renamed.set(name, tensor);
  }
  return parametersFromHost(matchParameters(where, shapes, renamed));
}

/**
 * Seeded first weights, as He et al. but for the ends of the parts: features that correlate by what differs between
 * positions (no common offset), a quiet context and flow near zero. From there learning to match begins at once.
 */
export function newRaftParameters(config: RaftConfig, seed: number): Parameters {
  const values = initialValues(raftShapes(config), seed, gainOf);
  const last = values.get("fnet.conv2.weight")!;
  centreRows(last.data as Float32Array, last.shape[1]!);
  return parametersFromHost(values);
}

function gainOf(key: string): number {
  if (key.includes("flow_head.conv2")) return 0.02;
  if (key.includes("mask.2")) return 0.2;
  if (key.startsWith("cnet.conv2")) return 0.1;
  if (key.startsWith("fnet.conv2")) return 0.35;
  return key.includes(".gru.") ? Math.SQRT1_2 : 1;
}

/** Takes the mean off every row: what all inputs have in common does not reach the output. */
function centreRows(data: Float32Array, length: number): void {
  for (let start = 0; start < data.length; start += length) {
    const row = data.subarray(start, start + length);
    const mean = row.reduce((sum, v) => sum + v, 0) / length;
    for (let i = 0; i < length; i++) row[i]! -= mean;
  }
}

/** The official name (without `module.`) of a torchvision RAFT tensor; other names stay as they are. */
export function officialName(config: RaftConfig, key: string): string {
  const name = key.replace(/^module\./, "");
  const encoder = /^(feature|context)_encoder\.(.*)$/.exec(name);
  if (encoder) return `${encoder[1] === "feature" ? "fnet" : "cnet"}.${encoderName(encoder[2]!)}`;
  const gate = /^update_block\.recurrent_block\.convgru(\d)\.conv([zrq])\.(.*)$/.exec(name);
  if (gate) return `update_block.gru.conv${gate[2]}${config.recurrence === "separable" ? gate[1] : ""}.${gate[3]}`;
  return UPDATE_NAMES.reduce((text, [pattern, official]) => text.replace(pattern, official), name);
}

function encoderName(rest: string): string {
  return rest
    .replace(/^convnormrelu\.0\./, "conv1.")
    .replace(/^convnormrelu\.1\./, "norm1.")
    .replace(/\.convnormrelu(\d)\.0\./, ".conv$1.")
    .replace(/\.convnormrelu(\d)\.1\./, ".norm$1.")
    .replace(/^conv\./, "conv2.");
}

const UPDATE_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^update_block\.motion_encoder\.convcorr(\d)\.0\./, "update_block.encoder.convc$1."],
  [/^update_block\.motion_encoder\.convflow(\d)\.0\./, "update_block.encoder.convf$1."],
  [/^update_block\.motion_encoder\.conv\.0\./, "update_block.encoder.conv."],
  [/^mask_predictor\.convrelu\.0\./, "update_block.mask.0."],
  [/^mask_predictor\.conv\./, "update_block.mask.2."],
];
