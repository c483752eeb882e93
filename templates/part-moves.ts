/** @file From a network's numbers to the matrices that move the parts: one step or coarse to fine, free or constrained. */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { affineFromRaw, composeAffine, transformPoints } from "./affine.ts";
import { boundedStretch } from "./body-place.ts";
import { type PartTemplate, partIndex, templateJoints } from "./part-template.ts";

/** What the matrices may be. */
export interface MoveSpec {
  /** `two`: whole arms first, then their pieces (Yoo and Russakovsky 2023). */
  readonly steps: "one" | "two";
  /**
   * `free`: all affine maps; `constrained`: identity + [R S | R t] with one scale S for the body, as released; `rigid`:
   * [R S | R t] itself, S near 1 and in the first step only, so that lengths are kept.
   */
  readonly matrices: "free" | "constrained" | "rigid";
  /**
   * `still`: parts only move by themselves, as published; `moves`: the body that they make up is then turned, stretched
   * along the picture's axes and put elsewhere as a whole (ours), so that parts need not learn to go together.
   */
  readonly body: "still" | "moves";
  /** What the maps turn and scale about: the picture's `corner` as published, or each part's own `joint` (its first anchor). */
  readonly pivot: "corner" | "joint";
}

/** The moves of a batch. */
export interface PartMoves {
  /** Matrices [B,K,2,3] of each step, in order. */
  readonly steps: readonly Tensor4D[];
  /** Those steps in which parts move by themselves. */
  readonly own: readonly Tensor4D[];
  /** Matrices [B,K,2,3] from the template to where the parts are after each step; the last is the whole move. */
  readonly reached: readonly Tensor4D[];
}

/** Which matrix each part takes, and which part's joint it turns about. */
interface Assignment {
  readonly matrix: readonly number[];
  readonly pivotPart: readonly number[];
}

interface Assignments {
  readonly first: Assignment;
  /** Matrix of each part in the second step, -1 where it stays. */
  readonly second?: readonly number[];
  readonly count: number;
}

function assignments(template: PartTemplate, steps: MoveSpec["steps"]): Assignments {
  const parts = template.parts.map((_, i) => i);
  if (steps === "one") return { first: { matrix: parts, pivotPart: parts }, count: parts.length };
  const arms = ["left", "right"].map((side) =>
    ["arm", "forearm", "hand"].map((piece) => partIndex(template, `${side}-${piece}`)),
  );
  const pivotPart = parts.map((part) => arms.find((arm) => arm.includes(part))?.[0] ?? part);
  const movers = parts.filter((part) => pivotPart[part] === part);
  const pieces = arms.flat();
  return {
    first: { matrix: pivotPart.map((part) => movers.indexOf(part)), pivotPart },
    second: parts.map((part) => (pieces.includes(part) ? movers.length + pieces.indexOf(part) : -1)),
    count: movers.length + pieces.length,
  };
}

/** Turn, logarithms of the stretch in x and y, shift in x and y in picture sides: the last numbers where bodies move. */
export const BODY_NUMBERS = 5;

/** How many numbers a network must give for `template`: 108 or 120 free ones, 56 or 62 constrained ones with 18 parts; 5 more for a body that moves. */
export function moveNumbers(template: PartTemplate, { steps, matrices, body }: MoveSpec): number {
  const { count } = assignments(template, steps);
  return (matrices === "free" ? 6 * count : 3 * count + 2) + (body === "moves" ? BODY_NUMBERS : 0);
}

/**
 * The moves that numbers [B,N] stand for, in a picture of `size`; N is `moveNumbers`. All parts stay where they are when
 * all numbers are 0. Call it in a tidy.
 */
export function partMoves(numbers: Tensor2D, template: PartTemplate, size: number, spec: MoveSpec): PartMoves {
  if (spec.body === "still") return ownMoves(numbers, template, size, spec);
  const count = moveNumbers(template, spec);
  const own = ownMoves(tf.slice(numbers, [0, 0], [-1, count - BODY_NUMBERS]), template, size, spec);
  const whole = wholeMove(tf.slice(numbers, [0, count - BODY_NUMBERS], [-1, BODY_NUMBERS]), template, size);
  const parts = tf.tile(whole, [1, template.parts.length, 1, 1]) as Tensor4D;
  const reached = own.reached.map((matrices) => composeAffine(parts, matrices));
  return { steps: [...own.steps, parts], own: own.own, reached };
}

/** [B,1,2,3] one map for the whole body, about the middle of its joints. */
function wholeMove(numbers: Tensor2D, template: PartTemplate, size: number): Tensor4D {
  const [angle, wide, high, x, y] = tf.unstack(numbers, 1) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  const [across, along] = [tf.exp(boundedStretch(wide)), tf.exp(boundedStretch(high))];
  const rows = [
    [tf.sub(tf.mul(cos, across), 1), tf.neg(tf.mul(sin, along)), x],
    [tf.mul(sin, across), tf.sub(tf.mul(cos, along), 1), y],
  ];
  const raw = tf.reshape(tf.stack(rows.flat(), 1), [-1, 1, 2, 3]) as Tensor4D;
  const joints = templateJoints(template, size);
  const middle = [0, 1].map((axis) => joints.reduce((sum, joint) => sum + joint[axis]!, 0) / joints.length);
  return affineFromRaw(raw, size, tf.tensor3d([[middle]]));
}

function ownMoves(numbers: Tensor2D, template: PartTemplate, size: number, spec: MoveSpec): PartMoves {
  const { first, second, count } = assignments(template, spec.steps);
  const scale = size / template.canvas;
  const joint = (part: number): readonly [number, number] => {
    const [x, y] = template.anchors.find((anchor) => anchor.part === part)!.point;
    return [scale * x, scale * y];
  };
  const take = (raw: Tensor4D, index: readonly number[]) => tf.gather(raw, tf.tensor1d([...index], "int32"), 1);
  const coarse = take(rawMatrices(numbers, count, spec.matrices, true), first.matrix);
  const pivots = spec.pivot === "joint" ? tf.tensor3d([first.pivotPart.map((part) => [...joint(part)])]) : undefined;
  const once = affineFromRaw(coarse, size, pivots);
  if (!second) return { steps: [once], own: [once], reached: [once] };

  const moving = tf.tensor4d(second.map((index) => (index < 0 ? 0 : 1)), [1, second.length, 1, 1]); // biome-ignore format: one thought
  const fine = take(rawMatrices(numbers, count, spec.matrices, false), second.map((index) => Math.max(0, index))); // biome-ignore format: one thought
  const parts = template.parts.map((_, part) => part);
  const moved = spec.pivot === "joint" ? transformPoints(once, parts.map(joint), parts) : undefined;
  const twice = affineFromRaw(tf.mul(fine, moving), size, moved);
  return { steps: [once, twice], own: [once, twice], reached: [once, composeAffine(twice, once)] };
}

/** What is added to the identity, [B,count,2,3]; the translation is in picture sides. */
function rawMatrices(numbers: Tensor2D, count: number, matrices: MoveSpec["matrices"], coarse: boolean): Tensor4D {
  const batch = numbers.shape[0];
  if (matrices === "free") return tf.reshape(numbers, [batch, count, 2, 3]);
  const own = tf.reshape(tf.slice(numbers, [0, 0], [-1, 3 * count]), [batch, count, 3]) as Tensor3D;
  const given = tf.reshape(tf.slice(numbers, [0, 3 * count], [-1, 2]), [batch, 1, 1, 2]);
  const [angle, x, y] = tf.unstack(own, 2) as [Tensor, Tensor, Tensor];
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  const rotation = tf.reshape(tf.stack([cos, sin, tf.neg(sin), cos], 2), [batch, count, 2, 2]);
  const shift = tf.stack([tf.add(tf.mul(cos, x), tf.mul(sin, y)), tf.sub(tf.mul(cos, y), tf.mul(sin, x))], 2);
  const column = tf.reshape(shift, [batch, count, 2, 1]);
  if (matrices === "constrained") return tf.concat([tf.mul(rotation, given), column], 3) as Tensor4D;
  const scaled = coarse ? tf.mul(rotation, tf.add(given, 1)) : rotation;
  return tf.concat([tf.sub(scaled, tf.eye(2)), column], 3) as Tensor4D;
}
