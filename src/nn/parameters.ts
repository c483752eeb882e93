/** @file Named weights of a network: tfjs variables under their PyTorch names, read from and written to PyTorch's layout. */
import { type Tensor, tf, type Variable } from "../engine/tf.ts";
import { FormatError, MotionCueError } from "../errors.ts";
import { elementCount, type HostTensor, toFloat32 } from "../io/host-tensor.ts";

/** Weights and buffers by PyTorch key. Convolutions are stored HWIO, linear weights [in,out], all else as in PyTorch. */
export type Parameters = Map<string, Variable>;
/** Shapes by key, in PyTorch's layout (convolution OIHW, linear [out,in]). */
export type ParameterShapes = ReadonlyMap<string, readonly number[]>;

const BUFFER = /(^|\.)(running_mean|running_var|init_pose|init_shape|init_cam)$/;

/** The variable under `key`; throws MotionCueError where the network has none. */
export function parameter(parameters: Parameters, key: string): Variable {
  const found = parameters.get(key);
  if (!found) throw new MotionCueError("network", `expected a parameter "${key}", got none under that name`);
  return found;
}

/** Variables made from host tensors in PyTorch's layout. Running statistics and `init_*` buffers are not trainable. */
export function parametersFromHost(tensors: ReadonlyMap<string, HostTensor>): Parameters {
  const parameters: Parameters = new Map();
  for (const [key, host] of tensors) {
    const value = tensorFromHost(key, host);
    parameters.set(key, tf.variable(value, !BUFFER.test(key)));
    value.dispose();
  }
  return parameters;
}

/** Host copies (float32) of tensors by parameter key, in PyTorch's layout. Also serves gradients and optimiser moments. */
export async function parametersToHost(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, HostTensor>> {
  const result = new Map<string, HostTensor>();
  for (const [key, tensor] of tensors) {
    const original = tf.tidy(() => tf.transpose(tensor, toPyTorch(key, tensor.rank)));
    const data = new Float32Array(await original.data<"float32">());
    result.set(key, { dtype: "float32", shape: original.shape, data });
    original.dispose();
  }
  return result;
}

/** One tensor in tfjs's layout from a host tensor in PyTorch's; the transposition is a view where the engine has views. */
export function tensorFromHost(key: string, host: HostTensor): Tensor {
  return tf.tidy(() => {
    const original = tf.tensor(toFloat32(host), [...host.shape], "float32");
    if (!isWeight(key) || original.rank !== 4) return tf.transpose(original, toTfjs(key, original.rank));
    // In memory by output, row, column, input: the order that convolutions on such engines read and give gradients in.
    const byOutput = tf.transpose(original, [0, 2, 3, 1]);
    const laidOut = tf.reshape(tf.reshape(byOutput, [-1]), byOutput.shape);
    return tf.transpose(laidOut, [1, 2, 3, 0]);
  });
}

/** The trainable part of `parameters`, without buffers. */
export function trainable(parameters: Parameters): Parameters {
  return new Map([...parameters].filter(([, variable]) => variable.trainable));
}

/** Copies of all variables, independent of the originals. */
export function copyParameters(parameters: Parameters): Parameters {
  return new Map(
    [...parameters].map(([key, value]) => [key, tf.tidy(() => tf.variable(tf.clone(value), value.trainable))]),
  );
}

/** Gives every variable its value from `tensors` (PyTorch layout). Keys and shapes must agree, as in matchParameters. */
export function assignFromHost(parameters: Parameters, tensors: ReadonlyMap<string, HostTensor>, where: string): void {
  const shapes = new Map([...parameters].map(([key, variable]) => [key, pyTorchShape(key, variable.shape)]));
  for (const [key, host] of matchParameters(where, shapes, tensors)) {
    tf.tidy(() => parameter(parameters, key).assign(tensorFromHost(key, host)));
  }
}

/** Frees all variables. */
export function disposeParameters(parameters: Parameters): void {
  for (const variable of parameters.values()) variable.dispose();
  parameters.clear();
}

/** The number of scalars in all shapes. */
export function countScalars(shapes: ParameterShapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + elementCount(shape), 0);
}

/** Where tensors differ from what a network needs. */
export interface ShapeDifferences {
  readonly missing: readonly string[];
  readonly unused: readonly string[];
  /** `key [found], not [needed]`. */
  readonly misshapen: readonly string[];
}

/** What a network with shapes `needed` lacks in `found`, and what is left over; `num_batches_tracked` counters do not count. */
export function compareShapes(needed: ParameterShapes, found: ParameterShapes): ShapeDifferences {
  const shared = [...needed].filter(([key]) => found.has(key));
  return {
    missing: [...needed.keys()].filter((key) => !found.has(key)),
    unused: [...found.keys()].filter((key) => !needed.has(key) && !key.endsWith("num_batches_tracked")),
    misshapen: shared
      .filter(([key, shape]) => found.get(key)!.join() !== shape.join())
      .map(([key, shape]) => `${key} [${found.get(key)!.join(",")}], not [${shape.join(",")}]`),
  };
}

/** Throws FormatError, beginning with `where`, that lists the differences, if there are any. */
export function expectNoDifference(where: string, { missing, unused, misshapen }: ShapeDifferences): void {
  const problems = [listed("missing", missing), listed("unused", unused), listed("of another shape", misshapen)];
  const found = problems.filter(Boolean).join("; ");
  if (found)
    throw new FormatError(
      where,
      `expected the weights of this network, got others (${found}); pass a file made for it`,
    );
}

/**
 * The tensors that a network with `shapes` needs, in the order of `shapes`. Throws FormatError that lists missing keys,
 * unused keys and wrong shapes; `num_batches_tracked` counters are dropped silently.
 */
export function matchParameters(
  where: string,
  shapes: ParameterShapes,
  tensors: ReadonlyMap<string, HostTensor>,
): Map<string, HostTensor> {
  expectNoDifference(where, compareShapes(shapes, new Map([...tensors].map(([key, { shape }]) => [key, shape]))));
  return new Map([...shapes.keys()].map((key) => [key, tensors.get(key)!]));
}

/** Longer lists are cut: a file of another network would fill the screen. `motioncue inspect` lists them whole. */
const MOST_LISTED = 40;

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "";
  return `${what}: ${names.slice(0, MOST_LISTED).join(", ")}${more}`;
}

function isWeight(key: string): boolean {
  return key === "weight" || key.endsWith(".weight");
}

function toTfjs(key: string, rank: number): number[] {
  if (isWeight(key) && rank === 4) return [2, 3, 1, 0];
  return isWeight(key) && rank === 2 ? [1, 0] : Array.from({ length: rank }, (_, axis) => axis);
}

function toPyTorch(key: string, rank: number): number[] {
  return isWeight(key) && rank === 4 ? [3, 2, 0, 1] : toTfjs(key, rank);
}

function pyTorchShape(key: string, shape: readonly number[]): number[] {
  return toPyTorch(key, shape.length).map((axis) => shape[axis]!);
}
