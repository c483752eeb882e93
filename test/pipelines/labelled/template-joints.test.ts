import { expect, test } from "vitest";
import { mixJoints, templateJointMap } from "../../../pipelines/labelled/template-joints.ts";
import { JOINT_NAMES, JOINTS } from "../../../smpl/joints.ts";
import { loadTemplate } from "../../../templates/part-template.ts";

test("joints are found by name: sides of the picture are the other sides of a person who faces the camera", () => {
  const map = templateJointMap(["point-0", "left-knee", "neck", "right-knee", "left-shoulder"]);
  expect(map.names).toEqual(["left-knee", "neck", "right-knee", "left-shoulder"]);
  expect(map.places).toEqual([1, 2, 3, 4]);
  // A shoulder without its other side stays itself.
  expect(map.mirror).toEqual([2, 1, 0, 3]);
  expect(map.trust).toEqual([0.5, 0.5, 0.5, 1]);
  // Joint j at (j, 100 + j).
  const joints = JOINT_NAMES.flatMap((_, j) => [j, 100 + j]);
  const { rightKnee, neck, head, leftKnee, rightShoulder } = JOINTS;
  const between = (neck + head) / 2;
  const expected = [rightKnee, between, leftKnee, rightShoulder].flatMap((j) => [j, 100 + j]);
  expect([...mixJoints(map, joints, 2)]).toEqual(expected);
});

test("all joints of the shipped templates are known, and mirror each other", () => {
  for (const name of ["arms-out", "arms-down"]) {
    const { joints } = loadTemplate(name);
    const map = templateJointMap(joints.map((joint) => joint.name));
    expect(map.names).toHaveLength(15);
    map.mirror.forEach((other, k) => {
      expect(map.mirror[other]).toBe(k);
      expect(map.names[other]).toBe(
        map.names[k]!.replace(/left|right/, (side) => (side === "left" ? "right" : "left")),
      );
    });
    for (let k = 0; k < 15; k++) {
      const row = map.mix.subarray(24 * k, 24 * k + 24);
      expect(row.reduce((sum, x) => sum + x, 0)).toBe(1);
    }
  }
});
