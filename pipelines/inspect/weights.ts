/** @file What a file of weights is for: which network of ours it fits, whose names it has, and what is missing or left over. */
import { identifyFlowWeights } from "../../flow/weight-adapters.ts";
import { identifyRegressor, REGRESSOR_FORMAT } from "../../smpl/checkpoint.ts";
import { type CheckpointFormat, type CheckpointFormatName, checkpointFormats } from "../../smpl/checkpoint-formats.ts";
import { type CheckpointIdentity, type CheckpointKeys, candidateFormats } from "../../smpl/identify-checkpoint.ts";
import type { RegressorSpec } from "../../smpl/regressor-spec.ts";

/** How weights fit a network. Plain JSON. */
export interface WeightsFit {
  /** `regressor`, or the name of a flow network. */
  readonly network: string;
  /** Whose layout it is; several where nothing tells them apart. */
  readonly formats: readonly string[];
  /** By name, what there is to say about it. */
  readonly facts: Readonly<Record<string, string>>;
  /** Every key that the network needs and the file has not. */
  readonly missing: readonly string[];
  /** Every key that the network has no use for. */
  readonly unused: readonly string[];
  /** Every key whose shape is another. */
  readonly misshapen: readonly string[];
  /** How many keys are known and not needed, such as a discriminator's. */
  readonly dropped: number;
}

/** What the weights in a file fit; undefined for those of no network here. */
export function fitWeights(path: string, keys: CheckpointKeys): WeightsFit | undefined {
  return regressorFit(path, keys) ?? flowFit(keys);
}

function regressorFit(path: string, keys: CheckpointKeys): WeightsFit | undefined {
  const own = keys.metadata["format"];
  if (own === REGRESSOR_FORMAT) {
    const identity = identifyRegressor(path, keys)!;
    return describe(identity, [identity.format], identity.spec.camera);
  }
  const formats = own === undefined ? candidateFormats(keys) : [];
  const [first] = formats;
  if (!first) return undefined;
  const { doc, refusal }: CheckpointFormat = checkpointFormats[first];
  if (refusal) {
    const facts = { "cannot be used": refusal };
    return { network: `${doc}`, formats, facts, missing: [], unused: [], misshapen: [], dropped: 0 };
  }
  const cameras = formats.map((name) => cameraOf(name));
  const open = new Set(cameras).size > 1;
  const camera = open
    ? `not in the file; pass ${formats.map((name) => `--camera "${cameraOf(name)}" for ${name}`).join(", ")}`
    : cameras[0]!;
  return describe(identifyRegressor(path, keys, { origin: first })!, formats, camera);
}

function cameraOf(name: CheckpointFormatName): string {
  return (checkpointFormats[name] as CheckpointFormat).facts.camera ?? "unknown";
}

function describe(identity: CheckpointIdentity, formats: readonly string[], camera: string): WeightsFit {
  const { spec, differences, dropped } = identity;
  const facts = {
    network: `${spec.backbone} (${sizesOf(spec)}) and ${spec.head} head`,
    camera,
    "6D layout": spec.rotation6d,
    input: `${spec.cropSize}x${spec.cropSize}`,
  };
  return { network: "regressor", formats, facts, ...differences, dropped: dropped.length };
}

function sizesOf({ backbone, width, vit }: RegressorSpec): string {
  // The number of heads is no fact of the file unless its header says so, but it is what would be used.
  return backbone === "vit" ? `width ${width}, ${vit.depth} blocks, ${vit.heads} heads` : `width ${width}`;
}

function flowFit({ shapes, metadata }: CheckpointKeys): WeightsFit | undefined {
  const fit = identifyFlowWeights(new Map([...shapes].map(([key, shape]) => [key, { shape }])), metadata);
  if (!fit) return undefined;
  const { network, naming, missing, unused, misshapen } = fit;
  return { network, formats: [naming], facts: { names: naming }, missing, unused, misshapen, dropped: 0 };
}
