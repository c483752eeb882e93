import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { paddingOf, padEdges, raftEstimator } from "../../flow/estimator.ts";
import { loadFlowEstimator } from "../../flow/estimators.ts";
import { createRaft } from "../../flow/raft.ts";
import { MOTIONCUE_FLOW, type RaftConfig } from "../../flow/raft-config.ts";
import { newRaftParameters } from "../../flow/raft-weights.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { MotionCueError } from "../../src/errors.ts";
import { imagesToTensor } from "../../src/image/image.ts";
import { readPng } from "../../src/image/png.ts";
import { uniform } from "../support/formula.ts";
import { shared } from "../support/shared.ts";

let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});

const tiny: RaftConfig = { ...MOTIONCUE_FLOW, widths: [4, 4, 8], features: 8, hidden: 8, context: 4, levels: 2 };
const frames = (count: number, h: number, w: number) =>
  tf.tensor4d(Float32Array.from(uniform("frames", [count, h, w, 3], 0, 1)), [count, h, w, 3]);

describe("padding", () => {
  const path = shared("golden/raft/padding.json");
  test.runIf(path)("is that of the released InputPadder", () => {
    const golden: Record<string, { sintel_left_right_top_bottom: number[] }> = JSON.parse(readFileSync(path!, "utf8"));
    for (const [size, { sintel_left_right_top_bottom: expected }] of Object.entries(golden)) {
      const [h, w] = size.split("x").map(Number) as [number, number];
      expect([...paddingOf(w, 64), ...paddingOf(h, 64)]).toEqual(expected);
    }
  });
  test("edges are repeated", () => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 2, 3, 1]);
    expect(tf.squeeze(padEdges(x, [1, 0, 0, 2])).arraySync()).toEqual([
      [1, 2, 3, 3, 3],
      [1, 2, 3, 3, 3],
      [4, 5, 6, 6, 6],
    ]);
  });
});

describe("estimator", () => {
  test("flows of any size, both ways: backward of a pair is forward of the reversed pair", () => {
    const estimator = raftEstimator("tiny", createRaft(tiny, newRaftParameters(tiny, 1)));
    const images = frames(3, 21, 34);
    const before = tf.memory().numTensors;
    const [both, one] = [[[0, 1], [2, 1]], [[1, 2]]] as [number, number][][]; // biome-ignore format: pairs
    const flows = estimator.clipFlows(images, both!, 2);
    const reversed = estimator.clipFlows(images, one!, 2);
    expect(tf.memory().numTensors).toBe(before + 4);
    expect(flows.forward.shape).toEqual([2, 21, 34, 2]);
    const second = tf.slice(flows.backward, [1, 0, 0, 0], [1, 21, 34, 2]);
    expect(tf.max(tf.abs(tf.sub(second, reversed.forward))).dataSync()[0]).toBeLessThan(1e-4);
    const none = estimator.clipFlows(frames(1, 16, 16), [], 2);
    expect(none.forward.shape).toEqual([0, 16, 16, 2]);
    expect(() => estimator.clipFlows(frames(2, 16, 16), [[0, 2]], 2)).toThrow(/frames 0 to 1/);
    expect(() => estimator.clipFlows(frames(2, 16, 16), [[0, 1]], 0)).toThrow(MotionCueError);
  });
});

/** Width, height and values of a .flo file of reference data. */
function readReference(path: string): { h: number; w: number; data: Float32Array } {
  const bytes = readFileSync(path);
  const [w, h] = [bytes.readInt32LE(4), bytes.readInt32LE(8)];
  return { h, w, data: new Float32Array(bytes.buffer.slice(bytes.byteOffset + 12, bytes.byteOffset + 12 + 8 * w * h)) };
}

const weights = shared("data/weights/raft-small.pth");
describe.runIf(weights)("the released RAFT-small, 20 updates, on real frames", () => {
  test.each([
    ["rubberwhale", "frame10.png", "frame11.png", 0.32],
    ["Dimetrodon", "frame10.png", "frame11.png", 0.246],
    ["Grove2", "frame10.png", "frame11.png", 0.349],
    ["sintel_demo", "frame_0016.png", "frame_0017.png", undefined],
  ] as const)("%s agrees with the original code", async (folder, first, second, epe) => {
    if (!native) return console.log("skipped: too slow on the portable engine");
    const estimator = await loadFlowEstimator("raft-small", weights);
    const images = await Promise.all([first, second].map((name) => readPng(shared(`data/flow/${folder}/${name}`)!)));
    const flow = tf.tidy(() => tf.clone(estimator.clipFlows(imagesToTensor(images) as Tensor4D, [[0, 1]], 20).forward));
    const mine = flow.dataSync();
    const distance = (other: Float32Array) => {
      let [sum, count] = [0, 0];
      for (let i = 0; i < other.length; i += 2) {
        if (Math.abs(other[i]!) > 1e9) continue;
        sum += Math.hypot(mine[i]! - other[i]!, mine[i + 1]! - other[i + 1]!);
        count++;
      }
      return sum / count;
    };
    const { h, w, data } = readReference(shared(`data/flow/${folder}/raft_small_iters20.flo`)!);
    expect(flow.shape).toEqual([1, h, w, 2]);
    const difference = distance(data);
    console.log(`${folder}: mean difference ${difference.toExponential(2)} px`);
    expect(difference).toBeLessThan(0.01);
    if (epe) expect(distance(readReference(shared(`data/flow/${folder}/flow10.flo`)!).data)).toBeCloseTo(epe, 2);
    estimator.dispose();
  });
});
