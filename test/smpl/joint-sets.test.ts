/** @file Joint sets against the published index lists (SPIN's constants, smplx's joint order). */
import { describe, expect, it } from "vitest";
import { type JointSet, jointSets, skeletonJoints } from "../../smpl/joint-sets.ts";
import { JOINTS, MIRROR_JOINTS } from "../../smpl/joints.ts";

const GT_FLIP = [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13, 14, 15, 16, 17, 18, 19, 21, 20, 23, 22];
const OPENPOSE_FLIP = [0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21];

describe("joint sets", () => {
  it("spin-49 holds the points of SPIN's joint map", () => {
    expect(jointSets["spin-49"].points).toEqual([
      ...[24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34],
      ...[8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27],
    ]);
    expect(jointSets["openpose-25"].points).toEqual(jointSets["spin-49"].points.slice(0, 25));
    expect(jointSets["gt-24"].points).toEqual(jointSets["spin-49"].points.slice(25));
  });

  it("flips are SPIN's", () => {
    expect(jointSets["gt-24"].mirror).toEqual(GT_FLIP);
    expect(jointSets["openpose-25"].mirror).toEqual(OPENPOSE_FLIP);
    expect(jointSets["spin-49"].mirror).toEqual([...OPENPOSE_FLIP, ...GT_FLIP.map((i) => 25 + i)]);
    expect(jointSets["smpl-24"].mirror).toEqual(MIRROR_JOINTS);
  });

  it("common-14 and h36m-14 name the same joints; h36m's indices are the published ones", () => {
    expect(jointSets["common-14"].points).toEqual([8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 53]);
    expect(jointSets["h36m-14"].names).toEqual(jointSets["common-14"].names);
    const rows = jointSets["h36m-14"].points.map((point) => point - 54);
    expect(rows).toEqual([6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]);
    expect(jointSets["h36m-17"].points).toEqual(Array.from({ length: 17 }, (_, i) => 54 + i));
    expect(jointSets["coco-17"].points).toEqual([24, 26, 25, 28, 27, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8]);
    expect(jointSets["coco-17"].mirror).toEqual([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]);
  });

  it.each(Object.entries<JointSet>(jointSets))("%s: names are unique, points exist, a flip undoes itself", (_, set) => {
    expect(new Set(set.names).size).toBe(set.names.length);
    expect(set.points.length).toBe(set.names.length);
    expect(set.points.every((point) => Number.isInteger(point) && point >= 0 && point < 71)).toBe(true);
    expect(set.mirror.map((other) => set.mirror[other])).toEqual([...set.names.keys()]);
    set.names.forEach((name, i) => expect(/left|right/.test(name)).toBe(set.mirror[i] !== i));
  });

  it("stands LSP's hips and MPII's pelvis in for the skeleton's, and nothing else", () => {
    const gt = skeletonJoints(jointSets["gt-24"]);
    expect(gt.slice(0, 4)).toEqual([JOINTS.rightAnkle, JOINTS.rightKnee, JOINTS.rightHip, JOINTS.leftHip]);
    expect(gt.slice(12)).toEqual([-1, -1, JOINTS.pelvis, ...Array.from({ length: 9 }, () => -1)]);
    expect(skeletonJoints(jointSets["openpose-25"]).slice(0, 3)).toEqual([-1, JOINTS.neck, JOINTS.rightShoulder]);
  });
});
