/** @file The 24 joints of an SMPL body: names, tree and mirror. Rest frame: y up, the person faces +z, left is +x. */

/** Joint names in SMPL's order. */
export const JOINT_NAMES = [
  "pelvis",
  "leftHip",
  "rightHip",
  "spine1",
  "leftKnee",
  "rightKnee",
  "spine2",
  "leftAnkle",
  "rightAnkle",
  "spine3",
  "leftFoot",
  "rightFoot",
  "neck",
  "leftCollar",
  "rightCollar",
  "head",
  "leftShoulder",
  "rightShoulder",
  "leftElbow",
  "rightElbow",
  "leftWrist",
  "rightWrist",
  "leftHand",
  "rightHand",
] as const;
export type JointName = (typeof JOINT_NAMES)[number];

export const JOINT_COUNT = JOINT_NAMES.length;

/** Index of each joint by name. */
export const JOINTS = Object.fromEntries(JOINT_NAMES.map((name, i) => [name, i])) as Readonly<
  Record<JointName, number>
>;

/** Parent of each joint, -1 for the pelvis. Every parent comes before its children. */
export const PARENTS: readonly number[] = [
  -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21,
];

/** The joint on the other side of the body, or the joint itself on the middle line. */
export const MIRROR_JOINTS: readonly number[] = JOINT_NAMES.map((name) => {
  const other = name.startsWith("left") ? name.replace("left", "right") : name.replace("right", "left");
  return JOINTS[other as JointName];
});

/**
 * The mirror image of a pose: [24*9] row-major rotations of a person become those of the same person seen in a mirror
 * (left and right exchanged), R'_j = M R_mirror(j) M with M = diag(-1, 1, 1).
 */
export function mirrorRotations(rotations: ArrayLike<number>): Float32Array {
  const out = new Float32Array(9 * JOINT_COUNT);
  MIRROR_JOINTS.forEach((other, j) => {
    for (let row = 0; row < 3; row++)
      for (let column = 0; column < 3; column++) {
        const sign = (row === 0) !== (column === 0) ? -1 : 1;
        out[9 * j + 3 * row + column] = sign * rotations[9 * other + 3 * row + column]!;
      }
  });
  return out;
}
