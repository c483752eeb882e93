/** @file What the joints of part templates are called in keypoint files, where names are those of a body. */

/** Which way a person is taken to look: a template's left is the picture's, a body's left the person's. */
export type Facing = "camera" | "away";

/**
 * Joints of the middle line. The template's chest is at the height of the shoulders, where bodies have their neck; its
 * neck is below the chin; its head is the middle of the head, which a skeleton's `head` (the top of the neck) is not.
 */
const MIDDLE: Readonly<Record<string, string>> = {
  pelvis: "pelvis",
  chest: "neck",
  neck: "h36m:jaw",
  head: "head-centre",
};

/** The name in keypoint files of a template's joint, such as `right-knee` for `left-knee` of one who faces the camera. */
export function keypointName(joint: string, facing: Facing): string {
  const middle = Object.hasOwn(MIDDLE, joint) ? MIDDLE[joint] : undefined;
  if (middle !== undefined) return middle;
  if (facing === "away") return joint;
  return joint.replace(/^(left|right)-/, (_, side: string) => (side === "left" ? "right-" : "left-"));
}
