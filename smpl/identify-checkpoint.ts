/** @file Whose checkpoint a file is and how well it fits, told by names and shapes alone. */
import { OptionError } from "../src/errors.ts";
import { compareShapes, type ParameterShapes, type ShapeDifferences } from "../src/nn/parameters.ts";
import { type CheckpointFormat, type CheckpointFormatName, checkpointFormats, keyFrom } from "./checkpoint-formats.ts";
import { completeSpec, type RegressorSpec, recogniseSpec, regressorShapes } from "./regressor-spec.ts";

/** What a file holds, without the values. */
export interface CheckpointKeys {
  /** The keys that lead to the state dict; none in a file that is one. */
  readonly under: readonly string[];
  readonly shapes: ParameterShapes;
  /** The header of a file of ours; others may have texts too. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What was found out about a checkpoint. */
export interface CheckpointIdentity {
  readonly format: CheckpointFormatName;
  readonly spec: RegressorSpec;
  /** The file's keys by the network's. */
  readonly keys: ReadonlyMap<string, string>;
  /** What the network lacks and what is left over, under the network's names. */
  readonly differences: ShapeDifferences;
  /** The file's keys that are known and not needed. */
  readonly dropped: readonly string[];
}

/** The buffers that hold the mean body; TexturePose's checkpoints lack them. */
export const MEAN_BODY_KEYS: readonly string[] = ["init_pose", "init_shape", "init_cam"];

/**
 * The formats that a file may be of: those whose way to the state dict it has, or all with such keys where it is a bare
 * state dict. Empty for anything that is no body regressor.
 */
export function candidateFormats({ under, shapes }: CheckpointKeys): CheckpointFormatName[] {
  const named = Object.entries<CheckpointFormat>(checkpointFormats).filter(
    ([name, { mark }]) => name !== "motioncue" && shapes.has(mark),
  );
  const exact = named.filter(([, format]) => format.under[0] === under[0]);
  return (exact.length > 0 ? exact : named).map(([name]) => name as CheckpointFormatName);
}

/**
 * What a checkpoint without a specification of ours is. `given` decides between formats that look alike, and adds what no
 * file holds. Throws OptionError where that leaves more than one camera, or contradicts what is known.
 */
export function identifyCheckpoint(
  where: string,
  file: CheckpointKeys,
  given: Partial<RegressorSpec> = {},
): CheckpointIdentity | undefined {
  const all = candidateFormats(file);
  if (all.length === 0) return undefined;
  const agreeing = all.filter((name) => {
    const { facts }: CheckpointFormat = checkpointFormats[name];
    return (given.origin ?? name) === name && (given.camera ?? facts.camera) === facts.camera;
  });
  const cameras = new Set(agreeing.map((name) => (checkpointFormats[name] as CheckpointFormat).facts.camera));
  if (cameras.size !== 1) throw new OptionError(where, undecided(all, given));
  const format = agreeing[0]!;
  const { facts, refusal }: CheckpointFormat = checkpointFormats[format];
  if (refusal) throw new OptionError(where, `a checkpoint of ${checkpointFormats[format].doc}: ${refusal}`);
  expectAgreement(where, facts, given);
  return identityOf(where, file, format, { ...given, ...facts, origin: format });
}

/** How a file fits the network of a specification; sizes that it leaves open are read off the shapes. */
export function identityOf(
  where: string,
  { shapes }: CheckpointKeys,
  format: CheckpointFormatName,
  known: Partial<RegressorSpec>,
): CheckpointIdentity {
  const keys = new Map<string, string>();
  const dropped: string[] = [];
  const ours = new Map<string, readonly number[]>();
  for (const [key, shape] of shapes) {
    const name = keyFrom(checkpointFormats[format], key);
    if (name === undefined) dropped.push(key);
    else {
      keys.set(name, key);
      ours.set(name, shape);
    }
  }
  // How many heads share a width cannot be seen, so what is known of transformers beats what was read.
  const { vit, decoder, ...seen } = recogniseSpec(ours);
  const guessed = { ...(vit ? { vit } : {}), ...(decoder ? { decoder } : {}) };
  expectAgreement(where, seen, known);
  const spec = completeSpec({ ...guessed, ...known, ...seen }, where);
  return { format, spec, keys, dropped, differences: compareShapes(regressorShapes(spec), ours) };
}

/** Throws OptionError where `asked` contradicts what `own` says of a file. */
export function expectAgreement(where: string, own: Partial<RegressorSpec>, asked: Partial<RegressorSpec>): void {
  for (const [key, value] of Object.entries(asked)) {
    const found = own[key as keyof RegressorSpec];
    if (value !== undefined && found !== undefined && JSON.stringify(found) !== JSON.stringify(value)) {
      throw new OptionError(where, `asked for ${key} ${value}, but the file has ${found}; leave ${key} out`);
    }
  }
}

function undecided(names: readonly CheckpointFormatName[], given: Partial<RegressorSpec>): string {
  const choices = names.map((name) => {
    const { doc, facts }: CheckpointFormat = checkpointFormats[name];
    return `"${facts.camera}" for ${doc}`;
  });
  if (given.camera || given.origin) {
    const asked = given.camera ? `camera ${given.camera}` : `origin ${given.origin}`;
    return `asked for ${asked}, but such a checkpoint has camera ${choices.join(" or ")}; leave it out`;
  }
  return `the file does not say how its camera projects; pass camera ${choices.join(", or ")}`;
}
