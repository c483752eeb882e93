/**
 * @file Which joints of a recorded skeleton are hips, knees, shoulders and so on, told by their names (CMU, DeepMimic,
 * Mixamo, Blender, 3ds Max, SMPL) and, for trunk and neck, by where they stand in the tree.
 */
import { FormatError } from "../../src/errors.ts";
import type { BvhJoint } from "../../src/io/bvh.ts";
import { showText } from "../../src/io/show-text.ts";

/** The joints of one side as indices; -1 where the skeleton has none. */
export interface SideJoints {
  readonly thigh: number;
  readonly shin: number;
  readonly ankle: number;
  readonly toe: number;
  readonly clavicle: number;
  readonly upperArm: number;
  readonly forearm: number;
  readonly wrist: number;
  readonly hand: number;
}

/** A skeleton's joints by their part in a body. */
export interface SkeletonMatch {
  readonly pelvis: number;
  /** From below the pelvis to the joint from which both arms branch off, in order. */
  readonly spine: readonly number[];
  /** From above there to the head, in order; may be empty. */
  readonly neck: readonly number[];
  readonly left: SideJoints;
  readonly right: SideJoints;
}

/** Words for a joint, the surest first. A word that another joint may own too comes last. */
const WORDS = {
  thigh: ["upleg", "upperleg", "thigh", "femur", "hip"],
  shin: ["lowerleg", "lowleg", "shin", "calf", "tibia", "knee", "leg"],
  ankle: ["ankle", "foot"],
  toe: ["toebase", "toes", "toe", "ball", "foot"],
  upperArm: ["upperarm", "uparm", "humerus", "arm", "shoulder"],
  clavicle: ["clavicle", "collarbone", "collar", "shoulder"],
  forearm: ["forearm", "lowerarm", "lowarm", "radius", "elbow"],
  wrist: ["wrist", "hand"],
  hand: ["hand"],
} as const satisfies Record<keyof SideJoints, readonly string[]>;

/**
 * Finds the joints of a person's skeleton. Throws FormatError, beginning with `where`, where thighs, shins, upper arms or
 * forearms are not found on both sides; all else may be missing.
 */
export function matchSkeleton(joints: readonly BvhJoint[], where: string): SkeletonMatch {
  const named = joints.map(({ name }) => sidedName(name));
  const left = matchSide(named, "left");
  const right = matchSide(named, "right");
  const missing = (["thigh", "shin", "upperArm", "forearm"] as const).filter((key) => left[key] < 0 || right[key] < 0);
  if (missing.length > 0) {
    const names = showText(joints.map(({ name }) => name).join(", "), 300);
    throw new FormatError(where, `expected a person's skeleton, found no ${missing.join(", ")} among ${names}`);
  }
  const pelvis = commonAncestor(joints, left.thigh, right.thigh);
  const chest = commonAncestor(joints, left.upperArm, right.upperArm);
  const spine = pathBelow(joints, pelvis, chest);
  const head = named.findIndex(({ side, word }) => !side && word === "head");
  const top = head >= 0 ? head : named.findLastIndex(({ side, word }) => !side && word.startsWith("neck"));
  return { pelvis, spine, neck: top < 0 ? [] : pathBelow(joints, chest, top), left, right };
}

interface SidedName {
  readonly side: "left" | "right" | undefined;
  /** In small letters, without side, numbers and signs. */
  readonly word: string;
}

/** `mixamorig:LeftUpLeg`, `thigh.L`, `Bip01 R Calf`, `lfemur`, `right_hip` -> side and `upleg`, `thigh`, `calf`, ... */
function sidedName(name: string): SidedName {
  const own = name
    .split(":")
    .at(-1)!
    .replace(/^bip\d+/i, "");
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  const patterns = [
    /^[^a-z]*(left|right)|(left|right)[^a-z]*$/i,
    /(?:^|[\s_.-])([lr])(?:[\s_.-]|$)/i,
    /^([LR])(?=[A-Z])/,
    /^([lr])(?=(?:femur|tibia|foot|toes|clavicle|humerus|radius|wrist|hand)$)/,
  ];
  for (const pattern of patterns) {
    const found = pattern.exec(own);
    if (!found) continue;
    const side = letters(found[1] ?? found[2]!).startsWith("l") ? "left" : "right";
    return { side, word: letters(own.slice(0, found.index) + own.slice(found.index + found[0].length)) };
  }
  return { side: undefined, word: letters(own) };
}

function matchSide(named: readonly SidedName[], side: "left" | "right"): SideJoints {
  const taken = new Set<number>();
  const found = Object.entries(WORDS).map(([key, words]) => {
    for (const word of words) {
      const index = named.findIndex((own, i) => own.side === side && own.word === word && !taken.has(i));
      if (index < 0) continue;
      taken.add(index);
      return [key, index];
    }
    return [key, -1];
  });
  return Object.fromEntries(found);
}

function ancestors(joints: readonly BvhJoint[], index: number): number[] {
  const path: number[] = [];
  for (let j = index; j >= 0; j = joints[j]!.parent) path.push(j);
  return path;
}

function commonAncestor(joints: readonly BvhJoint[], a: number, b: number): number {
  const above = new Set(ancestors(joints, a));
  return ancestors(joints, b).find((j) => above.has(j)) ?? 0;
}

/** The joints from below `top` down to `bottom`, in that order; empty where `bottom` is not below `top`. */
function pathBelow(joints: readonly BvhJoint[], top: number, bottom: number): number[] {
  const path = ancestors(joints, bottom);
  const end = path.indexOf(top);
  return end < 0 ? [] : path.slice(0, end).reverse();
}
