import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Checkpoint, lastCheckpoint, saveCheckpoint, tensorDigest } from "../../../pipelines/run/checkpoint.ts";
import { floatTensor } from "../../../src/io/host-tensor.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

const weights = new Map([["fc.weight", floatTensor(Float32Array.of(1, 2.5, -3, 1e-30), [2, 2])]]);
const checkpoint = (step: number): Checkpoint => ({
  step,
  weights,
  optimiser: new Map([["first.fc.weight", floatTensor(Float32Array.of(step), [1])]]),
  options: { steps: 9, cue: ["flow=1"] },
  inputs: { body: "b" },
  before: { pixels: 0.1 },
});

test("the newest checkpoint is read back exactly; two are kept; what a kill left is not taken for one", async () => {
  const folder = join(temporaryFolder(), "checkpoints");
  expect(await lastCheckpoint(folder)).toBeUndefined();
  for (const step of [2, 4, 100]) await saveCheckpoint(folder, checkpoint(step));
  expect(readdirSync(folder).sort()).toEqual(["step-00000004.safetensors", "step-00000100.safetensors"]);
  writeFileSync(join(folder, ".step-00000200.safetensors.1234-ab.part"), "half a fi");
  expect(await lastCheckpoint(folder)).toEqual(checkpoint(100));
});

test("a broken checkpoint is an error that names it", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "step-00000003.safetensors"), "nothing");
  expect(await failure(lastCheckpoint(folder))).toMatch(/^FormatError: .*step-00000003/);
});

test("a digest tells names, shapes and bits apart", () => {
  const digest = (name: string, data: Float32Array, shape: number[]) =>
    tensorDigest([[name, floatTensor(data, shape)]]);
  const all = [
    digest("a", Float32Array.of(1, 0), [2]),
    digest("b", Float32Array.of(1, 0), [2]),
    digest("a", Float32Array.of(1, 0), [2, 1]),
    digest("a", Float32Array.of(1, -0), [2]),
  ];
  expect(new Set(all).size).toBe(4);
  expect(digest("a", Float32Array.of(1, 0), [2])).toBe(all[0]);
});
