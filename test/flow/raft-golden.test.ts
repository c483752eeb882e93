/** @file The parts of RAFT that reference data has numbers of, and the released weights on real frames, at 1/8. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { paddingOf, padEdges, raftEstimator } from "../../flow/estimator.ts";
import { createRaft, type Raft, type RaftUpdate } from "../../flow/raft.ts";
import { RAFT_LARGE, RAFT_SMALL, raftShapes } from "../../flow/raft-config.ts";
import { loadRaft } from "../../flow/raft-file.ts";
import { upsamplingMask } from "../../flow/raft-update.ts";
import { raftParameters } from "../../flow/raft-weights.ts";
import { identifyFlowWeights } from "../../flow/weight-adapters.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { imagesToTensor } from "../../src/image/image.ts";
import { readPng } from "../../src/image/png.ts";
import { type HostTensor, toFloat32 } from "../../src/io/host-tensor.ts";
import type { NpyArray } from "../../src/io/npy.ts";
import { readNpz } from "../../src/io/npz.ts";
import { readPyTorch } from "../../src/io/pytorch.ts";
import { formulaTensors } from "../support/formula.ts";
import { shared } from "../support/shared.ts";

let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});
/** Whether to go on; where the engine is the portable one, says why not. */
function fastEnough(): boolean {
  if (!native) console.log("skipped: too slow on the portable engine");
  return native;
}

const SIZES = { small: RAFT_SMALL, large: RAFT_LARGE } as const;
const folder = "golden/raft";

function formulaRaft(size: keyof typeof SIZES): Raft {
  const keys = JSON.parse(readFileSync(shared(`${folder}/keys_${size}.json`)!, "utf8"));
  const tensors = formulaTensors(keys.torchvision, keys.gain_if_key_contains);
  return createRaft(SIZES[size], raftParameters(size, SIZES[size], tensors));
}

/** Frames [2B,H,W,3] of inputs.npz in 0..1: all first ones, then all second ones. */
async function inputs(pair: string): Promise<Tensor4D> {
  const { shape, data } = (await readNpz(shared(`${folder}/inputs.npz`)!)).get(pair) as HostTensor;
  const [, batch, h, w] = shape as [number, number, number, number];
  return tf.tidy(() => tf.div(tf.tensor(data as Uint8Array, [2 * batch, h, w, 3], "float32"), 255) as Tensor4D);
}

function largest(difference: () => tf.Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(difference())).dataSync()[0]!);
}

/** Largest difference of a map NHWC from NCHW numbers of every `step`-th row and column. */
function fromNchw(actual: Tensor4D, golden: NpyArray | undefined, step: number): number {
  const wanted = golden as HostTensor;
  return largest(() => {
    const strided = tf.stridedSlice(actual, [0, 0, 0, 0], actual.shape, [1, step, step, 1]);
    const mine = tf.transpose(strided, [0, 3, 1, 2]);
    expect(mine.shape).toEqual([...wanted.shape]);
    return tf.sub(mine, tf.tensor(toFloat32(wanted), mine.shape));
  });
}

/** Largest difference of the means and of the population deviations over the map from [B,C,2]. */
function fromStatistics(actual: Tensor4D, golden: NpyArray | undefined): number {
  const wanted = golden as HostTensor;
  return largest(() => {
    const { mean, variance } = tf.moments(actual, [1, 2]);
    return tf.sub(tf.stack([mean, tf.sqrt(variance)], 2), tf.tensor(toFloat32(wanted), [...wanted.shape]));
  });
}

describe.runIf(shared(`${folder}/inputs.npz`))(
  "formula weights: statistics of maps, context, states, increments, first flow",
  () => {
    test.each([
      ["small", "a"],
      ["large", "a"],
      ["small", "b"],
      ["large", "b"],
    ] as const)("RAFT-%s on pair %s", async (size, pair) => {
      if (!fastEnough()) return;
      const raft = formulaRaft(size);
      const golden = await readNpz(shared(`${folder}/raft_${size}_${pair}.npz`)!);
      const images = await inputs(pair);
      const batch = images.shape[0] / 2;
      const [first, second] = [0, batch].map((from) => raft.select(raft.encode(images), Array.from({ length: batch }, (_, i) => from + i))) as [ReturnType<Raft["encode"]>, ReturnType<Raft["encode"]>]; // biome-ignore format: one thought
      expect(fromStatistics(first.features, golden.get("fmap1_stats"))).toBeLessThan(2e-4);
      expect(fromStatistics(second.features, golden.get("fmap2_stats"))).toBeLessThan(2e-4);
      // The golden context is the encoder's output; here it is split, with tanh and ReLU on the parts.
      const hidden = SIZES[size].hidden;
      const contextSub = golden.get("context_sub") as HostTensor;
      const squashed = tf.tidy(() => {
        const raw = tf.tensor(toFloat32(contextSub), [...contextSub.shape]);
        const [state, context] = tf.split(raw, [hidden, SIZES[size].context], 1);
        return tf.concat([tf.tanh(state!), tf.relu(context!)], 1);
      });
      const joined = tf.concat([first.hidden, first.context], 3) as Tensor4D;
      const mine: HostTensor = { dtype: "float32", shape: squashed.shape, data: squashed.dataSync() as Float32Array };
      expect(fromNchw(joined, mine, 8)).toBeLessThan(2e-4);

      const kept: RaftUpdate[] = [];
      raft.refine(first, second, 12, (update, i) => {
        if (i !== 0 && i !== 11) return [];
        kept.push({ ...update, hidden: tf.keep(tf.clone(update.hidden)), increment: tf.keep(tf.clone(update.increment)), flow: tf.keep(tf.clone(update.flow)) }); // biome-ignore format: a record
        return [];
      });
      const [one, twelve] = kept as [RaftUpdate, RaftUpdate];
      expect(fromNchw(one.hidden, golden.get("hidden1_sub"), 8)).toBeLessThan(2e-4);
      expect(fromNchw(twelve.hidden, golden.get("hidden12_sub"), 8)).toBeLessThan(2e-4);
      expect(fromNchw(one.increment, golden.get("delta1"), 1)).toBeLessThan(5e-4);
      expect(fromNchw(raft.upsample(one), golden.get("flow_iter1"), 4)).toBeLessThan(2e-3);
      expect(fromNchw(raft.upsample(twelve), golden.get("flow_float64_reference"), 4)).toBeLessThan(2e-3);
      if (size === "small") return;
      const mask = golden.get("mask1") as HostTensor;
      const positions = Array.from((golden.get("positions") as HostTensor).data as BigInt64Array, Number);
      const values = upsamplingMask(raft.parameters, one.hidden).arraySync();
      for (let b = 0; b < batch; b++) {
        for (let k = 0; k < mask.data.length / batch; k++) {
          const [c, p] = [Math.floor(k / 5), k % 5];
          const value = values[b]![positions[2 * p]!]![positions[2 * p + 1]!]![c]!;
          expect(Math.abs(value - Number(mask.data[(b * mask.data.length) / batch + k]))).toBeLessThan(2e-4);
        }
      }
      raft.dispose();
    });
  },
);

describe.runIf(shared(`${folder}/mistakes.json`))("typical mistakes", () => {
  test("would be seen: BGR and a swapped pair move the flow by pixels", async () => {
    if (!fastEnough()) return;
    const estimator = raftEstimator("small", formulaRaft("small"));
    const images = await inputs("a");
    const expected = (await readNpz(shared(`${folder}/raft_small_a.npz`)!)).get("flow");
    const flows = estimator.clipFlows(images, [[0, 1]], 12);
    expect(fromNchw(flows.forward, expected, 1)).toBeLessThan(2e-3);
    expect(fromNchw(flows.backward, expected, 1)).toBeGreaterThan(1);
    const { small } = JSON.parse(readFileSync(shared(`${folder}/mistakes.json`)!, "utf8"));
    const bgr = fromNchw(estimator.clipFlows(tf.reverse(images, 3), [[0, 1]], 12).forward, expected, 1);
    expect(bgr / small["BGR instead of RGB"].max_change_of_final_flow_px).toBeCloseTo(1, 3);
    estimator.dispose();
  });
});

describe("files in the released style", () => {
  const small = shared(`${folder}/raft-small-official-formula.pth`);
  test.runIf(small)("the small one gives the formula network's flow", async () => {
    if (!fastEnough()) return;
    const estimator = raftEstimator("small", await loadRaft(small!, RAFT_SMALL));
    const { forward } = estimator.clipFlows(await inputs("a"), [[0, 1]], 12);
    expect(fromNchw(forward, (await readNpz(shared(`${folder}/raft_small_a.npz`)!)).get("flow"), 1)).toBeLessThan(2e-3);
    estimator.dispose();
  });

  const part = shared(`${folder}/raft-large-official-part.pth`);
  test.runIf(part)("a part of the large one: second names share their tensor, and are known as such", async () => {
    const { tensors } = await readPyTorch(part!);
    const norm = tensors.get("cnet.layer2.0.norm3.weight")!;
    expect(norm.data).toEqual(tensors.get("cnet.layer2.0.downsample.1.weight")!.data);
    expect(identifyFlowWeights(tensors)).toBeUndefined();
    const whole = formulaTensors(Object.fromEntries(raftShapes(RAFT_LARGE)));
    for (const [key, tensor] of tensors) whole.set(key, tensor);
    expect(identifyFlowWeights(whole)).toEqual({
      network: "raft-large",
      naming: "official",
      missing: [],
      unused: [],
      misshapen: [],
    });
    const parameters = raftParameters("joined", RAFT_LARGE, whole);
    const mine = parameters.get("cnet.layer2.0.downsample.1.weight")!.dataSync();
    expect(mine).toEqual(norm.data);
  });
});

describe.runIf(shared(`${folder}/real_small_flow.npz`) && shared("data/weights/raft-small.pth"))(
  "released weights, flow at 1/8",
  () => {
    const json = () => JSON.parse(readFileSync(shared(`${folder}/real_small_flow.json`)!, "utf8"));
    const frame = async (path: string) => {
      const image = await readPng(path);
      return { image, sha: createHash("sha256").update(image.data).digest("hex") };
    };

    test.each([
      ["middlebury_Dimetrodon", "Dimetrodon", "frame10.png", "frame11.png"],
      ["middlebury_Grove2", "Grove2", "frame10.png", "frame11.png"],
      ["middlebury_rubberwhale", "rubberwhale", "frame10.png", "frame11.png"],
      ["demo_16_17", "sintel_demo", "frame_0016.png", "frame_0017.png"],
    ])("%s, 20 updates", async (name, where, first, second) => {
      const paths = [first, second].map((file) => shared(`data/flow/${where}/${file}`));
      if (!paths[0] || !paths[1] || !fastEnough()) return;
      const frames = await Promise.all([frame(paths[0]), frame(paths[1])]);
      const { frames: known, pairs } = json();
      const pair = pairs[name];
      // The decoded pixels are those that the reference saw.
      expect(frames.map(({ sha }) => sha)).toEqual([known[pair.frame1].rgb_sha256, known[pair.frame2].rgb_sha256]);
      const golden = await readNpz(shared(`${folder}/real_small_flow.npz`)!);
      const raft = await loadRaft(shared("data/weights/raft-small.pth")!, RAFT_SMALL);
      const [height, width] = frames[0]!.image.shape as [number, number, number];
      const [top, bottom] = paddingOf(height, 64);
      const [left, right] = paddingOf(width, 64);
      expect([left, right, top, bottom]).toEqual(pair.pad_left_right_top_bottom);
      const low = tf.tidy(() => {
        const images = imagesToTensor(frames.map(({ image }) => image)) as Tensor4D;
        const features = raft.encode(padEdges(images, [top, bottom, left, right]));
        const [last] = raft.refine(raft.select(features, [0]), raft.select(features, [1]), 20, (update, i) => i === 19 ? [update.flow] : []); // biome-ignore format: one thought
        return last!;
      });
      const wanted = golden.get(`${name}_low`) as HostTensor;
      const difference = fromNchw(low, { ...wanted, shape: [1, ...wanted.shape] }, 1);
      console.log(`${name}: largest difference at 1/8 ${difference.toExponential(1)}`);
      expect(8 * difference).toBeLessThan(1e-2);
      raft.dispose();
    });

    test("a crop without padding, after 12 and after 20 updates", async () => {
      const paths = ["frame10.png", "frame11.png"].map((file) => shared(`data/flow/rubberwhale/${file}`));
      if (!paths[0] || !paths[1] || !fastEnough()) return;
      const frames = await Promise.all([frame(paths[0]), frame(paths[1])]);
      const golden = await readNpz(shared(`${folder}/real_small_flow.npz`)!);
      const raft = await loadRaft(shared("data/weights/raft-small.pth")!, RAFT_SMALL);
      const lows = tf.tidy(() => {
        const whole = imagesToTensor(frames.map(({ image }) => image)) as Tensor4D;
        const features = raft.encode(tf.slice(whole, [0, 80, 180, 0], [2, 224, 224, 3]));
        return raft.refine(raft.select(features, [0]), raft.select(features, [1]), 20, (update, i) => [11, 19].includes(i) ? [update.flow] : []); // biome-ignore format: one thought
      });
      [12, 20].forEach((updates, i) => {
        const wanted = golden.get(`rubberwhale_crop_low_${updates}`) as HostTensor;
        expect(8 * fromNchw(lows[i]!, { ...wanted, shape: [1, ...wanted.shape] }, 1)).toBeLessThan(1e-2);
      });
      raft.dispose();
    });
  },
);
