import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadFlowEstimator } from "../../../flow/estimators.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { learningRateAt, trainFlow } from "../../../pipelines/train/flow.ts";
import { type EngineInfo, startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { OptionError } from "../../../src/errors.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { silentLog } from "../../../src/log.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-"));
afterAll(() => rmSync(folder, { recursive: true }));
let engine: EngineInfo;
beforeAll(async () => {
  engine = await startEngine();
});

const small = { steps: 3, batch: 1, size: 64, updates: 2, evaluateUpdates: 1, heldOut: 1, evaluateEvery: 3 };

test("the learning rate warms up over a twentieth and ends at a hundredth", () => {
  const options = { steps: 100, learningRate: 2 };
  expect(learningRateAt(options, 1)).toBeCloseTo(0.4, 9);
  expect(learningRateAt(options, 5)).toBe(2);
  expect(learningRateAt(options, 52)).toBeCloseTo(2 * (0.01 + 0.495 * (1 + Math.cos((Math.PI * 47) / 95))), 9);
  expect(learningRateAt(options, 100)).toBeCloseTo(0.02, 9);
});

describe("training", () => {
  test("interrupted and resumed, it ends with the same weights as without interruption", async () => {
    if (engine.name === "wasm") return console.log("skipped: too slow on the portable engine");
    const whole = await trainFlow({ ...small, out: join(folder, "whole") });
    const before = tf.memory().numTensors;
    const out = join(folder, "parts");
    const stop = new AbortController();
    const context = createContext(silentLog, stop.signal);
    const progress = { update: (done: number) => void (done === 1 && stop.abort(new Error("stopped"))), finish() {} };
    await expect(trainFlow({ ...small, out }, { ...context, progress: () => progress })).rejects.toThrow("stopped");
    await expect(trainFlow({ ...small, out })).rejects.toThrow(OptionError);
    await expect(trainFlow({ ...small, out, resume: true, seed: 2 })).rejects.toThrow(/begun with seed 1, got 2/);
    const resumed = await trainFlow({ ...small, out, resume: true });
    expect(tf.memory().numTensors).toBe(before);
    expect(resumed.heldOut).toEqual(whole.heldOut);
    const [a, b] = await Promise.all([whole.weights, resumed.weights].map((path) => readSafetensors(path)));
    expect(b!.tensors).toEqual(a!.tensors);
    const records = readFileSync(join(out, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map((record) => record.step)).toEqual([1, 2, 3]);
    for (const kind of ["shapes", "people"]) expect(records[2].heldOut[kind].zero).toBeGreaterThan(0);

    const estimator = await loadFlowEstimator("motioncue", whole.weights);
    const { forward } = estimator.clipFlows(tf.ones([2, 40, 70, 3]), [[0, 1]], 1);
    expect(forward.shape).toEqual([1, 40, 70, 2]);
    expect([...forward.dataSync()].every(Number.isFinite)).toBe(true);
  });

  test("unknown and impossible options are refused", async () => {
    await expect(trainFlow({ stepz: 1 } as never)).rejects.toThrow(/did you mean "steps"/);
    await expect(trainFlow({ steps: 0 })).rejects.toThrow(OptionError);
  });
});
