import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { transformPoints } from "../../templates/affine.ts";
import { jointsFromAnchors } from "../../templates/part-losses.ts";
import { type MoveSpec, moveNumbers, partMoves } from "../../templates/part-moves.ts";
import { loadTemplate, partIndex, templateJoints } from "../../templates/part-template.ts";
import { unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

const template = loadTemplate("arms-down");
const anchorsAt = (matrices: Tensor4D, of = template) =>
  transformPoints(
    matrices,
    of.anchors.map(({ point }) => point),
    of.anchors.map(({ part }) => part),
  );
const numbersOf = (key: string, spec: MoveSpec, share: number) =>
  tf.tensor2d([Array.from(unit(key, moveNumbers(template, spec)), (x) => share * x)]);

interface Golden {
  readonly raw_20x2x3: number[][][];
  readonly raw_62?: number[];
  readonly M1: number[][][];
  readonly M2: number[][][];
  readonly joints15: number[][];
}

it.each([
  ["free", "free_120"],
  ["constrained", "constrained_62"],
] as const)("two steps of %s matrices agree with the released code", (matrices, key) => {
  const path = shared("golden/templates/coarse_to_fine.json");
  if (!path) return;
  const golden = readGolden<Record<string, Golden>>(path)[key]!;
  const numbers = tf.tensor2d([golden.raw_62 ?? golden.raw_20x2x3.flat(2)]);
  const { steps, reached } = partMoves(numbers, template, 256, {
    steps: "two",
    matrices,
    pivot: "corner",
    body: "still",
  });
  expectClose(steps[0]!, golden.M1, 1e-4);
  expectClose(steps[1]!, golden.M2, 1e-4);
  expectClose(jointsFromAnchors(anchorsAt(reached[1]!), template), golden.joints15, 2e-3);
});

describe("turning about joints", () => {
  const spec: MoveSpec = { steps: "two", matrices: "rigid", pivot: "joint", body: "still" };

  it("moves an arm as a whole about the shoulder, then its pieces about theirs", () => {
    const numbers = new Float32Array(62);
    // Matrix 9 is the whole left arm: a quarter turn; matrix 15 the left forearm alone: another one.
    numbers[3 * 9] = Math.PI / 2;
    numbers[3 * 15] = Math.PI / 2;
    const { reached } = partMoves(tf.tensor2d(numbers, [1, 62]), template, 256, spec);
    const forearm = partIndex(template, "left-forearm");
    const at = (step: number, x: number, y: number) => transformPoints(reached[step]!, [[x, y]], [forearm]).dataSync();
    // [cos sin; -sin cos] takes (dx, dy) to (dy, -dx): elbow (93,102) about shoulder (112,80).
    expectClose(at(0, 93, 102), [112 + 22, 80 + 19], 1e-3);
    // The wrist (86,127): first (159,106), then about the elbow's new place (134,99).
    expectClose(at(0, 86, 127), [159, 106], 1e-3);
    expectClose(at(1, 93, 102), [134, 99], 1e-3);
    expectClose(at(1, 86, 127), [134 + 7, 99 - 25], 1e-3);
    const shin = transformPoints(reached[1]!, [[100, 208]], [partIndex(template, "left-shin")]);
    expectClose(shin, [100, 208], 1e-3);
  });

  it("keeps lengths in proportion, which free matrices do not", () => {
    const length = (matrices: MoveSpec["matrices"], name: string) => {
      const own = { ...spec, matrices };
      const moves = partMoves(numbersOf("lengths", own, 0.3), template, 256, own);
      const anchors = anchorsAt(moves.reached[1]!).dataSync();
      const [a, b] = [...template.anchors.keys()].filter((i) => template.anchors[i]!.part === partIndex(template, name)); // biome-ignore format: one thought
      const [p, q] = [template.anchors[a!]!.point, template.anchors[b!]!.point];
      const moved = Math.hypot(anchors[2 * a!]! - anchors[2 * b!]!, anchors[2 * a! + 1]! - anchors[2 * b! + 1]!);
      return moved / Math.hypot(p[0] - q[0], p[1] - q[1]);
    };
    // Vertical parts share the body's vertical scale, whatever their angle.
    expect(length("rigid", "left-shin")).toBeCloseTo(length("rigid", "right-shin"), 4);
    expect(Math.abs(length("free", "left-shin") - length("free", "right-shin"))).toBeGreaterThan(0.01);
  });
});

describe("a body that moves", () => {
  const spec: MoveSpec = { steps: "one", matrices: "rigid", pivot: "joint", body: "moves" };
  const body = (...numbers: number[]) => {
    const all = [...new Array<number>(56).fill(0), ...numbers];
    return partMoves(tf.tensor2d([all]), template, 256, spec);
  };

  it("is turned and put elsewhere as a whole, about the middle of its joints", () => {
    const joints = templateJoints(template, 256);
    const middle = [0, 1].map((axis) => joints.reduce((sum, joint) => sum + joint[axis]!, 0) / 15) as [number, number];
    const { reached, own, steps } = body(Math.PI / 2, 0, 0, 0.25, -0.125);
    const [x, y] = [middle[0] + 64, middle[1] - 32];
    // A quarter turn takes (dx, dy) to (-dy, dx).
    const head = transformPoints(reached[0]!, [[middle[0] + 3, middle[1] - 20]], [17]);
    expectClose(head, [x + 20, y + 3], 1e-3);
    expectClose(own[0]!, body(0, 0, 0, 0, 0).reached[0]!.dataSync(), 1e-5);
    expect(steps).toHaveLength(2);
  });

  it("is stretched along rows and columns, and at most e^1.5 times", () => {
    const width = (...numbers: number[]) => {
      const ends = transformPoints(body(...numbers).reached[0]!, [[0, 0], [10, 10]], [0, 0]).dataSync(); // biome-ignore format: one thought
      return [ends[2]! - ends[0]!, ends[3]! - ends[1]!];
    };
    expectClose(tf.tensor1d(width(0, 0.2, 0, 0, 0)), [10 * Math.exp(1.5 * Math.tanh(0.2 / 1.5)), 10], 1e-3);
    expectClose(tf.tensor1d(width(0, 0, -90, 0, 0)), [10, 10 * Math.exp(-1.5)], 1e-3);
  });
});

it.each([
  { steps: "one", matrices: "free", pivot: "joint", body: "moves" },
  { steps: "two", matrices: "rigid", pivot: "joint", body: "moves" },
  { steps: "two", matrices: "constrained", pivot: "corner", body: "still" },
] as const)("gradients of anchors for the numbers equal central differences: %o", (spec) => {
  const weights = tf.tensor3d(Float32Array.from(unit("anchors", 64)), [1, 32, 2]);
  const score = (numbers: Tensor) => {
    const { reached } = partMoves(numbers as Tensor2D, template, 4, spec);
    const anchors = reached.map((matrices) => tf.sum(tf.mul(anchorsAt(matrices), weights)));
    return tf.addN(anchors) as tf.Scalar;
  };
  expectGradients(score, [numbersOf("numbers", spec, 0.2)], { step: 2e-2, tolerance: 2e-3 });
});
