/** @file Points of the default body that other joint sets name: vertices at face, feet and fingers, and rows for their joints. */
import { type BodyPoints, EXTRA_NAMES, H36M_NAMES, PICK_NAMES } from "../joint-sets.ts";
import { JOINT_NAMES, type JointName } from "../joints.ts";
import { jointRegressor } from "./joint-regressor.ts";
import { SKELETON } from "./skeleton.ts";

type Place = readonly [x: number, y: number, z: number];

/** Where they are in the frame in which the body is built (the floor at y = 0); the right side is the mirror image. */
const PICKS: Readonly<Record<string, Place>> = {
  nose: [0, 1.572, 0.121],
  leftEye: [0.031, 1.606, 0.09],
  leftEar: [0.089, 1.595, -0.008],
  leftBigToe: [0.085, 0.017, 0.203],
  leftSmallToe: [0.15, 0.017, 0.185],
  leftHeel: [0.107, 0.034, -0.106],
  leftThumb: [0.785, 1.364, 0.077],
  leftIndex: [0.866, 1.361, 0.01],
  leftMiddle: [0.877, 1.358, -0.008],
  leftRing: [0.867, 1.361, -0.026],
  leftPinky: [0.85, 1.362, -0.043],
};

/** Joints that LSP, MPII and Human3.6M place elsewhere than the skeleton does. */
const JOINTS_OF_OTHERS: Readonly<Record<string, Place>> = {
  "lsp:leftHip": [0.1, 0.85, 0],
  "lsp:neck": [0, 1.435, -0.01],
  "lsp:headTop": [0, 1.715, -0.005],
  "mpii:pelvis": [0, 0.88, 0],
  "mpii:thorax": [0, 1.39, -0.01],
  "h36m:spine": [0, 1.15, -0.015],
  "h36m:jaw": [0, 1.53, 0.05],
  "h36m:head": [0, 1.66, 0],
};
const H36M_PLACES: Readonly<Record<string, Place | string>> = {
  spine: "h36m:spine",
  neck: "lsp:neck",
  jaw: "h36m:jaw",
  headTop: "h36m:head",
};

/** The points of a surface with these vertices [V*3]: each pick is the vertex nearest to its place. */
export function proceduralPoints(positions: Float64Array): Required<BodyPoints> {
  const h36m = H36M_NAMES.map((name) => {
    const elsewhere = H36M_PLACES[name];
    return typeof elsewhere === "string" ? placeOf(JOINTS_OF_OTHERS, elsewhere) : SKELETON[JOINT_NAMES.indexOf(name as JointName)]!; // biome-ignore format: one line
  });
  return {
    picks: Uint32Array.from(PICK_NAMES, (name) => nearest(positions, placeOf(PICKS, name))),
    extra: Float32Array.from(
      jointRegressor(
        positions,
        EXTRA_NAMES.map((name) => placeOf(JOINTS_OF_OTHERS, name)),
      ),
    ),
    h36m: Float32Array.from(jointRegressor(positions, h36m)),
  };
}

function placeOf(places: Readonly<Record<string, Place>>, name: string): Place {
  const [x, y, z] = places[name.replace("right", "left")]!;
  return name.includes("right") ? [-x, y, z] : [x, y, z];
}

function nearest(positions: Float64Array, place: Place): number {
  let best = 0;
  let least = Infinity;
  for (let v = 0; 3 * v < positions.length; v++) {
    const distance = Math.hypot(...place.map((x, axis) => positions[3 * v + axis]! - x));
    if (distance < least) [best, least] = [v, distance];
  }
  return best;
}
