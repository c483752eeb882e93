/** @file Skin weights of the default body: smooth ramps across each joint, evened out over the surface, at most four per vertex. */
import { JOINT_COUNT, JOINTS, type JointName, MIRROR_JOINTS } from "../joints.ts";
import type { BodySurface } from "./body-surface.ts";
import { smoothOverMesh, smoothStep, vertexRings } from "./mesh-rings.ts";

const MOST_JOINTS = 4;
const SMOOTHING_ROUNDS = 5;

/** Weights [V*24]: rows sum to 1, at most four entries are not zero, the two sides mirror each other. */
export function skinWeights({ positions, faces, mirror }: BodySurface): Float64Array {
  const count = positions.length / 3;
  const raw = new Float64Array(count * JOINT_COUNT);
  for (let v = 0; v < count; v++) {
    const [x, y, z] = positions.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
    // A vertex in the middle belongs to both sides.
    const left = x === 0 ? 0.5 : Number(x > 0);
    for (const [name, weight] of leftSideWeights(Math.abs(x), y, z)) {
      raw[v * JOINT_COUNT + JOINTS[name]]! += left * weight;
      raw[v * JOINT_COUNT + MIRROR_JOINTS[JOINTS[name]]!]! += (1 - left) * weight;
    }
  }
  const smooth = smoothOverMesh(raw, JOINT_COUNT, vertexRings(count, faces), SMOOTHING_ROUNDS);
  return largestOnly(symmetric(smooth, mirror));
}

/** What the joints of the left side and the middle hold of a point with x >= 0. The shares sum to 1. */
function leftSideWeights(x: number, y: number, z: number): [JointName, number][] {
  const arm = smoothStep(0.115, 0.215, x) * smoothStep(1.27, 1.36, y);
  // The groin runs from the crotch up to the outside of the hip.
  const leg = smoothStep(-0.11, 0.1, 0.815 + 0.65 * x - y) * (1 - smoothStep(0.25, 0.3, x));
  const trunk = (1 - arm) * (1 - leg);
  return [
    ...scaled(armWeights(x), arm * (1 - leg)),
    ...scaled(legWeights(y, z), leg),
    ...scaled(trunkWeights(x, y, z), trunk),
  ];
}

function armWeights(x: number): [JointName, number][] {
  const reached = [smoothStep(0.375, 0.475, x), smoothStep(0.632, 0.71, x), smoothStep(0.725, 0.79, x)];
  return chain(["leftShoulder", "leftElbow", "leftWrist", "leftHand"], reached);
}

function legWeights(y: number, z: number): [JointName, number][] {
  const reached = [
    1 - smoothStep(0.41, 0.54, y),
    1 - smoothStep(0.05, 0.13, y - 0.25 * z),
    smoothStep(0.065, 0.125, z),
  ];
  return chain(["leftHip", "leftKnee", "leftAnkle", "leftFoot"], reached);
}

function trunkWeights(x: number, y: number, z: number): [JointName, number][] {
  // The jaw hangs lower than the nape.
  const head = smoothStep(1.475, 1.55, y + 0.45 * z);
  const neck = smoothStep(1.4, 1.475, y + 0.2 * z) * (1 - smoothStep(0.06, 0.12, x));
  const reached = [
    smoothStep(0.96, 1.1, y),
    smoothStep(1.08, 1.2, y),
    smoothStep(1.18, 1.29, y),
    Math.max(neck, head),
    head,
  ];
  const spine = chain(["pelvis", "spine1", "spine2", "spine3", "neck", "head"], reached);
  const collar = smoothStep(0.025, 0.11, x) * smoothStep(1.29, 1.38, y) * (1 - reached[3]!);
  return [...scaled(spine, 1 - collar), ["leftCollar", collar]];
}

/** Shares along a chain of joints, of which `reached` says how far beyond each but the first a point lies. */
function chain(names: readonly JointName[], reached: readonly number[]): [JointName, number][] {
  let beyond = 1;
  return names.map((name, i) => {
    const share = beyond * (1 - (reached[i] ?? 0));
    beyond *= reached[i] ?? 0;
    return [name, share];
  });
}

const scaled = (weights: readonly [JointName, number][], by: number) =>
  weights.map(([name, weight]): [JointName, number] => [name, weight * by]);

/** Keeps each vertex's largest weights, less the largest that is dropped so that nothing jumps where the choice changes. */
function largestOnly(weights: Float64Array): Float64Array {
  const out = new Float64Array(weights.length);
  for (let row = 0; row < weights.length; row += JOINT_COUNT) {
    const ranked = [...weights.subarray(row, row + JOINT_COUNT).keys()].sort(
      (a, b) => weights[row + b]! - weights[row + a]!,
    );
    const floor = weights[row + ranked[MOST_JOINTS]!]!;
    let sum = 0;
    for (const j of ranked.slice(0, MOST_JOINTS)) sum += weights[row + j]! - floor;
    for (const j of ranked.slice(0, MOST_JOINTS)) {
      const share = (weights[row + j]! - floor) / sum;
      out[row + j] = share;
    }
  }
  return out;
}

/** The mean of the weights and their mirror image, so that both sides agree exactly. */
function symmetric(weights: Float64Array, mirror: Uint32Array): Float64Array {
  return weights.map((weight, i) => {
    const joint = i % JOINT_COUNT;
    const other = mirror[(i - joint) / JOINT_COUNT]! * JOINT_COUNT + MIRROR_JOINTS[joint]!;
    return (weight + weights[other]!) / 2;
  });
}
