/** @file The made-up work of the benchmarks is what it claims to be, and a worker does it. */
import { beforeAll, expect, it } from "vitest";
import { completeBenchOptions } from "../../bench/options.ts";
import { startOurs } from "../../bench/ours.ts";
import { createRefinement, madeUpLabels, madeUpPairs } from "../../bench/refinement.ts";
import { casesOf } from "../../bench/stages.ts";
import { SMPL_SIZE, tubeBody } from "../../bench/tube-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";

beforeAll(() => startEngine());
const options = completeBenchOptions({ quick: true, threads: 1 });

it("the tube has SMPL's counts and is closed: every edge is run along once each way", () => {
  const body = tubeBody(SMPL_SIZE);
  expect([body.vertexCount, body.faces.length / 3, body.betaCount, body.parents.length]).toEqual([6890, 13776, 10, 24]);
  const edges = new Set<number>();
  for (let f = 0; f < body.faces.length; f += 3)
    for (let k = 0; k < 3; k++) edges.add(body.faces[f + k]! * 6890 + body.faces[f + ((k + 1) % 3)]!);
  expect(edges.size).toBe(body.faces.length);
  expect([...edges].filter((edge) => !edges.has((edge % 6890) * 6890 + Math.floor(edge / 6890)))).toEqual([]);
  body.dispose();
});

it("the tube's faces look outwards: the volume that they enclose is positive", () => {
  const { host, dispose } = tubeBody({ rings: 9, segments: 8 });
  const { vTemplate: v, faces } = host;
  let volume = 0;
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => v.subarray(3 * faces[f + k]!, 3 * faces[f + k]! + 3)) as Float32Array[];
    const cross = [
      b![1]! * c![2]! - b![2]! * c![1]!,
      b![2]! * c![0]! - b![0]! * c![2]!,
      b![0]! * c![1]! - b![1]! * c![0]!,
    ];
    volume += (a![0]! * cross[0]! + a![1]! * cross[1]! + a![2]! * cross[2]!) / 6;
  }
  expect(volume).toBeGreaterThan(0.02);
  dispose();
});

it("a made-up step uses every pair, changes the weights and leaves no tensors behind", () => {
  const spec = { backbone: "resnet18", width: 4, hidden: 16, cropSize: 32 } as const;
  const refinement = createRefinement(spec, { rings: 12, segments: 10 });
  const [pairs, labels] = [madeUpPairs(2, 32, 32), madeUpLabels(2, 32)];
  const first = refinement.step(pairs, labels);
  expect(first.cues["flow"]!.numbers["kept"]).toBe(4);
  const count = tf.memory().numTensors;
  const second = refinement.step(pairs, labels);
  expect(tf.memory().numTensors).toBe(count);
  expect(second.loss).not.toBe(first.loss);
  expect(Number.isFinite(second.loss)).toBe(true);
  refinement.dispose();
});

const quickCases = casesOf(["body", "visibility", "engine"], options.sizes);
it.each(quickCases.map(({ item }) => item))("$id runs and cleans up", async (item) => {
  const before = tf.memory().numTensors;
  const prepared = await item.prepare({ sizes: options.sizes, video: "" });
  await prepared.run();
  expect(prepared.figure(2)).toBeGreaterThan(0);
  prepared.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

it("a worker times rounds and profiles in a process of its own", async () => {
  const { engine, precision, sizes } = options;
  const job = { stage: "body", id: "body-forward", engine, precision, sizes, repeats: 2, warmup: 0, video: "" };
  const ours = await startOurs(job, 1);
  const figures = await ours.round();
  expect(figures).toHaveLength(2);
  expect(Math.min(...figures)).toBeGreaterThan(0);
  const { kernels } = await ours.profile();
  expect(kernels.length).toBeGreaterThan(0);
  await ours.stop();
});

it("a worker that cannot do its job says why", async () => {
  const job = { stage: "engine", id: "engine-call", sizes: options.sizes, repeats: 1, warmup: 0, video: "" };
  await expect(startOurs({ ...job, engine: "wasm", precision: "bf16" }, 1)).rejects.toMatchObject({
    message: "--precision: bf16 needs the torch engine, and wasm runs; use --precision fp32",
    exitCode: 1,
  });
});
