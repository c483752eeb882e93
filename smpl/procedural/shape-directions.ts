/** @file The ten betas of the default body: bones that grow longer or thicker, and forms that swell. One unit is one standard deviation. */
import { JOINT_COUNT, JOINT_NAMES, type JointName, PARENTS } from "../joints.ts";
import type { BodySurface } from "./body-surface.ts";
import { smoothOverMesh, vertexNormals, vertexRings } from "./mesh-rings.ts";
import { SKELETON } from "./skeleton.ts";

/** Relative growth per unit of what hangs on a joint, along x, y and z of the rest pose. */
type Growth = readonly [number, number, number];

/** A swelling along the surface's normal: a Gaussian about a point, mirrored to the other side. */
interface Swelling {
  readonly at: readonly [number, number, number];
  /** Standard deviation along x, y and z, metres. */
  readonly spread: readonly [number, number, number];
  /** Metres per unit at the centre. */
  readonly height: number;
}

interface BetaSpec {
  readonly name: string;
  /** By the joint's name on the left side or in the middle; both sides grow alike. */
  readonly growth: Partial<Record<JointName, Growth>>;
  /** Whether growth also carries the joints further out (bones) or leaves them where they are (flesh). */
  readonly moves: "bones" | "flesh";
  readonly swellings?: readonly Swelling[];
}

const every = (names: readonly JointName[], growth: Growth) => Object.fromEntries(names.map((name) => [name, growth]));
const LEFT_AND_MIDDLE = JOINT_NAMES.filter((name) => !name.startsWith("right"));
const BACK: readonly JointName[] = ["pelvis", "spine1", "spine2", "spine3"];

/** The betas in order. */
const BETAS: readonly BetaSpec[] = [
  { name: "height", moves: "bones", growth: every(LEFT_AND_MIDDLE, [0.033, 0.033, 0.033]) },
  {
    name: "weight",
    moves: "flesh",
    growth: {
      ...every(BACK, [0.095, 0, 0.12]),
      ...every(["leftHip"], [0.11, 0, 0.11]),
      ...every(["leftKnee"], [0.075, 0, 0.075]),
      ...every(["leftShoulder"], [0, 0.12, 0.12]),
      ...every(["leftElbow"], [0, 0.075, 0.075]),
      leftCollar: [0.03, 0.07, 0.09],
      neck: [0.08, 0, 0.08],
      head: [0.025, 0, 0.018],
    },
    swellings: [{ at: [0, 1.04, 0.1], spread: [0.1, 0.09, 0.08], height: 0.01 }],
  },
  {
    name: "leg length",
    moves: "bones",
    growth: every(["leftHip", "leftKnee"], [0, 0.04, 0]),
  },
  { name: "arm length", moves: "bones", growth: every(["leftShoulder", "leftElbow"], [0.04, 0, 0]) },
  {
    name: "shoulder width",
    moves: "bones",
    growth: { spine3: [0.06, 0, 0.015], leftCollar: [0.085, 0, 0], spine2: [0.025, 0, 0] },
  },
  {
    name: "hip width",
    moves: "bones",
    growth: { pelvis: [0.075, 0, 0.035], leftHip: [0.055, 0, 0.04] },
  },
  { name: "torso length", moves: "bones", growth: every(["pelvis", "spine1", "spine2", "spine3"], [0, 0.035, 0]) },
  { name: "head size", moves: "bones", growth: { head: [0.04, 0.04, 0.04], neck: [0.02, 0.02, 0.02] } },
  {
    name: "muscle",
    moves: "flesh",
    growth: {
      ...every(["leftShoulder"], [0, 0.09, 0.085]),
      ...every(["leftElbow"], [0, 0.06, 0.06]),
      ...every(["leftHip"], [0.05, 0, 0.055]),
      ...every(["leftKnee"], [0.05, 0, 0.055]),
      ...every(["spine1"], [-0.025, 0, -0.03]),
      ...every(["spine3"], [0.05, 0, 0.03]),
      neck: [0.085, 0, 0.075],
    },
    swellings: [
      { at: [0.08, 1.3, 0.1], spread: [0.06, 0.05, 0.06], height: 0.009 },
      { at: [0.19, 1.42, -0.02], spread: [0.05, 0.05, 0.06], height: 0.009 },
      { at: [0.08, 1.42, -0.06], spread: [0.06, 0.04, 0.05], height: 0.006 },
      { at: [0.1, 0.36, -0.07], spread: [0.06, 0.06, 0.05], height: 0.004 },
    ],
  },
  {
    name: "belly",
    moves: "flesh",
    growth: { spine1: [0.02, 0, 0.01] },
    swellings: [{ at: [0, 1.06, 0.1], spread: [0.1, 0.1, 0.07], height: 0.019 }],
  },
];

/** The betas' names, in order. */
export const BETA_NAMES: readonly string[] = BETAS.map((beta) => beta.name);

const SMOOTHING_ROUNDS = 4;

/** Directions [V*3*10] in metres per unit: skin weights carry each bone's growth to the vertices, smoothed over the surface. */
export function shapeDirections(surface: BodySurface, weights: Float64Array): Float64Array {
  const { positions, faces } = surface;
  const count = positions.length / 3;
  const normals = vertexNormals(positions, faces);
  const rings = vertexRings(count, faces);
  const out = new Float64Array(count * 3 * BETAS.length);
  BETAS.forEach((beta, k) => {
    const moved = new Float64Array(3 * count);
    const growth = JOINT_NAMES.map(
      (name): Growth => beta.growth[name.replace("right", "left") as JointName] ?? [0, 0, 0],
    );
    const joints = beta.moves === "bones" ? jointShifts(growth) : SKELETON.map(() => [0, 0, 0]);
    for (let v = 0; v < count; v++)
      for (let a = 0; a < 3; a++)
        for (let j = 0; j < JOINT_COUNT; j++) {
          const weight = weights[v * JOINT_COUNT + j]!;
          if (weight > 0)
            moved[3 * v + a]! +=
              weight * (joints[j]![a]! + growth[j]![a]! * (positions[3 * v + a]! - SKELETON[j]![a]!));
        }
    for (const swelling of beta.swellings ?? []) swell(moved, positions, normals, swelling);
    smoothOverMesh(moved, 3, rings, SMOOTHING_ROUNDS).forEach((value, i) => {
      out[i * BETAS.length + k] = value;
    });
  });
  return out;
}

/** How far each joint moves when its ancestors' segments grow; the pelvis stays. */
function jointShifts(growth: readonly Growth[]): number[][] {
  const shifts: number[][] = [[0, 0, 0]];
  for (let j = 1; j < JOINT_COUNT; j++) {
    const parent = PARENTS[j]!;
    shifts.push(
      [0, 1, 2].map((a) => shifts[parent]![a]! + growth[parent]![a]! * (SKELETON[j]![a]! - SKELETON[parent]![a]!)),
    );
  }
  return shifts;
}

function swell(
  moved: Float64Array,
  positions: Float64Array,
  normals: Float64Array,
  { at, spread, height }: Swelling,
): void {
  for (let v = 0; v < positions.length; v += 3) {
    const distance =
      ((Math.abs(positions[v]!) - at[0]) / spread[0]) ** 2 +
      ((positions[v + 1]! - at[1]) / spread[1]) ** 2 +
      ((positions[v + 2]! - at[2]) / spread[2]) ** 2;
    const amount = height * Math.exp(-distance / 2);
    for (let a = 0; a < 3; a++) moved[v + a]! += amount * normals[v + a]!;
  }
}
