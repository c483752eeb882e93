/** @file How the joints of SPIN-format data sets (OpenPose-25, and the 24-joint superset "GT-24") relate to SMPL's 24. */
import { jointSets, skeletonJoints } from "../../smpl/joint-sets.ts";
import { JOINT_COUNT, JOINTS } from "../../smpl/joints.ts";

/** SMPL joint of each OpenPose-25 point. Faces and feet are points of the skin: they have none. */
export const OPENPOSE_25_TO_SMPL: readonly number[] = skeletonJoints(jointSets["openpose-25"]);

/** SMPL joint of each of the 24 joints in the fields `part` and `S`; the hips and the pelvis are the nearest there are. */
export const GT_24_TO_SMPL: readonly number[] = skeletonJoints(jointSets["gt-24"]);

/** The SMPL joints whose mean is the root of a labelled person: both hips, which every data set has. */
export const ROOT_JOINTS: readonly number[] = [JOINTS.leftHip, JOINTS.rightHip];

/**
 * Joints [N*width] of another set, the last number of each being a confidence, as SMPL's [24*width]; joints that the set
 * does not have get zeros. Later sets overwrite earlier ones where `into` is given, joint by joint, if more confident.
 */
export function toSmplJoints(
  joints: ArrayLike<number>,
  map: readonly number[],
  width: number,
  into: Float32Array = new Float32Array(JOINT_COUNT * width),
): Float32Array {
  map.forEach((joint, i) => {
    if (joint < 0) return;
    const confidence = joints[width * i + width - 1]!;
    if (!(confidence > into[width * joint + width - 1]!)) return;
    for (let k = 0; k < width; k++) into[width * joint + k] = joints[width * i + k]!;
  });
  return into;
}

/** SMPL joints [24*width] (confidence last) as GT-24 rows; joints without a counterpart get zeros. */
export function toGt24(joints: ArrayLike<number>, width: number): Float32Array {
  const out = new Float32Array(GT_24_TO_SMPL.length * width);
  GT_24_TO_SMPL.forEach((joint, i) => {
    if (joint >= 0) for (let k = 0; k < width; k++) out[width * i + k] = joints[width * joint + k]!;
  });
  return out;
}
