/** @file How the joints of SPIN-format data sets (OpenPose-25, and the 24-joint superset "GT-24") relate to SMPL's 24. */
import { JOINT_COUNT, JOINTS } from "../../smpl/joints.ts";

const J = JOINTS;
const NONE = -1;

/**
 * SMPL joint of each OpenPose-25 point (nose, neck, right arm, left arm, mid hip, right leg, left leg, face, feet). Faces
 * and feet are points of the skin, which a body of any vertex count does not name: they have none.
 */
export const OPENPOSE_25_TO_SMPL: readonly number[] = [
  NONE,
  J.neck,
  J.rightShoulder,
  J.rightElbow,
  J.rightWrist,
  J.leftShoulder,
  J.leftElbow,
  J.leftWrist,
  J.pelvis,
  J.rightHip,
  J.rightKnee,
  J.rightAnkle,
  J.leftHip,
  J.leftKnee,
  J.leftAnkle,
  ...Array.from({ length: 10 }, () => NONE),
];

/**
 * SMPL joint of each of the 24 joints in the fields `part` and `S`: LSP's 14 joints, then pelvis, thorax, spine, jaw, head
 * and face. LSP's hips and MPII's pelvis lie a few centimetres off SMPL's; they stand for them, as the nearest there are.
 */
export const GT_24_TO_SMPL: readonly number[] = [
  J.rightAnkle,
  J.rightKnee,
  J.rightHip,
  J.leftHip,
  J.leftKnee,
  J.leftAnkle,
  J.rightWrist,
  J.rightElbow,
  J.rightShoulder,
  J.leftShoulder,
  J.leftElbow,
  J.leftWrist,
  ...[NONE, NONE],
  J.pelvis,
  ...Array.from({ length: 9 }, () => NONE),
];

/** The SMPL joints whose mean is the root of a labelled person: both hips, which every data set has. */
export const ROOT_JOINTS: readonly number[] = [J.leftHip, J.rightHip];

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
