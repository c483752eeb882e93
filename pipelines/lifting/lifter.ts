/** @file A lifter: 2D joints of a template to a skeleton, whatever the size of the pose and, if so made, whichever its sides. */
import { type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { FormatError } from "../../src/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { initialValues } from "../../src/nn/init.ts";
import { assignFromHost, disposeParameters, type Parameters, parametersFromHost, parametersToHost } from "../../src/nn/parameters.ts"; // biome-ignore format: one line
import { type PoseNetMode, poseNet, poseNetShapes } from "../../templates/nets/pose-net.ts";
import { templateJointMap } from "../labelled/template-joints.ts";
import { crossedSides, exchangeSides, jointSides, liftPoints, sizeOfPoints } from "./reprojection.ts";

/** What a lifter is. */
export interface LifterSpec {
  /** [J] names of part templates' joints; the first is the root. */
  readonly joints: readonly string[];
  readonly width: number;
  readonly blocks: number;
  /** `points`: places in space, as in Martinez et al. 2017; `depths`: one depth on the ray of each point, as in Chen et al. 2019. */
  readonly output: "points" | "depths";
  /** `person`: left and right joints are known to be the person's; `picture`: they are sides of the picture, as templates see them. */
  readonly sides: "person" | "picture";
  /** -1 turns all depths round: without labels, only a second thought tells front from back. */
  readonly depthSign: 1 | -1;
}

export interface Lifter {
  readonly spec: LifterSpec;
  readonly parameters: Parameters;
  /**
   * Skeletons [B,J,3] relative to the root, of points [B,J,2] whose root is at 0: x right, y down, z away from the camera. In
   * the unit in which points in normal form belong to skeletons of about unit size; points twice as large give skeletons twice as large.
   */
  lift(points: Tensor3D, mode?: PoseNetMode): Tensor3D;
  dispose(): void;
}

/** Names of a lifter's parameters begin with this. */
const PREFIX = "lifter";
const FORMAT = "motioncue-lifter-1";
/** Depths begin small: a flat skeleton that turns into a line is what the critic complains of first. */
const FIRST_OUTPUT = 0.1;

/** A new lifter with first weights by `seed`. */
export function createLifter(spec: LifterSpec, seed: number): Lifter {
  const shapes = poseNetShapes(PREFIX, netOf(spec));
  const gain = (key: string) => (key === `${PREFIX}.end.weight` ? FIRST_OUTPUT : 1);
  return lifterOf(spec, parametersFromHost(initialValues(shapes, seed, gain)));
}

/** The same lifter, with the same parameters, whose depths have that sign. */
export function withDepthSign({ spec, parameters }: Lifter, depthSign: 1 | -1): Lifter {
  return lifterOf({ ...spec, depthSign }, parameters);
}

function netOf({ joints, output, width, blocks }: LifterSpec) {
  return {
    inputs: 2 * joints.length,
    outputs: (output === "points" ? 3 : 1) * joints.length,
    width,
    blocks,
    norm: true,
  };
}

function lifterOf(spec: LifterSpec, parameters: Parameters): Lifter {
  const joints = spec.joints.length;
  const net = netOf(spec);
  const sides = jointSides(spec.joints, templateJointMap(spec.joints).mirror);
  const run = (points: Tensor3D, mode: PoseNetMode): Tensor3D => {
    const [batch] = points.shape;
    const size = sizeOfPoints(points);
    const flat = tf.reshape(tf.div(points, size), [batch, 2 * joints]) as Tensor2D;
    const found = poseNet(parameters, PREFIX, net, flat, mode);
    const values = tf.mul(tf.reshape(found, [batch, joints, net.outputs / joints]), size) as Tensor3D;
    // The root stays where it is.
    return tf.sub(values, tf.slice(values, [0, 0, 0], [-1, 1, -1])) as Tensor3D;
  };
  return {
    spec,
    parameters,
    lift: (points, mode = { norm: "frozen" }) =>
      tf.tidy(() => {
        const crossed = spec.sides === "picture" ? crossedSides(points, sides) : undefined;
        const seen = crossed ? exchangeSides(points, crossed, sides) : points;
        const found = run(seen, mode);
        const lifted =
          spec.output === "points"
            ? tf.mul(found, tf.tensor1d([1, 1, spec.depthSign]))
            : fromDepths(seen, tf.mul(tf.squeeze(found, [2]), spec.depthSign) as Tensor2D);
        return crossed ? exchangeSides(lifted as Tensor3D, crossed, sides) : (lifted as Tensor3D);
      }),
    dispose: () => disposeParameters(parameters),
  };
}

function fromDepths(points: Tensor3D, depths: Tensor2D): Tensor3D {
  const placed = liftPoints(points, depths);
  return tf.sub(placed, tf.slice(placed, [0, 0, 0], [-1, 1, -1])) as Tensor3D;
}

/** Writes a lifter; `metresPerUnit` is the mean of its training poses, `extra` goes into the header too. */
export async function saveLifter(
  path: string,
  { spec, parameters }: Lifter,
  metresPerUnit: number,
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header = { ...extra, format: FORMAT, spec: JSON.stringify(spec), metresPerUnit: String(metresPerUnit) };
  await writeSafetensors(path, await parametersToHost(parameters), header);
}

/** A lifter from its file, and the metres that a unit of its skeletons usually has. Throws FormatError. */
export async function loadLifter(path: string): Promise<{ readonly lifter: Lifter; readonly metresPerUnit: number }> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata["format"] !== FORMAT)
    throw new FormatError(path, `expected a lifter (${FORMAT}), got ${metadata["format"] ?? "another file"}; motioncue lift train makes one`); // biome-ignore format: one line
  const lifter = createLifter(readSpec(path, metadata["spec"]), 0);
  try {
    assignFromHost(lifter.parameters, tensors, path);
  } catch (error) {
    lifter.dispose();
    throw error;
  }
  return { lifter, metresPerUnit: Number(metadata["metresPerUnit"]) };
}

const MOST_JOINTS = 256;
const MOST_WIDTH = 8192;
const MOST_BLOCKS = 32;

function readSpec(path: string, text: string | undefined): LifterSpec {
  const fail = (): never => {
    throw new FormatError(path, "expected a lifter's spec in the header, got something else");
  };
  let spec: Partial<LifterSpec> = {};
  try {
    spec = JSON.parse(text ?? "") as Partial<LifterSpec>;
  } catch {
    fail();
  }
  const within = (value: unknown, most: number) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most; // biome-ignore format: one line
  const { joints, width, blocks, output, sides, depthSign } = spec ?? fail();
  const named =
    Array.isArray(joints) && joints.length <= MOST_JOINTS && joints.every((name) => typeof name === "string");
  const chosen = ["points", "depths"].includes(output!) && ["person", "picture"].includes(sides!);
  if (!named || joints.length < 2 || !chosen || !within(width, MOST_WIDTH) || !within(blocks, MOST_BLOCKS))
    return fail();
  if (depthSign !== 1 && depthSign !== -1) return fail();
  return spec as LifterSpec;
}
