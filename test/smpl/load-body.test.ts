/** @file Body files: written and read back, and refused with the array's name when broken. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JOINT_COUNT, PARENTS } from "../../smpl/joints.ts";
import { loadBody, readBody } from "../../smpl/load-body.ts";
import { saveBody } from "../../smpl/save-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { MotionCueError } from "../../src/errors.ts";
import { axisAngleToMatrix } from "../../src/geometry/rotation.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import type { NpyArray } from "../../src/io/npy.ts";
import { numbersOf, readNpz, writeNpz } from "../../src/io/npz.ts";
import { shared } from "../support/shared.ts";

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
  });
});

describe("saveBody", () => {
  it("writes what readBody reads, and refuses what does not fit", async () => {
    const path = join(folder, "saved.npz");
    await writeNpz(join(folder, "whole.npz"), entries());
    const body = await readBody(join(folder, "whole.npz"));
    await saveBody(path, body);
    expect(await readBody(path)).toEqual({ ...body, name: path });
    const points = {
      picks: Uint32Array.from({ length: 21 }, (_, i) => i % 5),
      extra: wave(9 * V),
      h36m: wave(17 * V),
    };
    await saveBody(path, { ...body, points });
    expect(await readBody(path)).toEqual({ ...body, points, name: path });
    await saveBody(path, { ...body, points: { extra: points.extra } });
    expect((await readBody(path)).points).toEqual({ extra: points.extra });
    await saveBody(path, { ...body, points: { picks: points.picks.fill(7) } });
    await expect(readBody(path)).rejects.toThrow(/saved\.npz: vertex_picks must hold vertices below 5, got 7/);
    await expect(saveBody(path, { ...body, faces: Uint32Array.of(0, 1) })).rejects.toThrow(/faces/);
  });
});

const golden = shared("golden/smpl");
describe.skipIf(!golden)("published pickles (reference bodies in SMPL's layout)", () => {
  it.each([
    ["smpl_v431_python2_chumpy.pkl", "smpl_v431.npz"],
    ["smpl_v24_python3_protocol2.pkl", "smpl_v24_bigendian_fortran.npz"],
  ])("%s holds the very numbers of %s", async (pickle, clean) => {
    const [ours, theirs] = [await readBody(join(golden!, pickle)), await readBody(join(golden!, clean))];
    expect({ ...ours, name: "" }).toEqual({ ...theirs, name: "" });
  });

  it("takes 300 betas from a protocol-4 pickle, or the first 10", async () => {
    const path = join(golden!, "smpl_v64_300betas_protocol4.pkl");
    const read = await readNpz(join(golden!, "smpl_v64_300betas_expected.npz"));
    const floats = (key: string) => toFloat32(numbersOf(read, key, "golden"));
    for (const [count, key, cases] of [
      [300, "vertices_300betas", 2],
      [10, "vertices_first10betas", 1],
    ] as const) {
      const model = await loadBody(path, count);
      expect(model.betaCount).toBe(count);
      const pose = tf.tensor3d(floats("pose").slice(0, cases * 72), [cases, 24, 3]);
      // The second case has the mean shape.
      const rows = [...floats("betas300").slice(0, count), ...new Float32Array((cases - 1) * count)];
      const betas = tf.tensor2d(rows, [cases, count]);
      const transl = tf.tensor2d(floats("transl").slice(0, cases * 3), [cases, 3]);
      const rotations = tf.reshape(axisAngleToMatrix(pose), [cases, 24, 3, 3]);
      const { vertices } = model.forward({ rotations, betas, transl });
      const expected = floats(key);
      const data = Array.from(vertices.dataSync());
      expect(data.length).toBe(expected.length);
      const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0);
      expect(worst).toBeLessThan(3e-6);
      model.dispose();
    }
  });

  const hostile = golden ? Object.keys(JSON.parse(readFileSync(join(golden, "hostile/expected.json"), "utf8"))) : [];
  // That file is the good one byte for byte, so nothing in it can be refused.
  it.each(hostile.filter((name) => name !== "object_array_dtype"))(
    "hostile/%s.pkl is refused by name",
    async (name) => {
      const path = join(golden!, "hostile", `${name}.pkl`);
      const error = await readBody(path).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MotionCueError);
      expect((error as Error).message.startsWith(`${path}: `)).toBe(true);
      expect(existsSync("HOSTILE_PICKLE_RAN.txt")).toBe(false);
    },
  );
});
