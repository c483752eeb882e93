import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { type HostTensor, toFloat32 } from "../../src/io/host-tensor.ts";
import { readNpz } from "../../src/io/npz.ts";
import { linkHeatMap, linkPairs, linkWeights } from "../../templates/link-heat-map.ts";
import { unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

describe("linkHeatMap", () => {
  it("is w on the line and fades with the squared distance", () => {
    // A horizontal link in row 0 of -1..1 from column -0.5 to 0.5, on a 5 x 5 grid with 0.5 between pixels.
    const points = tf.tensor3d([[[0, -0.5], [0, 0.5]]]); // biome-ignore format: short
    const heat = linkHeatMap(points, tf.tensor1d([2]), 5, 0.25).dataSync();
    expectClose(heat.slice(10, 15), [2 / Math.E, 2, 2, 2, 2 / Math.E], 1e-5);
    // Row 1 is 0.5 away, its corners 0.5 in both directions.
    expectClose(heat.slice(5, 10), [2 * Math.exp(-2), 2 / Math.E, 2 / Math.E, 2 / Math.E, 2 * Math.exp(-2)], 1e-5);
  });

  it("takes the stronger of two links, and as many weights as there are pairs", () => {
    expect(linkPairs(3)).toEqual([[0, 1], [0, 2], [1, 2]]); // biome-ignore format: short
    const points = tf.tensor3d([[[-1, -1], [1, -1], [-1, 1]]]); // biome-ignore format: short
    const heat = linkHeatMap(points, tf.tensor1d([1, 3, 1e-6]), 3, 0.1).dataSync();
    expectClose([heat[3]!, heat[1]!, heat[0]!], [1, 3, 3], 1e-5);
    expect(() => linkHeatMap(points, tf.tensor1d([1]), 3, 0.1)).toThrow(ShapeError);
  });

  it("agrees with AutoLink's renderer", async () => {
    const path = shared("golden/templates/links.npz");
    if (!path) return;
    const golden = await readNpz(path);
    const of = (key: string) => toFloat32(golden.get(key) as HostTensor);
    const points = tf.tensor3d(of("points_row_col"), [2, 16, 2]);
    const weights = linkWeights(tf.tensor2d(of("theta"), [16, 16]));
    const table = of("weights");
    expectClose(weights, linkPairs(16).map(([i, j]) => table[16 * i + j]!), 1e-6, 1e-4); // biome-ignore format: one thought
    for (const thick of ["5e-4", "7.5e-5", "1e-2"])
      expectClose(linkHeatMap(points, weights, 128, Number(thick)), of(`heat128_thick_${thick}`), 1e-3, 1e-3);
  });

  it("has the gradients of AutoLink's", () => {
    const path = shared("golden/templates/links_small.json");
    if (!path) return;
    const golden = readGolden<Record<string, number[][]> & { size: number; thick: number }>(path);
    const upstream = tf.tensor(golden["cotangent"]!.flat(), [1, 16, 16, 1]);
    const heat = (points: Tensor, theta: Tensor) =>
      linkHeatMap(tf.expandDims(points, 0) as Tensor3D, linkWeights(theta as Tensor2D), golden.size, golden.thick);
    const [points, theta] = [tf.tensor2d(golden["points_row_col"]!), tf.tensor2d(golden["theta"]!)];
    expectClose(heat(points, theta), golden["heat"]!, 1e-6, 1e-4);
    const [byPoints, byTheta] = tf.grads((p: Tensor, t: Tensor) => tf.sum(tf.mul(heat(p, t), upstream)))([
      points,
      theta,
    ]);
    expectClose(byPoints!, golden["grad_points"]!, 1e-3, 1e-3);
    // Only the upper triangle is read; the golden gradient agrees.
    expectClose(byTheta!, golden["grad_theta"]!, 1e-1, 1e-3);
  });

  it("has gradients by central differences, in a batch", () => {
    const points = tf.tensor3d(
      Float32Array.from(unit("link/points", 16), (x) => 0.8 * x),
      [2, 4, 2],
    );
    const weights = tf.tensor1d(Float32Array.from(unit("link/weights", 6), (x) => 1 + 0.5 * x));
    const upstream = tf.tensor(Float32Array.from(unit("link/up", 288)), [2, 12, 12, 1]);
    const score = (p: Tensor, w: Tensor) =>
      tf.sum(tf.mul(linkHeatMap(p as Tensor3D, w as tf.Tensor1D, 12, 0.05), upstream)) as tf.Scalar;
    expectGradients(score, [points, weights], { step: 1e-3, tolerance: 1e-2 });
  });
});
