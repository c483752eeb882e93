import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createRaft, type RaftUpdate } from "../../flow/raft.ts";
import { MOTIONCUE_FLOW, RAFT_LARGE, RAFT_SMALL, type RaftConfig, raftShapes } from "../../flow/raft-config.ts";
import { newRaftParameters, raftParameters } from "../../flow/raft-weights.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { FormatError, ShapeError } from "../../src/errors.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { readNpz } from "../../src/io/npz.ts";
import { valueAndGradients } from "../../src/nn/gradients.ts";
import { countScalars } from "../../src/nn/parameters.ts";
import { formulaTensors, uniform } from "../support/formula.ts";
import { shared } from "../support/shared.ts";

let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});

interface KeyFile {
  torchvision: Record<string, number[]>;
  gain_if_key_contains: Record<string, number>;
}
const keys = (size: string): KeyFile => JSON.parse(readFileSync(shared(`golden/raft/keys_${size}.json`)!, "utf8"));
const tiny: RaftConfig = {
  ...MOTIONCUE_FLOW,
  widths: [4, 8, 8],
  features: 8,
  hidden: 8,
  context: 4,
  levels: 2,
  radius: 1,
  motionCorrelation: [8],
  motionFlow: [4, 4],
  motion: 8,
  flowHead: 8,
  maskHead: 4,
};
const pictures = (count: number, size: number) =>
  tf.tensor4d(Float32Array.from(uniform("pictures", [count, size, size, 3], 0, 1)), [count, size, size, 3]);

describe("weights", () => {
  test("parameter counts are the published ones", () => {
    expect(countScalars(raftShapes(RAFT_SMALL))).toBe(990_162);
    const large = raftShapes(RAFT_LARGE);
    const trained = new Map([...large].filter(([key]) => !key.includes("running_")));
    expect(countScalars(trained)).toBe(5_257_536);
  });

  test("a file of another network is refused with the names of what differs", () => {
    const other = formulaTensors(Object.fromEntries(raftShapes(RAFT_SMALL)));
    expect(() => raftParameters("small.pth", RAFT_LARGE, other)).toThrow(FormatError);
    expect(() => raftParameters("small.pth", RAFT_LARGE, other)).toThrow(
      /small.pth: .*missing: cnet.*unused: fnet.*another shape: fnet/,
    );
  });
});

/** Largest difference of `actual` (NHWC) from `expected` (NCHW), both subsampled by `step` in rows and columns. */
function differenceNchw(actual: Tensor4D, expected: ArrayLike<number>, step: number): number {
  return tf.tidy(() => {
    const strided = tf.stridedSlice(actual, [0, 0, 0, 0], actual.shape, [1, step, step, 1]);
    const mine = tf.transpose(strided, [0, 3, 1, 2]).dataSync();
    expect(mine.length).toBe(expected.length);
    let most = 0;
    for (let i = 0; i < mine.length; i++) most = Math.max(most, Math.abs(mine[i]! - expected[i]!));
    return most;
  });
}

describe.runIf(shared("golden/raft/inputs.npz"))("golden: formula weights, 12 updates", () => {
  test.each([
    ["small", "a"],
    ["large", "a"],
    ["small", "b"],
    ["large", "b"],
  ])("RAFT-%s on pair %s", async (size, pair) => {
    if (!native) return console.log("skipped: too slow on the portable engine");
    const config = size === "small" ? RAFT_SMALL : RAFT_LARGE;
    const { torchvision, gain_if_key_contains } = keys(size);
    const raft = createRaft(config, raftParameters(size, config, formulaTensors(torchvision, gain_if_key_contains)));
    const golden = await readNpz(shared(`golden/raft/raft_${size}_${pair}.npz`)!);
    const expected = (name: string) => toFloat32(golden.get(name) as never);
    const input = (await readNpz(shared("golden/raft/inputs.npz")!)).get(pair)!;
    const [, batch, h, w] = input.shape as [number, number, number, number];
    const images = tf.div(tf.tensor(input.data as Uint8Array, [2 * batch, h, w, 3], "float32"), 255) as Tensor4D;
    const features = raft.encode(images);
    const indices = Array.from({ length: batch }, (_, i) => i);
    const first = raft.select(features, indices);
    const second = raft.select(
      features,
      indices.map((i) => i + batch),
    );
    expect(differenceNchw(first.features, expected("fmap1_sub"), 8)).toBeLessThan(2e-4);
    expect(differenceNchw(second.features, expected("fmap2_sub"), 8)).toBeLessThan(2e-4);

    const low: RaftUpdate["flow"][] = [];
    const lookups: Tensor4D[] = [];
    const flows = raft.refine(first, second, 12, (update, i) => {
      low.push(tf.keep(tf.clone(update.flow)));
      if (i < 2) lookups.push(tf.keep(tf.clone(update.correlation)));
      return [];
    });
    expect(flows).toEqual([]);
    const positions = golden.get("positions")!.data as BigInt64Array | Int32Array;
    lookups.forEach((lookup, k) => {
      const wanted = expected(`corr${k + 1}`);
      const mine = lookup.arraySync();
      const channels = lookup.shape[3];
      for (let b = 0; b < batch; b++)
        for (let c = 0; c < channels; c++)
          for (let p = 0; p < 5; p++) {
            const value = mine[b]![Number(positions[2 * p])]![Number(positions[2 * p + 1])]![c]!;
            expect(Math.abs(value - wanted[(b * channels + c) * 5 + p]!)).toBeLessThan(2e-3);
          }
    });
    const lows = tf.concat(
      low.map((flow) => tf.reshape(flow, [batch, h / 8, w / 8, 2])),
      0,
    ) as Tensor4D;
    expect(differenceNchw(lows, expected("low"), 1)).toBeLessThan(5e-4);
    const flow = raft.flowBetween(first, second, 12);
    expect(differenceNchw(flow, expected("flow"), 1)).toBeLessThan(2e-3);
  });
});

describe("behaviour", () => {
  test("leaves nothing behind, shares frames, and the sequence ends with flowBetween's flow", () => {
    const raft = createRaft(tiny, newRaftParameters(tiny, 3));
    const images = pictures(3, 32);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const all = raft.encode(images);
      const [a, b] = [raft.select(all, [0, 1]), raft.select(all, [1, 2])];
      const sequence = raft.flowSequence(a, b, 3);
      expect(sequence.map((flow) => flow.shape)).toEqual([1, 2, 3].map(() => [2, 32, 32, 2]));
      const last = raft.flowBetween(a, b, 3);
      expect(tf.max(tf.abs(tf.sub(last, sequence[2]!))).dataSync()[0]).toBeLessThan(1e-5);
      const alone = raft.flowBetween(
        raft.encode(tf.slice(images, [1, 0, 0, 0], [1, 32, 32, 3])),
        raft.encode(tf.slice(images, [2, 0, 0, 0], [1, 32, 32, 3])),
        3,
      );
      expect(tf.max(tf.abs(tf.sub(tf.slice(last, [1, 0, 0, 0], [1, 32, 32, 2]), alone))).dataSync()[0]).toBeLessThan(
        1e-4,
      );
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(() => raft.encode(pictures(1, 20))).toThrow(ShapeError);
  });

  test("every weight gets a gradient, and it agrees with central differences for one update", () => {
    const parameters = newRaftParameters(tiny, 5);
    const raft = createRaft(tiny, parameters);
    const images = pictures(2, 16);
    const mix = tf.tensor4d(Float32Array.from(uniform("mix", [1, 16, 16, 2])), [1, 16, 16, 2]);
    const loss = (updates: number) => () => {
      const all = raft.encode(images);
      const flows = raft.flowSequence(raft.select(all, [0]), raft.select(all, [1]), updates);
      return tf.addN(flows.map((flow) => tf.mean(tf.mul(flow, mix)))) as tf.Scalar;
    };
    const before = tf.memory().numTensors;
    const two = valueAndGradients(loss(2), parameters);
    expect(tf.memory().numTensors).toBe(before + 1 + two.gradients.size);
    expect([...two.gradients.keys()].sort()).toEqual([...parameters.keys()].sort());
    const { gradients } = valueAndGradients(loss(1), parameters);
    for (const key of [
      "update_block.flow_head.conv2.weight",
      "update_block.gru.convq.weight",
      "fnet.conv2.weight",
      "cnet.conv1.weight",
    ]) {
      const variable = parameters.get(key)!;
      const original = tf.clone(variable);
      const gradient = gradients.get(key)!;
      // Along the gradient itself: the slope is its norm.
      const norm = tf.norm(gradient).dataSync()[0]!;
      const step = 4e-3 / norm;
      const evaluate = (sign: number) => {
        variable.assign(tf.add(original, tf.mul(gradient, sign * step)));
        return tf.tidy(() => loss(1)().dataSync()[0]!);
      };
      const slope = (evaluate(1) - evaluate(-1)) / (2 * step);
      expect(Math.abs(slope / norm ** 2 - 1)).toBeLessThan(0.03);
      variable.assign(original);
    }
  });
});
