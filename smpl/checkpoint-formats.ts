/**
 * @file How published projects lay their checkpoints out: the way to the state dict, key names, camera and 6D layout. The
 * networks inside are the same few, so a format is only names and facts.
 */
import { OptionError } from "../src/errors.ts";
import type { RegressorSpec } from "./regressor-spec.ts";

/** Where a format keeps what. */
export interface CheckpointFormat {
  readonly doc: string;
  /** The keys that lead to the state dict in a PyTorch file. */
  readonly under: readonly string[];
  /** What holds for every network of this origin; no file says it. */
  readonly facts: Partial<RegressorSpec>;
  /** A key that every such state dict has. */
  readonly mark: string;
  /** Beginnings of keys here, and what they are in the network; the first that fits is taken. */
  readonly renames: readonly (readonly [theirs: string, ours: string])[];
  /** Beginnings of keys that are there for training only. */
  readonly ignored: readonly string[];
  /** Why such a file cannot be used, if so. */
  readonly refusal?: string;
}

const PLAIN = { mark: "fc1.weight", renames: [], ignored: [] } as const;
const INTERLEAVED = { rotation6d: "columns-interleaved" } as const;

/** The formats by name: what `origin` may be. Earlier ones are preferred where nothing tells them apart. */
export const checkpointFormats = {
  motioncue: {
    ...PLAIN,
    doc: "MotionCue: SPIN's names, the specification beside them",
    under: ["model"],
    facts: {},
  },
  spin: {
    ...PLAIN,
    doc: "SPIN (Kolotouros et al. 2019)",
    under: ["model"],
    facts: { camera: "perspective-5000", ...INTERLEAVED },
  },
  eft: {
    ...PLAIN,
    doc: "EFT (Joo et al. 2021)",
    under: ["model"],
    facts: { camera: "sX+t", ...INTERLEAVED },
  },
  hmr: {
    ...PLAIN,
    doc: "another PyTorch version of HMR (Kanazawa et al. 2018)",
    under: ["model"],
    facts: { camera: "s(X+t)", ...INTERLEAVED },
  },
  texturepose: {
    ...PLAIN,
    doc: "TexturePose (Pavlakos et al. 2019), which keeps its mean body in another file",
    under: ["model_enc"],
    facts: { camera: "s(X+t)", ...INTERLEAVED },
  },
  "videohmr-ssl": {
    ...PLAIN,
    doc: "videoHMR_SSL (Davydov et al. 2024)",
    under: ["hmrnet_state_dict"],
    facts: { camera: "sX+t", ...INTERLEAVED },
  },
  mmhuman3d: {
    doc: "mmhuman3d's HMR and SPIN",
    under: ["state_dict"],
    facts: { camera: "perspective-5000", ...INTERLEAVED },
    mark: "head.fc1.weight",
    renames: [
      ["backbone.", ""],
      ["head.", ""],
    ],
    ignored: ["smpl.", "body_model", "disc.", "discriminator.", "registrant."],
  },
  hmr2: {
    doc: "HMR2.0 of 4D-Humans (Goel et al. 2023)",
    under: ["state_dict"],
    facts: { camera: "perspective-5000", rotation6d: "columns-stacked", iterations: 1 },
    mark: "smpl_head.decpose.weight",
    renames: [
      ["backbone.", ""],
      ["smpl_head.init_body_pose", "init_pose"],
      ["smpl_head.init_betas", "init_shape"],
      ["smpl_head.", ""],
    ],
    ignored: ["smpl.", "discriminator.", "initialized"],
  },
  vibe: {
    doc: "VIBE or TCMR",
    under: ["gen_state_dict"],
    facts: {},
    mark: "regressor.fc1.weight",
    renames: [],
    ignored: [],
    refusal:
      "it corrects bodies over time from features that another network made; pass that network (their spin_model_checkpoint.pth.tar) instead",
  },
} as const satisfies Readonly<Record<string, CheckpointFormat>>;
export type CheckpointFormatName = keyof typeof checkpointFormats;

/** The network's name of a key of this format; undefined where the network has no use for it. */
export function keyFrom(format: CheckpointFormat, key: string): string | undefined {
  if (format.ignored.some((beginning) => key.startsWith(beginning)) || key.endsWith("num_batches_tracked"))
    return undefined;
  const rename = format.renames.find(([theirs]) => key.startsWith(theirs));
  return rename ? rename[1] + key.slice(rename[0].length) : key;
}

/** This format's name of one of the network's keys; `inHead` says in which part it is. */
export function keyTo(format: CheckpointFormat, key: string, inHead: boolean): string {
  const exact = format.renames.find(([, ours]) => ours === key);
  if (exact) return exact[0];
  const prefixes = format.renames.filter(([, ours]) => ours === "").map(([theirs]) => theirs);
  const [body = "", head = body] = prefixes;
  return (inHead ? head : body) + key;
}

/** The specification as one of another format, for writing a file as others read it. Throws OptionError where that cannot mean the same. */
export function specAs(where: string, spec: RegressorSpec, name: CheckpointFormatName): RegressorSpec {
  const { doc, facts, refusal }: CheckpointFormat = checkpointFormats[name];
  if (refusal) throw new OptionError(where, `cannot be written as a checkpoint of ${doc}`);
  for (const [key, value] of Object.entries(facts)) {
    const own = spec[key as keyof RegressorSpec];
    if (own === value) continue;
    throw new OptionError(where, `cannot be written as ${name}: it has ${key} ${own}, and ${doc} has ${value}`);
  }
  return { ...spec, origin: name };
}
