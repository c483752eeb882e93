/** @file Evaluation with a regressor whose predictions are known, over batches, holes and kinds of truth. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  type EvaluationSequence,
  evaluate,
  type FrameTruth,
  type PairFlow,
} from "../../../pipelines/evaluate/evaluate.ts";
import { meanDistance } from "../../../pipelines/evaluate/metrics.ts";
import type { BodyModel } from "../../../smpl/body-model.ts";
import { DEFAULT_SPEC, type Regressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor2D, tf } from "../../../src/engine/tf.ts";
import { NonFiniteError, ShapeError } from "../../../src/errors.ts";
import { createImage } from "../../../src/image/image.ts";
import { sheetBody } from "../../support/sheet-body.ts";

const SIZE = 32;
const IDENTITY = Array.from({ length: 24 * 9 }, (_, i) => (i % 9 === 0 || i % 9 === 4 || i % 9 === 8 ? 1 : 0));
let body: BodyModel;

beforeAll(async () => {
  await startEngine();
  body = sheetBody();
});

/** Sees the red of the top-left pixel: the camera moves right with it, and `bend` of it becomes the first beta. */
function reader(bend = 0, broken = 1): Regressor {
  return {
    spec: { ...DEFAULT_SPEC, cropSize: SIZE },
    parameters: new Map(),
    predict(images) {
      const count = images.shape[0];
      const red = tf.reshape(tf.slice(images, [0, 0, 0, 0], [-1, 1, 1, 1]), [count, 1]);
      const camera = tf.concat([tf.fill([count, 1], 0.8), red, tf.zeros([count, 1])], 1) as Tensor2D;
      const betas = tf.concat([tf.mul(red, bend * broken), tf.zeros([count, 3])], 1) as Tensor2D;
      return { rotations: tf.tile(tf.tensor4d(IDENTITY, [1, 24, 3, 3]), [count, 1, 1, 1]), betas, camera };
    },
    dispose() {},
  };
}

const REDS = [0, 26, 51, 77, 90];
/** Frames whose red is REDS; pixels move right by the difference of reds / 255 * 16. */
function sequence(
  name: string,
  given: Partial<EvaluationSequence> & { truth?: (i: number) => FrameTruth } = {},
): EvaluationSequence {
  const { truth = () => ({ rotations: IDENTITY, betas: [0, 0, 0, 0] }), ...rest } = given;
  return {
    name,
    frames: [4, 5, 6, 7, 8],
    load: async (i) => {
      const crop = createImage(SIZE, SIZE);
      crop.set(0, 0, 0, REDS[i]!);
      return { crop, truth: truth(i) };
    },
    ...rest,
  };
}
/** The flow of the camera's motion, scaled by `share`, in maps of twice the crop's size. */
function cameraFlow(i: number, share = 1): PairFlow {
  const dx = (share * 2 * 16 * (REDS[i + 1]! - REDS[i]!)) / 255;
  const flow = (value: number) => Float32Array.from({ length: 64 * 64 * 2 }, (_, at) => (at % 2 === 0 ? value : 0));
  return { size: 64, forward: flow(dx), backward: flow(-dx) };
}

describe("evaluate", () => {
  it("finds no error and no residual where prediction and truth agree", async () => {
    const found = await evaluate(reader(), body, [sequence("a", { flow: async (i) => cameraFlow(i) })]);
    expect(found).toMatchObject({ mpjpe: 0, pve: 0, accelError: 0, frames: 5 });
    expect(found.paMpjpe).toBeLessThan(1e-3);
    expect(found.flowResidual).toBeLessThan(1e-4);
  });

  it("measures what the prediction gets wrong, the same for every batch size", async () => {
    // The mean flow is 90/4 reds a frame; the mesh moves twice as far as is seen.
    const flow = async (i: number) => cameraFlow(i, 0.5);
    const results = await Promise.all(
      [1, 2, 3, 16].map((batch) => evaluate(reader(2), body, [sequence("a", { flow })], { batch })),
    );
    for (const result of results) {
      expect(result.frames).toBe(5);
      for (const key of ["mpjpe", "paMpjpe", "pve", "accelError", "flowResidual", "relativeFlowResidual"] as const) {
        expect(result[key], key).toBeGreaterThan(0);
        expect(result[key], key).toBeCloseTo(results[0]![key], 4);
      }
    }
    const rigid = await evaluate(reader(), body, [sequence("a", { flow })]);
    expect(rigid.relativeFlowResidual).toBeCloseTo(1, 3);
    expect(rigid.flowResidual).toBeCloseTo((0.5 * 16 * 90) / 4 / 255, 3);
  });

  it("knows joints alone: no PVE, root-aligned MPJPE, acceleration of a jump", async () => {
    const { joints } = body.forward({ rotations: tf.tensor4d(IDENTITY, [1, 24, 3, 3]), betas: tf.zeros([1, 4]) });
    const rest = Array.from(joints.dataSync());
    // Everything 3 m away (no error), and in the frame at position 2 the joint 5 higher by 24 mm.
    const truth = (i: number) => ({ joints: rest.map((x, at) => x + 3 + (i === 2 && at === 16 ? 0.024 : 0)) });
    const found = await evaluate(reader(), body, [sequence("a", { truth })], { batch: 2 });
    expect(found.mpjpe).toBeCloseTo(1 / 5, 3);
    expect(found.pve).toBeNaN();
    // Middle frames 5, 6, 7 see the jump with weights 1, -2, 1, over 24 joints.
    expect(found.accelError).toBeCloseTo((1 + 2 + 1) / 3, 3);
    expect(found.flowResidual).toBeNaN();
  });

  it("compares the joints that are known, and skips frames of which too little is", async () => {
    const { joints } = body.forward({ rotations: tf.tensor4d(IDENTITY, [1, 24, 3, 3]), betas: tf.zeros([1, 4]) });
    const rest = Array.from(joints.dataSync());
    const wrong = rest.map((x, at) => (at >= 60 ? x + 9 : x));
    const known = (has: (j: number) => boolean) => Array.from({ length: 24 }, (_, j) => (has(j) ? 0.7 : 0));
    const truths: FrameTruth[] = [
      { joints: wrong, known: known((j) => j < 20) },
      { joints: rest, known: known((j) => j > 1) },
      { rotations: IDENTITY, betas: [0, 0, 0, 0] },
      {},
      { joints: rest, known: known((j) => j < 3) },
    ];
    const found = await evaluate(reader(), body, [sequence("a", { truth: (i) => truths[i]! })]);
    expect(found.frames).toBe(3);
    expect(found.mpjpe).toBeLessThan(1e-3);
    expect(found.pve).toBe(0);
    expect(found.accelError).toBeNaN();
  });

  it("does not measure motion over holes", async () => {
    const asked: number[] = [];
    const flow = async (i: number) => {
      asked.push(i);
      return cameraFlow(i);
    };
    const found = await evaluate(reader(2), body, [sequence("a", { frames: [0, 1, 3, 4, 9], flow })], { batch: 2 });
    expect(asked).toEqual([0, 2]);
    expect(found.accelError).toBeNaN();
    expect(found.frames).toBe(5);
  });

  it("weighs frames alike over sequences and names each sequence's own figures", async () => {
    const far = { rotations: IDENTITY, betas: [1, 0, 0, 0] };
    const one = sequence("one", { frames: [7], truth: () => far });
    const found = await evaluate(reader(), body, [sequence("five"), one], { rootJoints: [0] });
    expect(found.sequences["five"]!.pve).toBe(0);
    const meshes = [0, 1].map((beta) =>
      body.forward({ rotations: tf.tensor4d(IDENTITY, [1, 24, 3, 3]), betas: tf.tensor2d([[beta, 0, 0, 0]]) }),
    );
    const mesh = meshes.map(({ vertices, joints }) => {
      const pelvis = joints.dataSync();
      return Array.from(vertices.dataSync()).map((x, i) => x - pelvis[i % 3]!);
    });
    expect(found.sequences["one"]!.pve).toBeCloseTo(meanDistance(mesh[0]!, mesh[1]!), 2);
    expect(found.pve).toBeCloseTo(found.sequences["one"]!.pve / 6, 4);
    await expect(evaluate(reader(), body, [one, one])).rejects.toThrow(/two sequences are named one/);
  });

  it("names sequence and frame of a prediction that is not finite, and refuses wrong sizes", async () => {
    await expect(evaluate(reader(1, Number.NaN), body, [sequence("a")])).rejects.toThrow(NonFiniteError);
    await expect(evaluate(reader(1, Number.NaN), body, [sequence("a")])).rejects.toThrow(
      /evaluate a frame 4: .*not finite/,
    );
    const small = sequence("a", { load: async () => ({ crop: createImage(8, 8), truth: { joints: [] } }) });
    await expect(evaluate(reader(), body, [small])).rejects.toThrow(ShapeError);
    await expect(evaluate(reader(), body, [sequence("a", { truth: () => ({ joints: [1, 2, 3] }) })])).rejects.toThrow(
      /evaluate a joints/,
    );
  });

  it("leaves no tensors behind", async () => {
    const before = tf.memory().numTensors;
    await evaluate(reader(1), body, [sequence("a", { flow: async (i) => cameraFlow(i) })], { batch: 2 });
    expect(tf.memory().numTensors).toBe(before);
  });
});
