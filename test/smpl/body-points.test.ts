/** @file Joints of named sets on bodies: against goldens (smplx and SPIN on formula bodies), and on the default body. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { createBodyModel } from "../../smpl/body-model.ts";
import { bodyPoints, createJointSampler, readPointRegressor } from "../../smpl/body-points.ts";
import { type JointSetName, jointSets } from "../../smpl/joint-sets.ts";
import { readBody } from "../../smpl/load-body.ts";
import { proceduralBody } from "../../smpl/procedural-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { axisAngleToMatrix } from "../../src/geometry/rotation.ts";
import { formatNpy, type NpyArray } from "../../src/io/npy.ts";
import { readNpz } from "../../src/io/npz.ts";
import { formulaBody, formulaRows } from "../support/formula-body.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "points-"));
beforeAll(async () => {
  await startEngine();
});
afterAll(() => rmSync(folder, { recursive: true }));

function saved(name: string, data: Float32Array, shape: readonly number[]): string {
  const path = join(folder, name);
  writeFileSync(path, formatNpy({ dtype: "float32", shape, data } as NpyArray));
  return path;
}

/** Joints of some sets for poses given as axis-angle. */
function jointsOf(body: BodyArrays, pose: Float32Array, betas: Float32Array, transl: Float32Array) {
  const count = transl.length / 3;
  const model = createBodyModel(body);
  const skinned = model.forward({
    rotations: axisAngleToMatrix(tf.tensor3d(pose, [count, 24, 3])),
    betas: tf.tensor2d(betas, [count, betas.length / count]),
    transl: tf.tensor2d(transl, [count, 3]),
  });
  return (set: JointSetName, given = {}) => createJointSampler(body, set, given).joints(skinned);
}

const golden = shared("golden/smpl");
describe.skipIf(!golden)("golden joints", () => {
  const numbers = async (file: string) => {
    const arrays = await readNpz(`${golden}/${file}`);
    return (name: string) => Float32Array.from(arrays.get(name)!.data as ArrayLike<number>, Number);
  };

  it("45 joints of a body of 431 vertices that names its own picks: 8 cases", async () => {
    const read = await numbers("smpl_v431_expected.npz");
    const picks = Uint32Array.from(read("extra_vertex_ids"));
    const body: BodyArrays = { ...(await readBody(`${golden}/smpl_v431.npz`)), points: { picks } };
    const joints = jointsOf(body, read("pose"), read("betas"), read("transl"));
    const extra = new Float32Array(9 * 431);
    const set = joints("smpl-54", { extra });
    expectClose(tf.slice(set, [0, 0, 0], [-1, 45, -1]), read("joints45"), 3e-6, 0);
    expectClose(tf.slice(set, [0, 45, 0], [-1, 9, -1]), new Float32Array(8 * 27), 0, 0);
  });

  it("54, 49 and 17 joints of a body with SMPL's mesh and regressor files", async () => {
    const read = await numbers("smpl_v6890_expected.npz");
    const body = formulaBody("smpl6890", 6890, 13776);
    const joints = jointsOf(body, read("pose"), read("betas"), read("transl"));
    const extra = await readPointRegressor(saved("extra.npy", formulaRows("J_regressor_extra", 9, 6890, 10), [9, 6890]), 6890); // biome-ignore format: one line
    const h36m = await readPointRegressor(saved("h36m.npy", formulaRows("J_regressor_h36m", 17, 6890, 10), [17, 6890]), 6890); // biome-ignore format: one line
    expectClose(joints("smpl-54", extra), read("joints54"), 3e-6, 0);
    expectClose(joints("spin-49", extra), read("joints49"), 3e-6, 0);
    expectClose(joints("h36m-17", h36m), read("joints17_h36m"), 3e-6, 0);
    const order = [...read("h36m_to_j14")];
    expect(jointSets["h36m-14"].points.map((point) => point - 54)).toEqual(order);
    expectClose(joints("h36m-14", h36m), tf.gather(tf.tensor3d(read("joints17_h36m"), [3, 17, 3]), order, 1).dataSync(), 3e-6, 0); // biome-ignore format: one line
    expect(() => joints("spin-49")).toThrow(/spin-49 needs J_regressor_extra.*6890 vertices/);
  });
});

describe("the default body", () => {
  const rest = () => jointsOf(proceduralBody(), new Float32Array(72), new Float32Array(10), new Float32Array(3));

  it("has every set; each joint lies where its name says, and a flip is the mirror image at rest", () => {
    const joints = rest();
    for (const name of Object.keys(jointSets) as JointSetName[]) {
      const { names, mirror } = jointSets[name];
      const places = joints(name).arraySync()[0]!;
      expect(places.length).toBe(names.length);
      names.forEach((label, k) => {
        const [x, y, z] = places[k]!;
        const [mx, my, mz] = places[mirror[k]!]!;
        expect(Math.hypot(x + mx, y - my, z - mz), `${name} ${label}`).toBeLessThan(2e-3);
        if (/left/.test(label)) expect(x, label).toBeGreaterThan(0.02);
      });
    }
  });

  it("picks vertices at the ends of the body", () => {
    const { vTemplate, points } = proceduralBody();
    const at = (i: number) => [...vTemplate.subarray(3 * points!.picks![i]!, 3 * points!.picks![i]! + 3)];
    const extreme = (axis: number, sign: number, among: (y: number) => boolean) =>
      vTemplate.reduce((best, value, i) => {
        const y = vTemplate[i - (i % 3) + 1]!;
        return i % 3 === axis && among(y) && sign * value > sign * best ? value : best;
      }, -sign * Infinity);
    expect(at(0)[2]).toBeGreaterThan(extreme(2, 1, (y) => y > 0.5) - 0.004);
    expect(at(7)[2]).toBeLessThan(extreme(2, -1, (y) => y < -0.8) + 0.006);
    expect(at(13)[0]).toBeGreaterThan(extreme(0, 1, () => true) - 0.006);
    expect(at(18)[0]).toBeLessThan(extreme(0, -1, () => true) + 0.006);
  });

  it("gives gradients to vertices and joints", () => {
    const body = proceduralBody();
    const vertices = tf.tensor3d(body.vTemplate, [1, body.vTemplate.length / 3, 3]);
    const skeleton = tf.tensor3d(
      Array.from({ length: 72 }, (_, i) => Math.sin(i)),
      [1, 24, 3],
    );
    const sampler = createJointSampler(body, "common-14");
    const weights = tf.tensor3d(
      Array.from({ length: 42 }, (_, i) => Math.cos(2 * i)),
      [1, 14, 3],
    );
    expectGradients(
      (v, j) => tf.sum(tf.mul(sampler.joints({ vertices: v, joints: j } as never), weights)) as tf.Scalar,
      [vertices, skeleton],
    );
    sampler.dispose();
  });
});

describe("bodies that lack points", () => {
  const small = () => formulaBody("small", 30, 56);
  it("give the sets that need none, and refuse the others by name", () => {
    const body = small();
    expect(bodyPoints(body)).toEqual({});
    const joints = jointsOf(body, new Float32Array(72), new Float32Array(10), new Float32Array(3));
    expect(joints("smpl-24").shape).toEqual([1, 24, 3]);
    expect(() => joints("coco-17")).toThrow(/small: joint set coco-17 needs the vertex of nose .*6890 vertices.*this one has 30 and 56/); // biome-ignore format: one line
    expect(() => joints("h36m-17")).toThrow(/needs J_regressor_h36m/);
    expect(() => joints("coco-17", { picks: new Uint32Array(21).fill(30) })).toThrow(/needs vertex 30/);
  });

  it("refuse files that were made for another body", async () => {
    const extra = saved("other.npy", new Float32Array(9 * 31), [9, 31]);
    await expect(readPointRegressor(extra, 30)).rejects.toThrow(
      /other\.npy: expected .*\[9, 30\].*got float32 \[9, 31\]/,
    );
    await expect(readPointRegressor(saved("ten.npy", new Float32Array(300), [10, 30]), 30)).rejects.toThrow(/ten\.npy/);
    const nan = new Float32Array(270).fill(Number.NaN, 7, 8);
    await expect(readPointRegressor(saved("nan.npy", nan, [9, 30]), 30)).rejects.toThrow(/got NaN at index 7/);
    await expect(readPointRegressor(join(folder, "none.npy"), 30)).rejects.toThrow(/none\.npy/);
  });
});
