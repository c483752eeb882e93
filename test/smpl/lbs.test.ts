/** @file Skinning against goldens (independent float64 computation; smplx agrees to 1.6e-8 m) and checked gradients. */
import { beforeAll, describe, expect, it } from "vitest";
import { type BodyArrays, createBodyModel } from "../../smpl/body-model.ts";
import { readBody } from "../../smpl/load-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, tf } from "../../src/engine/tf.ts";
import { axisAngleToMatrix } from "../../src/geometry/rotation.ts";
import { readNpz } from "../../src/io/npz.ts";
import { shared } from "../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

const JOINTS = 24;
const folder = shared("golden/smpl");

async function golden(path: string): Promise<(name: string) => { data: Float64Array; shape: readonly number[] }> {
  const entries = await readNpz(`${folder}/${path}`);
  return (name) => {
    const entry = entries.get(name)!;
    return { data: Float64Array.from(entry.data as ArrayLike<number>), shape: entry.shape };
  };
}
const worst = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

describe.skipIf(!folder)("golden bodies", () => {
  it("agrees on 8 cases of a body of 431 vertices, to a micrometre", async () => {
    const model = createBodyModel(await readBody(`${folder}/smpl_v431.npz`));
    const read = await golden("smpl_v431_expected.npz");
    const cases = read("betas").shape[0]!;
    const { vertices, joints } = model.forward({
      rotations: tf.tensor4d(Float32Array.from(read("rotmats").data), [cases, JOINTS, 3, 3]),
      betas: tf.tensor2d(Float32Array.from(read("betas").data), [cases, 10]),
      transl: tf.tensor2d(Float32Array.from(read("transl").data), [cases, 3]),
    });
    expect(worst(vertices.dataSync(), read("vertices").data)).toBeLessThan(2e-6);
    const expected = read("joints45");
    const first24 = Array.from({ length: cases }, (_, b) => [...expected.data.slice(b * 135, b * 135 + 72)]).flat();
    expect(worst(joints.dataSync(), first24)).toBeLessThan(2e-6);
    model.dispose();
  });

  it("reads a big-endian Fortran-order file with float64 numbers", async () => {
    const model = createBodyModel(await readBody(`${folder}/smpl_v24_bigendian_fortran.npz`));
    const read = await golden("smpl_v24_expected.npz");
    expect(worst(model.host.shapeDirs, read("model_shapedirs").data)).toBe(0);
    const cases = await golden("smpl_v431_expected.npz");
    const row = (name: string, size: number) => Float32Array.from(cases(name).data.slice(6 * size, 7 * size));
    const { vertices } = model.forward({
      rotations: tf.tensor4d(row("rotmats", 216), [1, JOINTS, 3, 3]),
      betas: tf.tensor2d(row("betas", 10), [1, 10]),
      transl: tf.tensor2d(row("transl", 3), [1, 3]),
    });
    expect(worst(vertices.dataSync(), read("vertices").data)).toBeLessThan(2e-6);
    model.dispose();
  });
});

/** Five vertices on a chain of three joints with a branch, everything uneven. */
function smallBody(): BodyArrays {
  const wave = (count: number, scale: number, phase: number) =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(1.7 * i + phase));
  const rows = (count: number, columns: number, phase: number) =>
    Float32Array.from({ length: count * columns }, (_, i) => {
      const entry = (k: number) => 1.2 + Math.sin(2.3 * k + phase);
      const first = i - (i % columns);
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += entry(first + k);
      return entry(i) / sum;
    });
  return {
    name: "small",
    vTemplate: wave(15, 0.5, 0.2),
    shapeDirs: wave(15 * 3, 0.05, 1),
    poseDirs: wave(15 * 27, 0.02, 2),
    jointRegressor: rows(4, 5, 0.4),
    lbsWeights: rows(5, 4, 0.9),
    faces: Uint32Array.of(0, 1, 2, 2, 3, 4),
    parents: Int32Array.of(-1, 0, 1, 0),
  };
}

/** The same by the formula, joint by joint in float64, for one body. */
function skinByFormula(body: BodyArrays, rotations: number[][][], betas: number[], transl: number[]): number[] {
  const V = body.vTemplate.length / 3;
  const J = body.parents.length;
  const N = body.shapeDirs.length / (3 * V);
  const shaped = Array.from(
    body.vTemplate,
    (x, i) => x + betas.reduce((s, b, k) => s + b * body.shapeDirs[i * N + k]!, 0),
  );
  const rest = Array.from({ length: J }, (_, j) =>
    [0, 1, 2].map((a) =>
      shaped.reduce((s, x, i) => (i % 3 === a ? s + body.jointRegressor[j * V + (i - a) / 3]! * x : s), 0),
    ),
  );
  const feature = rotations.slice(1).flatMap((r) => r.flatMap((row, i) => row.map((x, k) => x - (i === k ? 1 : 0))));
  const posed = shaped.map(
    (x, i) => x + feature.reduce((s, f, k) => s + f * body.poseDirs[i * feature.length + k]!, 0),
  );
  const apply = (m: number[][], x: number[]) => m.map((row) => row[0]! * x[0]! + row[1]! * x[1]! + row[2]! * x[2]!);
  const turn: number[][][] = [];
  const place: number[][] = [];
  for (let j = 0; j < J; j++) {
    const p = body.parents[j]!;
    if (p < 0) {
      turn.push(rotations[0]!);
      place.push(rest[0]!);
      continue;
    }
    turn.push(turn[p]!.map((row) => [0, 1, 2].map((k) => row.reduce((s, x, i) => s + x * rotations[j]![i]![k]!, 0))));
    const bone = apply(
      turn[p]!,
      rest[j]!.map((x, a) => x - rest[p]![a]!),
    );
    place.push(bone.map((x, a) => x + place[p]![a]!));
  }
  return Array.from({ length: 3 * V }, (_, i) => {
    const v = Math.floor(i / 3);
    let sum = transl[i % 3]!;
    for (let j = 0; j < J; j++) {
      const local = rest[j]!.map((x, a) => posed[3 * v + a]! - x);
      sum += body.lbsWeights[v * J + j]! * (apply(turn[j]!, local)[i % 3]! + place[j]![i % 3]!);
    }
    return sum;
  });
}

describe("linear blend skinning", () => {
  const pose = [0.2, -0.4, 1.1, 0.7, 0.1, -0.3, -1.2, 0.5, 0.4, 0.9, -0.8, 0.3];
  const betas = [0.7, -1.3, 0.4];
  const transl = [0.1, -0.2, 3];
  const matrices = (p: number[]) => axisAngleToMatrix(tf.tensor3d(p, [1, 4, 3]));

  it("is the formula for an uneven small body", () => {
    const model = createBodyModel(smallBody());
    const { vertices } = model.forward({
      rotations: matrices(pose),
      betas: tf.tensor2d([betas]),
      transl: tf.tensor2d([transl]),
    });
    const rotations = matrices(pose).arraySync() as number[][][][];
    expect(worst(vertices.dataSync(), skinByFormula(smallBody(), rotations[0]!, betas, transl))).toBeLessThan(1e-6);
    model.dispose();
  });

  it("turns about the pelvis joint, then translates", () => {
    const model = createBodyModel(smallBody());
    const still = Array.from({ length: 12 }, () => 0);
    const pelvis = model
      .forward({ rotations: matrices(still), betas: tf.tensor2d([betas]) })
      .joints.dataSync()
      .slice(0, 3);
    const turned = model.forward({ rotations: matrices([2, 1, -1, ...still.slice(3)]), betas: tf.tensor2d([betas]) });
    expect(worst(turned.joints.dataSync().slice(0, 3), pelvis)).toBeLessThan(1e-6);
    model.dispose();
  });

  it("has the gradient that differences give: pose, betas and translation, also at rest", () => {
    const model = createBodyModel(smallBody());
    const cotangent = tf.tensor3d(
      Array.from({ length: 15 }, (_, i) => Math.cos(3 * i + 1)),
      [1, 5, 3],
    );
    const value = (p: Tensor, b: Tensor, t: Tensor) => {
      const rotations = axisAngleToMatrix(tf.reshape(p, [1, 4, 3]));
      const { vertices, joints } = model.forward({
        rotations,
        betas: tf.reshape(b, [1, 3]),
        transl: tf.reshape(t, [1, 3]),
      });
      return tf.add(tf.sum(tf.mul(vertices, cotangent)), tf.sum(tf.square(joints)));
    };
    for (const at of [
      [pose, betas, transl],
      [pose.map(() => 0), betas.map(() => 0), [0, 0, 0]],
    ]) {
      const gradients = tf.grads(value)(at.map((x) => tf.tensor1d(x)));
      at.forEach((x, which) => {
        const analytic = gradients[which]!.dataSync();
        x.forEach((_, i) => {
          const shifted = (step: number) =>
            value(
              ...(at.map((y, w) => tf.tensor1d(y.map((v, k) => (w === which && k === i ? v + step : v)))) as [
                Tensor,
                Tensor,
                Tensor,
              ]),
            ).dataSync()[0]!;
          const numeric = (shifted(5e-3) - shifted(-5e-3)) / 1e-2;
          expect(Math.abs(analytic[i]! - numeric)).toBeLessThan(2e-3 * (1 + Math.abs(numeric)));
        });
      });
    }
    model.dispose();
  });

  it("frees what it made", () => {
    const before = tf.memory().numTensors;
    const model = createBodyModel(smallBody());
    const out = tf.tidy(() => {
      const { vertices } = model.forward({ rotations: matrices(pose), betas: tf.tensor2d([betas]) });
      return tf.sum(vertices);
    });
    out.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("body arrays", () => {
  const broken = (change: Partial<BodyArrays>) => () => createBodyModel({ ...smallBody(), ...change });
  it("are refused when they do not fit together, with the array's name", () => {
    expect(broken({ poseDirs: new Float32Array(9) })).toThrow(/small poseDirs: expected shape V\*3\*9\(J-1\) = 405/);
    expect(broken({ faces: Uint32Array.of(0, 1, 5) })).toThrow(/faces must be below 5, got 5/);
    expect(broken({ parents: Int32Array.of(-1, 2, 1, 0) })).toThrow(/parents must be .* got 2 for joint 1/);
    expect(broken({ lbsWeights: new Float32Array(20) })).toThrow(/skin weights must sum to 1, got 0 for vertex 0/);
    expect(broken({ vTemplate: new Float32Array(15).fill(Number.NaN) })).toThrow(/vTemplate must be finite/);
    expect(() => createBodyModel(smallBody(), 4)).toThrow(/from 1 to 3, got 4/);
  });
  it("use the betas that were asked for", () => {
    const model = createBodyModel(smallBody(), 2);
    expect(model.betaCount).toBe(2);
    expect(() => model.forward({ rotations: tf.zeros([1, 4, 3, 3]), betas: tf.zeros([1, 3]) })).toThrow(
      /\[1, 2\], got \[1, 3\]/,
    );
    model.dispose();
  });
});
