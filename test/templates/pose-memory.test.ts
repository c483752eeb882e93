import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { valueAndGradients } from "../../src/nn/gradients.ts";
import { countScalars, type Parameters, parameter, parametersFromHost } from "../../src/nn/parameters.ts";
import { mixer } from "../../templates/nets/mixer.ts";
import {
  createCodes,
  decodePose,
  distilPrior,
  encodePose,
  nearestCodes,
  PUBLISHED_MIXERS,
  pickCodes,
  poseMemoryShapes,
  remember,
  updateCodes,
} from "../../templates/pose-memory.ts";
import { unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

interface Weights {
  readonly [key: string]: { readonly shape: number[]; readonly values: number[] };
}

function parametersOf(weights: Weights, prefix: string): Parameters {
  return parametersFromHost(
    new Map(
      Object.entries(weights).map(([key, { shape, values }]) => [
        `${prefix}.${key}`,
        { dtype: "float32", shape, data: Float32Array.from([values].flat(4) as number[]) },
      ]),
    ),
  );
}

it("a mixer layer agrees with the released one", () => {
  const path = shared("golden/templates/mixer_layer.json");
  if (!path) return;
  const golden = readGolden<{ weights: Weights; x: number[][][]; y: number[][][] }>(path);
  const parameters = parametersOf(golden.weights, "layer");
  expectClose(mixer(parameters, "layer", tf.tensor3d(golden.x)), golden.y, 1e-5);
});

const TINY = {
  points: 4,
  banks: 3,
  codes: 4,
  dim: 5,
  encoderLayers: 2,
  encoderChannels: 8,
  encoderTokenHidden: 6,
  encoderChannelHidden: 10,
  decoderChannels: 7,
  decoderTokenHidden: 6,
  decoderChannelHidden: 9,
};

it("has the published number of weights and codes", () => {
  const published = { ...PUBLISHED_MIXERS, points: 16, banks: 34, codes: 16, dim: 512 };
  expect(countScalars(poseMemoryShapes("memory", published)) / 1e6).toBeCloseTo(2.41, 2);
  expect(createCodes("memory", published, 0, "warm").get("memory.codebook")!.shape).toEqual([34, 16, 512]);
});

describe("three steps of the released memory", () => {
  it("agree in tokens, choices, averages, recalled poses and prior", () => {
    const path = shared("golden/templates/ppl_memory.json");
    if (!path) return;
    interface State {
      readonly codebook: number[][][];
      readonly ema_cluster_size: number[][];
      readonly ema_w: number[][][];
    }
    interface Step {
      readonly points: number[][][];
      readonly encoded_tokens: number[][][];
      readonly chosen_code: number[][];
      readonly quantised: number[][][];
      readonly commitment_loss: number;
      readonly decoded_points: number[][][];
      readonly keypoint_loss_100_mse: number;
      readonly after: State;
      readonly prior_points_after: number[][];
    }
    const golden = readGolden<{ weights: Weights; initial: State; steps: Step[] }>(path);
    const parameters = parametersOf(golden.weights, "memory");
    expect(new Map(poseMemoryShapes("memory", TINY))).toEqual(
      new Map(Object.entries(golden.weights).map(([key, { shape }]) => [`memory.${key}`, shape])),
    );
    parameters.set("memory.codebook", tf.variable(tf.tensor3d(golden.initial.codebook), false));
    parameters.set("memory.usage", tf.variable(tf.tensor2d(golden.initial.ema_cluster_size), false));
    parameters.set("memory.sums", tf.variable(tf.tensor3d(golden.initial.ema_w), false));

    for (const step of golden.steps) {
      const points = tf.tensor3d(step.points);
      const tokens = encodePose(parameters, "memory", TINY, points);
      expectClose(tokens, step.encoded_tokens, 1e-5);
      const chosen = nearestCodes(parameters, "memory", tokens);
      expectClose(tf.argMax(chosen, 2), step.chosen_code);
      // Codes that are hardly used are huge at first, as released.
      expectClose(pickCodes(parameters, "memory", chosen), step.quantised, 1e-5, 1e-4);
      const { poses, commitment } = remember(parameters, "memory", TINY, points, true);
      expectClose(poses, step.decoded_points, 1e-4, 1e-4);
      expectClose(commitment, [step.commitment_loss], 1e-5, 1e-4);
      expectClose(tf.mul(tf.mean(tf.square(tf.sub(poses, points))), 100), [step.keypoint_loss_100_mse], 1e-3, 1e-4);
      expectClose(parameter(parameters, "memory.usage"), step.after.ema_cluster_size, 1e-6, 1e-4);
      expectClose(parameter(parameters, "memory.sums"), step.after.ema_w, 1e-5, 1e-4);
      expectClose(parameter(parameters, "memory.codebook"), step.after.codebook, 1e-4, 2e-3);
      expectClose(distilPrior(parameters, "memory"), step.prior_points_after, 2e-3, 2e-3);
    }
  });
});

describe("gradients", () => {
  const fresh = () => {
    const weights = Object.fromEntries(
      [...poseMemoryShapes("memory", TINY)].map(([key, shape]) => [
        key,
        {
          shape: [...shape],
          values: Array.from(
            unit(
              key,
              shape.reduce((a, b) => a * b, 1),
            ),
            (x) => 0.6 * x,
          ),
        },
      ]),
    );
    const own = parametersOf(weights, "x");
    return new Map([
      ...[...own].map(([key, value]) => [key.slice(2), value] as const),
      ...createCodes("memory", TINY, 3, "warm"),
    ]);
  };
  const poses = () => tf.tensor3d(Float32Array.from(unit("poses", 16)), [2, 4, 2]);

  it("of encoder and decoder equal central differences", () => {
    const parameters = fresh();
    const up = tf.tensor3d(Float32Array.from(unit("up", 30)), [2, 3, 5]);
    const encode = (x: Tensor) =>
      tf.sum(tf.mul(encodePose(parameters, "memory", TINY, x as Tensor3D), up)) as tf.Scalar;
    expectGradients(encode, [poses()], { step: 1e-2, tolerance: 1e-2 });
    const side = tf.tensor3d(Float32Array.from(unit("side", 16)), [2, 4, 2]);
    const decode = (x: Tensor) => tf.sum(tf.mul(decodePose(parameters, "memory", x as Tensor3D), side)) as tf.Scalar;
    expectGradients(decode, [up], { step: 1e-2, tolerance: 1e-2 });
  });

  it("pass straight through the choice of codes: the encoder's is that of decoding its tokens at the codes", () => {
    const parameters = fresh();
    const wanted = poses();
    const loss = () => {
      const { poses: recalled } = remember(parameters, "memory", TINY, wanted, false);
      return tf.mean(tf.square(tf.sub(recalled, wanted))) as tf.Scalar;
    };
    const { gradients } = valueAndGradients(loss, parameters);
    const codes = pickCodes(
      parameters,
      "memory",
      nearestCodes(parameters, "memory", encodePose(parameters, "memory", TINY, wanted)),
    );
    const byTokens = tf.grad((g: Tensor) =>
      tf.mean(tf.square(tf.sub(decodePose(parameters, "memory", g as Tensor3D), wanted))),
    )(codes);
    // feature_embed's bias is added to every token, so its gradient is the sum of theirs.
    expectClose(gradients.get("memory.feature_embed.bias")!, tf.sum(byTokens, [0, 1]).dataSync(), 1e-6, 1e-3);
    expect(gradients.has("memory.codebook")).toBe(false);
  });

  it("do not move codes unless asked to learn, and learning moves used codes to their tokens", () => {
    const parameters = fresh();
    const before = parameter(parameters, "memory.codebook").dataSync().slice();
    remember(parameters, "memory", TINY, poses(), false);
    expectClose(parameter(parameters, "memory.codebook"), before);
    // One bank's code 2 chosen by all: usage 0.9 + 0.1 * 2 of about 4.
    const tokens = tf.ones([2, 3, 5]) as Tensor3D;
    const chosen = tf.tile(tf.reshape(tf.tensor1d([0, 0, 1, 0]), [1, 1, 4]), [2, 3, 1]) as Tensor3D;
    updateCodes(parameters, "memory", tokens, chosen);
    const after = parameter(parameters, "memory.codebook").dataSync();
    // Bank 0, code 2, number 0: (0.9 v + 0.1 * 2) / 1.1.
    expect(after[10]).toBeCloseTo((0.9 * before[10]! + 0.2) / 1.1, 4);
    expect(after[0]).toBeCloseTo(before[0]!, 4);
  });
});
