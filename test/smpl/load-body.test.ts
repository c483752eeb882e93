/** @file Body files: written and read back, and refused with the array's name when broken. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JOINT_COUNT, PARENTS } from "../../smpl/joints.ts";
import { loadBody } from "../../smpl/load-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import type { NpyArray } from "../../src/io/npy.ts";
import { writeNpz } from "../../src/io/npz.ts";

const folder = mkdtempSync(join(tmpdir(), "body-"));
beforeAll(async () => {
  await startEngine();
});
afterAll(() => rmSync(folder, { recursive: true }));

const V = 5;
const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));
/** A file with seven betas. */
function entries(change: Record<string, NpyArray> = {}): Record<string, NpyArray> {
  const rows = Float32Array.from({ length: V * JOINT_COUNT }, () => 1 / JOINT_COUNT);
  const tree = [2 ** 32 - 1, ...PARENTS.slice(1), ...PARENTS.keys()];
  return {
    v_template: { dtype: "float32", shape: [V, 3], data: wave(3 * V) },
    shapedirs: { dtype: "float64", shape: [V, 3, 7], data: Float64Array.from(wave(21 * V)) },
    posedirs: { dtype: "float32", shape: [V, 3, 207], data: wave(621 * V) },
    J_regressor: { dtype: "float32", shape: [JOINT_COUNT, V], data: rows.map(() => 1 / V) },
    weights: { dtype: "float32", shape: [V, JOINT_COUNT], data: rows },
    kintree_table: { dtype: "uint32", shape: [2, JOINT_COUNT], data: Uint32Array.from(tree) },
    f: { dtype: "uint32", shape: [2, 3], data: Uint32Array.of(0, 1, 2, 2, 3, 4) },
    ...change,
  };
}
async function load(change: Record<string, NpyArray>, betaCount?: number) {
  const path = join(folder, "body.npz");
  await writeNpz(path, entries(change));
  return loadBody(path, betaCount);
}

describe("loadBody", () => {
  it("reads SMPL's keys and uses the betas there are", async () => {
    const model = await load({});
    expect([model.vertexCount, model.betaCount, model.parents[0], model.parents[23]]).toEqual([5, 7, -1, 21]);
    expect([...model.faces]).toEqual([0, 1, 2, 2, 3, 4]);
    model.dispose();
    const four = await load({}, 4);
    expect(four.betaCount).toBe(4);
    four.dispose();
  });

  it("gives the default body", async () => {
    const model = await loadBody("default");
    const rotations = tf.tile(tf.reshape(tf.eye(3), [1, 1, 3, 3]), [2, 24, 1, 1]);
    const { vertices, joints } = model.forward({ rotations, betas: tf.zeros([2, 10]) });
    expect(vertices.shape).toEqual([2, model.vertexCount, 3]);
    expect(joints.shape).toEqual([2, 24, 3]);
    const rest = model.host.vTemplate;
    const data = Array.from(vertices.dataSync());
    const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - rest[i % rest.length]!)), 0);
    expect(worst).toBeLessThan(1e-5);
    model.dispose();
  });

  it("names file and array when something is wrong", async () => {
    const path = /body\.npz/;
    const { weights: _, ...without } = entries();
    await writeNpz(join(folder, "part.npz"), without);
    await expect(loadBody(join(folder, "part.npz"))).rejects.toThrow(/part\.npz: array weights is missing/);
    const posedirs: NpyArray = { dtype: "float32", shape: [V, 3, 200], data: wave(600 * V) };
    await expect(load({ posedirs })).rejects.toThrow(/posedirs must have shape \[5, 3, 207\], got \[5, 3, 200\]/);
    const f: NpyArray = { dtype: "uint32", shape: [1, 3], data: Uint32Array.of(0, 1, 9) };
    await expect(load({ f })).rejects.toThrow(/faces must be below 5, got 9/);
    const weights: NpyArray = { dtype: "float32", shape: [V, 24], data: wave(24 * V) };
    await expect(load({ weights })).rejects.toThrow(path);
    const kintree_table: NpyArray = { dtype: "uint32", shape: [2, 24], data: new Uint32Array(48).fill(77) };
    await expect(load({ kintree_table })).rejects.toThrow(/kintree_table must hold joints below 24, got 77/);
    await expect(loadBody(join(folder, "none.npz"))).rejects.toThrow(/none\.npz/);
    await expect(loadBody(join(folder, "smpl.pkl"))).rejects.toThrow(/got a pickle/);
  });
});
