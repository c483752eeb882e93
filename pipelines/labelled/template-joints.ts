/** @file How the joints of part templates relate to SMPL's: which of them each is on a body, and how far it can be trusted. */
import { JOINT_COUNT, JOINTS, type JointName } from "../../smpl/joints.ts";

interface Entry {
  /** SMPL joints whose mean it is, of a person who faces the camera. */
  readonly of: readonly JointName[];
  /** 0..1: how well such joints are found. */
  readonly trust: number;
}

/**
 * Trust is (3.19 / error)^2 of the errors per part that Schmidtke et al. 2021 report (shoulders 3.19, hips 3.79, knees 4.60,
 * feet 5.53, hands 7.21), elbows in between. Hips count half: where pictures show a hip is not where bodies have it.
 */
const MIDDLE: Readonly<Record<string, Entry>> = {
  pelvis: { of: ["pelvis"], trust: 0.7 },
  chest: { of: ["neck"], trust: 0.7 },
  neck: { of: ["neck", "head"], trust: 0.5 },
  head: { of: ["head"], trust: 0.2 },
};
const SIDED = { Hip: 0.35, Knee: 0.5, Ankle: 0.3, Shoulder: 1, Elbow: 0.4, Wrist: 0.2 } as const;

/** Names in templates are sides of the picture: of a person who faces the camera, `left-knee` is the right one. */
const TABLE: ReadonlyMap<string, Entry> = new Map([
  ...Object.entries(MIDDLE),
  ...Object.entries(SIDED).flatMap(([joint, trust]) =>
    (["left", "right"] as const).map((side): [string, Entry] => {
      const person = `${side === "left" ? "right" : "left"}${joint}` as JointName;
      return [`${side}-${joint.toLowerCase()}`, { of: [person], trust }];
    }),
  ),
]);

/** Joints of a template that a body has too: K of them. */
export interface TemplateJointMap {
  /** [K] names, and their places among the names that were given. */
  readonly names: readonly string[];
  readonly places: readonly number[];
  /** [K*24] each joint as weights of SMPL's, for a person who faces the camera. */
  readonly mix: Float32Array;
  /** [K] */
  readonly trust: readonly number[];
  /** [K] the joint that it is on a person who shows the back: the other side's, or itself on the middle line. */
  readonly mirror: readonly number[];
}

/** The joints among `names` (of a template) that a body has. */
export function templateJointMap(names: readonly string[]): TemplateJointMap {
  const places = names.flatMap((name, i) => (TABLE.has(name) ? [i] : []));
  const own = places.map((place) => names[place]!);
  const mix = new Float32Array(own.length * JOINT_COUNT);
  own.forEach((name, k) => {
    const { of } = TABLE.get(name)!;
    for (const joint of of) mix[k * JOINT_COUNT + JOINTS[joint]] = 1 / of.length;
  });
  const mirror = own.map((name, k) => {
    const other = own.indexOf(otherSide(name));
    return other < 0 ? k : other;
  });
  return { names: own, places, mix, trust: own.map((name) => TABLE.get(name)!.trust), mirror };
}

function otherSide(name: string): string {
  return name.replace(/^(left|right)-/, (_, side: string) => (side === "left" ? "right-" : "left-"));
}

/** Joints [K*width] of SMPL's `joints` [24*width] by the map. */
export function mixJoints(
  { mix }: Pick<TemplateJointMap, "mix">,
  joints: ArrayLike<number>,
  width: number,
): Float32Array {
  const count = mix.length / JOINT_COUNT;
  const out = new Float32Array(count * width);
  for (let k = 0; k < count; k++)
    for (let j = 0; j < JOINT_COUNT; j++) {
      const weight = mix[k * JOINT_COUNT + j]!;
      if (weight !== 0) for (let a = 0; a < width; a++) out[k * width + a]! += weight * joints[j * width + a]!;
    }
  return out;
}
