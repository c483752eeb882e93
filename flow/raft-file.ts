/** @file RAFT weight files: PyTorch checkpoints (`.pth`, `.pt`) and safetensors. */
import { FormatError } from "../src/errors.ts";
import { readSafetensors, writeSafetensors } from "../src/io/safetensors.ts";
import { type Parameters, parametersToHost } from "../src/nn/parameters.ts";
import { createRaft, type Raft } from "./raft.ts";
import { type RaftConfig, raftShapes } from "./raft-config.ts";
import { raftParameters } from "./raft-weights.ts";
import { readWeightFile } from "./weight-file.ts";
import { layoutOf, type WeightLayout } from "./weight-layout.ts";

const FORMAT = "motioncue-flow";

/** The RAFT of that configuration with the weights of a file. Throws FormatError where the file is not one of its weights. */
export async function loadRaft(path: string, config: RaftConfig): Promise<Raft> {
  return createRaft(config, raftParameters(path, config, await readWeightFile(path)));
}

/** A RAFT from a safetensors file whose header holds its configuration, as saveRaft writes it. */
export async function loadOwnRaft(path: string): Promise<Raft> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata["format"] !== FORMAT || metadata["formatVersion"] !== "1") {
    throw new FormatError(
      path,
      `expected a header with format "${FORMAT}", version 1, got "${metadata["format"] ?? "none"}"; pass a file that motioncue train flow wrote`,
    );
  }
  const config = parseConfig(path, metadata["config"] ?? "");
  return createRaft(config, raftParameters(path, config, tensors));
}

/** Writes weights and configuration as safetensors, PyTorch names and layout; `extra` goes into the header. */
export async function saveRaft(
  path: string,
  config: RaftConfig,
  parameters: Parameters,
  extra: Readonly<Record<string, string>> = {},
  dtype: "float32" | "float16" = "float32",
): Promise<void> {
  const metadata = { ...extra, format: FORMAT, formatVersion: "1", config: JSON.stringify(config) };
  await writeSafetensors(path, await parametersToHost(parameters), metadata, { dtype });
}

/** The layout of a safetensors file with that header, where saveRaft wrote it; of others none. */
export function ownLayouts(metadata: Readonly<Record<string, string>>): readonly WeightLayout[] {
  if (metadata["format"] !== FORMAT) return [];
  try {
    return [layoutOf("motioncue", "", raftShapes(parseConfig("header", metadata["config"] ?? "")), (name) => name)];
  } catch {
    return [];
  }
}

const LIMIT = 4096;

/** A configuration from a file's header: every field checked, sizes bounded. */
function parseConfig(path: string, text: string): RaftConfig {
  let config: Record<string, unknown> | undefined;
  try {
    config = JSON.parse(text) as Record<string, unknown>;
  } catch {
    config = undefined;
  }
  const size = (value: unknown, least: number) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= LIMIT;
  const sizes = (value: unknown, count: number) =>
    Array.isArray(value) && value.length === count && value.every((v) => size(v, 1));
  const checks: Readonly<Record<keyof RaftConfig, (value: unknown) => boolean>> = {
    block: (v) => v === "residual" || v === "bottleneck",
    widths: (v) => sizes(v, 3),
    features: (v) => size(v, 1),
    contextNorm: (v) => v === "batch" || v === "none",
    hidden: (v) => size(v, 1),
    context: (v) => size(v, 1),
    levels: (v) => size(v, 1) && Number(v) <= 6,
    radius: (v) => size(v, 1) && Number(v) <= 16,
    motionCorrelation: (v) => sizes(v, 1) || sizes(v, 2),
    motionFlow: (v) => sizes(v, 2),
    motion: (v) => size(v, 3),
    recurrence: (v) => v === "square" || v === "separable",
    flowHead: (v) => size(v, 1),
    maskHead: (v) => size(v, 0),
  };
  const wrong = Object.entries(checks).find(([key, check]) => !check(config?.[key]));
  if (!config || wrong) {
    throw new FormatError(
      path,
      `expected a configuration of a flow network in the header, got a wrong "${wrong?.[0]}"`,
    );
  }
  return config as unknown as RaftConfig;
}
