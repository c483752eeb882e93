/** @file A refinement's state between two steps, in one file that appears whole or not at all. */
import { createHash } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../../src/errors.ts";
import { bytesOf, type HostTensor } from "../../src/io/host-tensor.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";

const FORMAT = "motioncue-checkpoint-1";
const FILE = /^step-(\d{8})\.safetensors$/;
const WEIGHTS = "weights.";
const OPTIMISER = "optimiser.";
const TEACHER = "teacher.";
/** Two, so that one whole checkpoint is left whatever happens to the disk under the newest. */
const KEPT = 2;

/** Everything a run needs to go on as if it had not stopped: all else follows from the options and the step. */
export interface Checkpoint {
  /** Steps taken. */
  readonly step: number;
  /** The regressor's parameters under their PyTorch names. */
  readonly weights: ReadonlyMap<string, HostTensor>;
  readonly optimiser: ReadonlyMap<string, HostTensor>;
  /** The parameters of a teacher that moves; none where it stands still. */
  readonly teacher?: ReadonlyMap<string, HostTensor>;
  /** The complete options. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Digests of what the options only name: the start weights, the body, the clips. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What was measured before the first step. */
  readonly before: unknown;
}

/** Writes `<folder>/step-<step>.safetensors` and removes all but the newest two checkpoints. */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const { step, weights, optimiser, teacher, options, inputs, before } = checkpoint;
  const tensors = new Map<string, HostTensor>();
  for (const [key, tensor] of weights) tensors.set(WEIGHTS + key, tensor);
  for (const [key, tensor] of optimiser) tensors.set(OPTIMISER + key, tensor);
  for (const [key, tensor] of teacher ?? []) tensors.set(TEACHER + key, tensor);
  await mkdir(folder, { recursive: true });
  await writeSafetensors(pathOf(folder, step), tensors, {
    format: FORMAT,
    step: String(step),
    options: JSON.stringify(options),
    inputs: JSON.stringify(inputs),
    before: JSON.stringify(before),
  });
  for (const old of (await checkpointSteps(folder)).slice(0, -KEPT)) await rm(pathOf(folder, old), { force: true });
}

/** The checkpoint with the most steps in `folder`, or undefined where there is none. Throws FormatError if it is broken. */
export async function lastCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const step = (await checkpointSteps(folder)).at(-1);
  return step === undefined ? undefined : readCheckpoint(pathOf(folder, step));
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata["format"] !== FORMAT)
    throw new FormatError(path, `expected a checkpoint (${FORMAT}), got ${metadata["format"] ?? "another file"}`);
  const json = (name: string): unknown => {
    try {
      return JSON.parse(metadata[name] ?? "");
    } catch {
      throw new FormatError(path, `expected a checkpoint with "${name}" in its header, found none; delete the file`);
    }
  };
  const teacher = withPrefix(tensors, TEACHER);
  return {
    step: Number(metadata["step"]),
    weights: withPrefix(tensors, WEIGHTS),
    optimiser: withPrefix(tensors, OPTIMISER),
    ...(teacher.size > 0 ? { teacher } : {}),
    options: json("options") as Record<string, unknown>,
    inputs: json("inputs") as Record<string, string>,
    before: json("before"),
  };
}

/** A digest of named tensors: of names, types, shapes and every bit. */
export function tensorDigest(tensors: Iterable<readonly [string, HostTensor]>): string {
  const hash = createHash("sha256");
  for (const [name, { dtype, shape, data }] of tensors)
    hash.update(`${name}:${dtype}:${shape.join()};`).update(bytesOf(data));
  return hash.digest("hex");
}

async function checkpointSteps(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => FILE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

function pathOf(folder: string, step: number): string {
  return join(folder, `step-${String(step).padStart(8, "0")}.safetensors`);
}

function withPrefix(tensors: ReadonlyMap<string, HostTensor>, prefix: string): Map<string, HostTensor> {
  const own = [...tensors].filter(([key]) => key.startsWith(prefix));
  return new Map(own.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
}
