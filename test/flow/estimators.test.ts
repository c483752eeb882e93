/** @file What every flow network of the registry must do, tested on each. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flowEstimators, loadFlowEstimator } from "../../flow/estimators.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { FormatError, MotionCueError, OptionError } from "../../src/errors.ts";
import type { HostTensor } from "../../src/io/host-tensor.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { failure } from "../support/files.ts";
import { formulaTensors, picture } from "../support/formula.ts";

const names = Object.keys(flowEstimators);
const folder = mkdtempSync(join(tmpdir(), "motioncue-flow-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const weightFile = (name: string) => flowEstimators[name]!.weights ?? join(folder, `${name}.safetensors`);

beforeAll(async () => {
  await startEngine();
  for (const name of names) {
    const layout = flowEstimators[name]!.layouts()[0];
    if (!layout) continue;
    const shapes = layout.keys.map(({ key, shape }) => [layout.prefix + key, shape] as const);
    const tensors = formulaTensors(Object.fromEntries(shapes), { "flow_head.conv2.weight": 0.3, conv3: 0.1 });
    await writeSafetensors(weightFile(name), tensors, {}, { dtype: "float16" });
  }
});

/** Three frames [3,H,W,3]: a picture that moves. */
function clip(h: number, w: number): Tensor4D {
  const frames = [0, 13, 30].map((dx8) => picture("contract", h, w, { dx8, dy8: -dx8 >> 1 }));
  return tf.tidy(
    () =>
      tf.div(
        tf.tensor4d(
          frames.flatMap((frame) => [...frame]),
          [3, h, w, 3],
        ),
        255,
      ) as Tensor4D,
  );
}
const largest = (x: Tensor4D) => tf.tidy(() => tf.max(tf.abs(x)).dataSync()[0]!);
const difference = (a: Tensor4D, b: Tensor4D) => tf.tidy(() => largest(tf.sub(a, b)));
const one = (x: Tensor4D, index: number) => tf.slice(x, [index, 0, 0, 0], [1, x.shape[1], x.shape[2], x.shape[3]]);

test("the registry holds these networks", () => {
  expect(names).toEqual(["motioncue", "raft-small", "raft-large", "neuflow-v2"]);
});

describe.each(names)("%s", (name) => {
  const kind = flowEstimators[name]!;

  test("says what it is in a line, and how many updates suit it", () => {
    expect(kind.doc).toMatch(/^[^\n]{20,120}$/);
    expect(kind.updates).toBeGreaterThan(0);
    expect(Number.isInteger(kind.updates)).toBe(true);
    // Weights are shipped, or published by others in a layout that is known.
    expect(kind.weights !== undefined || kind.layouts().length > 0).toBe(true);
  });

  test("without weights of its own asks for them; names a file that is absent or another network's", async () => {
    if (!kind.weights) {
      await expect(loadFlowEstimator(name)).rejects.toThrow(OptionError);
      await expect(loadFlowEstimator(name)).rejects.toThrow(/--flow-weights/);
    }
    await expect(loadFlowEstimator(name, "absent.safetensors")).rejects.toThrow(/absent\.safetensors/);
    for (const other of names.filter((each) => each !== name)) {
      const told = await failure(loadFlowEstimator(name, weightFile(other)));
      expect(told).toContain("FormatError");
      expect(told).toContain(weightFile(other));
    }
  });

  test("is strict: one key too few, one too many and one of another shape are named", async () => {
    const { tensors, metadata } = await readSafetensors(weightFile(name));
    const keys = [...tensors.keys()].filter((key) => key.endsWith(".weight") && tensors.get(key)!.shape.length === 4);
    const [gone, odd] = [keys[1]!, keys[2]!];
    const changed = new Map<string, HostTensor>(tensors);
    changed.delete(gone);
    changed.set("stranger", tensors.get(odd)!);
    changed.set(odd, tensors.get(keys[0]!)!);
    const path = join(folder, "changed.safetensors");
    await writeSafetensors(path, changed, metadata, { dtype: "float16" });
    const told = await failure(loadFlowEstimator(name, path));
    for (const key of [gone, "stranger", odd]) expect(told).toContain(key.replace(/^module\./, ""));
  });

  test("gives flow of any size, both ways, of the pairs that are asked for", async () => {
    const estimator = await loadFlowEstimator(name, weightFile(name));
    expect(estimator.name).toBe(name);
    const images = clip(37, 70);
    const loaded = tf.memory().numTensors;
    const pairs = [[0, 1], [2, 0], [1, 1]] as const; // biome-ignore format: pairs
    const { forward, backward } = estimator.clipFlows(images, pairs, 2);
    expect(tf.memory().numTensors).toBe(loaded + 2);
    expect([forward.shape, backward.shape]).toEqual([[3, 37, 70, 2], [3, 37, 70, 2]]); // biome-ignore format: shapes
    const scale = largest(forward);
    expect(Number.isFinite(scale) && scale > 1e-3).toBe(true);

    const alone = estimator.clipFlows(images, [[0, 2]], 2);
    // Pair (2, 0) backwards is (0, 2) forwards: to rounding, whatever else is asked for at the same time.
    expect(difference(one(backward, 1), alone.forward)).toBeLessThan(1e-3 * scale);
    expect(difference(one(forward, 1), alone.backward)).toBeLessThan(1e-3 * scale);
    // Between a frame and itself both ways are the same.
    expect(difference(one(forward, 2), one(backward, 2))).toBeLessThan(1e-3 * scale);
    // Order and number of updates matter.
    expect(difference(one(forward, 1), one(backward, 1))).toBeGreaterThan(1e-2 * scale);
    expect(difference(estimator.clipFlows(images, pairs, 1).forward, forward)).toBeGreaterThan(1e-3 * scale);
    expect(estimator.clipFlows(images, pairs, 2).forward.dataSync()).toEqual(forward.dataSync());

    const small = estimator.clipFlows(clip(9, 13), [[0, 1]], 1);
    expect(small.backward.shape).toEqual([1, 9, 13, 2]);
    expect(Number.isFinite(largest(small.backward))).toBe(true);
    expect(estimator.clipFlows(images, [], 2).forward.shape).toEqual([0, 37, 70, 2]);
    expect(() => estimator.clipFlows(images, [[0, 3]], 2)).toThrow(
      `${name}: expected frames 0 to 2, got a pair with frame 3`,
    );
    for (const updates of [0, 1.5]) expect(() => estimator.clipFlows(images, pairs, updates)).toThrow(MotionCueError);
    estimator.dispose();
  });

  test("frees its weights", async () => {
    const before = tf.memory().numTensors;
    (await loadFlowEstimator(name, weightFile(name))).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test("an unknown name is refused with the one that was meant", async () => {
  await expect(loadFlowEstimator("raft-smal")).rejects.toThrow(/did you mean "raft-small"/);
  await expect(loadFlowEstimator("constructor")).rejects.toThrow(OptionError);
  await expect(loadFlowEstimator("motioncue", join(folder, "raft-small.safetensors"))).rejects.toThrow(FormatError);
});
