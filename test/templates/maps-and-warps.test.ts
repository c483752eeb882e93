/** @file Affine maps, warps and Gaussian maps together: they must agree with each other and with the released code's numbers. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { type HostTensor, toFloat32 } from "../../src/io/host-tensor.ts";
import { readNpz } from "../../src/io/npz.ts";
import { affineFromRaw, composeAffine, transformPoints } from "../../templates/affine.ts";
import { gaussianMaps, movedGaussianMaps } from "../../templates/gaussian-maps.ts";
import { loadTemplate } from "../../templates/part-template.ts";
import { warpMaps } from "../../templates/warp.ts";
import { uniform, unit } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

const armsOut = loadTemplate("arms-out");
const asMatrices = (values: ArrayLike<number>, batch: number, count: number) =>
  tf.tensor4d(Float32Array.from(values), [batch, count, 2, 3]);
const identities = (batch: number, count: number) => affineFromRaw(tf.zeros([batch, count, 2, 3]), 64);

describe("affineFromRaw", () => {
  it("is the identity at 0, with translations in picture sides", () => {
    expectClose(identities(1, 2), [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]);
    const raw = tf.tensor4d([0.1, 0.2, 0.5, 0.3, 0.4, -0.25], [1, 1, 2, 3]);
    expectClose(affineFromRaw(raw, 64), [1.1, 0.2, 32, 0.3, 1.4, -16]);
  });

  it("leaves its pivot in place unless translated", () => {
    const raw = tf.tensor4d([0.1, 0.2, 0.5, 0.3, 0.4, -0.25], [1, 1, 2, 3]);
    const matrices = affineFromRaw(raw, 64, tf.tensor3d([[[10, 30]]]));
    expectClose(transformPoints(matrices, [[10, 30]], [0]), [42, 14], 1e-4);
    // One pixel to the right of the pivot lies one turned pixel away.
    expectClose(transformPoints(matrices, [[11, 30]], [0]), [43.1, 14.3], 1e-4);
  });
});

it("composeAffine does the first map first", () => {
  const first = asMatrices([0, -1, 5, 1, 0, 2], 1, 1);
  const second = asMatrices([2, 0, 1, 0, 3, -4], 1, 1);
  // (7, 1) -> (-1 + 5, 7 + 2) = (4, 9) -> (9, 23)
  expectClose(transformPoints(composeAffine(second, first), [[7, 1]], [0]), [9, 23]);
});

describe("warpMaps", () => {
  it("takes a single bright pixel to where transformPoints takes its centre", () => {
    const matrices = asMatrices([0, -1, 55, 1, 0, 3], 1, 1);
    const image = tf.buffer([1, 64, 64, 1]);
    image.set(1, 0, 20, 30, 0);
    const warped = warpMaps(image.toTensor() as Tensor4D, matrices);
    expectClose(transformPoints(matrices, [[30, 20]], [0]), [35, 33]);
    expect(warped.dataSync()[33 * 64 + 35]).toBeCloseTo(1, 5);
    expect(tf.sum(warped).dataSync()[0]).toBeCloseTo(1, 5);
  });

  it("agrees with kornia 0.5.2, zeros outside included", () => {
    const path = shared("golden/templates/warp_small.json");
    if (!path) return;
    const golden = readGolden<{
      matrices_src_to_dst: number[][][];
      warped: number[][][];
      gradient: { image: number[][]; matrix: number[][]; cotangent: number[][]; grad_matrix: number[][] };
    }>(path);
    const images = uniform("templates/tiny", [3, 20, 24], 0, 1);
    const maps = tf.transpose(tf.tensor(Float32Array.from(images), [1, 3, 20, 24]), [0, 2, 3, 1]) as Tensor4D;
    const warped = warpMaps(maps, asMatrices(golden.matrices_src_to_dst.flat(2), 1, 3));
    expectClose(tf.transpose(warped, [0, 3, 1, 2]), golden.warped, 2e-5);

    const { image, matrix, cotangent, grad_matrix } = golden.gradient;
    const [small, upstream] = [tf.tensor2d(image), tf.tensor(cotangent.flat(), [1, 12, 14, 1])];
    const gradient = tf.grad((m: Tensor) =>
      tf.sum(tf.mul(warpMaps(tf.reshape(small, [1, 12, 14, 1]), m as Tensor4D), upstream)),
    )(tf.tensor(matrix.flat(), [1, 1, 2, 3]));
    expectClose(gradient, grad_matrix, 2e-4, 1e-4);
  });

  it("has gradients for maps and matrices, with maps of each batch entry", () => {
    // Bilinear sampling has a kink at every pixel, except in maps that are bilinear themselves and away from the border.
    const [x, y] = [tf.reshape(tf.range(0, 12), [1, 1, 12, 1]), tf.reshape(tf.range(0, 10), [1, 10, 1, 1])];
    const slopes = tf.tensor4d([1, 0.4, -0.8, 1.3], [2, 1, 1, 2]);
    const maps = tf.add(tf.mul(tf.mul(tf.mul(x, y), 0.02), slopes), tf.mul(tf.sub(x, tf.mul(y, slopes)), 0.1));
    const raw = tf.tensor4d(
      Float32Array.from(unit("warp/raw", 24), (r) => 0.1 * r),
      [2, 2, 2, 3],
    );
    const inside = tf.pad(tf.ones([1, 4, 6, 1]), [[0, 0], [3, 3], [3, 3], [0, 0]]); // biome-ignore format: one line reads as the matrix it is
    const weights = tf.mul(tf.tensor4d(Float32Array.from(unit("warp/up", 480)), [2, 10, 12, 2]), inside);
    const score = (m: Tensor, r: Tensor) =>
      tf.sum(tf.mul(warpMaps(m as Tensor4D, affineFromRaw(r as Tensor4D, 10)), weights)) as tf.Scalar;
    expectGradients(score, [maps, raw], { step: 5e-3, tolerance: 2e-3 });
  });

  it("keeps collapsed parts finite", () => {
    const collapsed = asMatrices([0, 0, 3, 0, 0, 3], 1, 1);
    const sum = tf.sum(warpMaps(tf.ones([1, 8, 8, 1]), collapsed));
    expect(Number.isFinite(sum.dataSync()[0])).toBe(true);
  });
});

describe("Gaussian maps", () => {
  it("of identity matrices are the template, also on a smaller canvas", () => {
    const maps = gaussianMaps(armsOut, 64);
    expect(maps.shape).toEqual([1, 64, 64, 18]);
    expectClose(warpMaps(maps, identities(1, 18)), maps.dataSync(), 1e-6);
    const moved = movedGaussianMaps(armsOut, 64, identities(2, 18));
    expectClose(tf.slice(moved, [1, 0, 0, 0], [1, -1, -1, -1]), maps.dataSync(), 1e-6);
    // The head's centre, (128, 52) of 256, is at (32, 13) of 64.
    expect(maps.dataSync()[(13 * 64 + 32) * 18 + 17]).toBeCloseTo(1, 6);
  });

  it("agree with the released drawing, still, moved once and moved twice", async () => {
    const [path, anchors] = [shared("golden/templates/maps.npz"), shared("golden/templates/anchors_losses.json")];
    const twice = shared("golden/templates/coarse_to_fine.json");
    if (!path || !anchors || !twice) return;
    const golden = await readNpz(path);
    const of = (key: string) => toFloat32(golden.get(key) as HostTensor);
    for (const [name, key] of [
      ["arms-out", "T_orig"],
      ["arms-down", "T_new"],
    ] as const) {
      // biome-ignore format: short
      const maps = gaussianMaps(loadTemplate(name), 256);
      expectClose(tf.sum(maps, 3), of(`${key}_sum256`), 2e-5);
      const blocks = tf.transpose(tf.avgPool(maps, 4, 4, "valid"), [0, 3, 1, 2]);
      expectClose(blocks, of(`${key}_maps64`), 1e-3);
    }
    const { matrices } = readGolden<{ matrices: number[][][][] }>(anchors);
    const once = asMatrices(matrices[0]!.flat(2), 1, 18);
    const maps = gaussianMaps(armsOut, 256);
    const warped = warpMaps(maps, once);
    expectClose(tf.sum(warped, 3), of("warped_sum256"), 1e-3);
    const blocks = tf.avgPool(warped, 4, 4, "valid");
    expectClose(tf.transpose(blocks, [0, 3, 1, 2]), of("warped_maps64"), 1e-3);
    // Evaluating the moved Gaussian leaves out the blur of resampling: 1 / (8 sigma^2) of the peak with sigma 5 px.
    expectClose(tf.avgPool(movedGaussianMaps(armsOut, 256, once), 4, 4, "valid"), blocks.dataSync(), 1e-2);

    const two = readGolden<Record<string, { M1: number[]; M2: number[] }>>(twice);
    for (const kind of ["free_120", "constrained_62"]) {
      const step = (key: "M1" | "M2") => asMatrices([two[kind]![key]].flat(4) as number[], 1, 18);
      const both = warpMaps(warpMaps(gaussianMaps(loadTemplate("arms-down"), 256), step("M1")), step("M2"));
      expectClose(tf.sum(both, 3), of(`twostep_${kind}_sum256`), 4e-3, 1e-3);
    }
  });

  it("have gradients for the matrices", () => {
    const raw = tf.tensor4d(
      Float32Array.from(unit("gauss/raw", 108), (x) => 0.02 * x),
      [1, 18, 2, 3],
    );
    const weights = tf.tensor4d(Float32Array.from(unit("gauss/up", 16 * 16 * 18)), [1, 16, 16, 18]);
    const score = (r: Tensor) =>
      tf.sum(tf.mul(movedGaussianMaps(armsOut, 16, affineFromRaw(r as Tensor4D, 16)), weights)) as tf.Scalar;
    expectGradients(score, [raw], { step: 5e-3, tolerance: 5e-3 });
  });
});
