/** @file RAFT weights from host tensors: official or torchvision names, strict in both directions, or seeded new ones. */
import type { HostTensor } from "../src/io/host-tensor.ts";
import { initialValues } from "../src/nn/init.ts";
import { matchParameters, type Parameters, parametersFromHost } from "../src/nn/parameters.ts";
import { type RaftConfig, raftShapes } from "./raft-config.ts";
import { raftLayouts } from "./raft-names.ts";
import { renameTensors } from "./weight-layout.ts";

/**
 * Parameters of the network from `tensors` in PyTorch layout, under official names (with or without `module.`) or
 * torchvision's. Throws FormatError that lists missing, unused and misshapen tensors; `where` begins it.
 */
export function raftParameters(
  where: string,
  config: RaftConfig,
  tensors: ReadonlyMap<string, HostTensor>,
): Parameters {
  const renamed = renameTensors(raftLayouts(config), tensors);
  return parametersFromHost(matchParameters(where, raftShapes(config), renamed));
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
