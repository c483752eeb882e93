import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { FormatError, OptionError } from "../../src/errors.ts";
import type { HostTensor } from "../../src/io/host-tensor.ts";
import { writePyTorch } from "../../src/io/pytorch-write.ts";
import { loadVgg, perceptualLoss, resizeSmooth, type VggChoice } from "../../templates/perceptual.ts";
import { temporaryFolder } from "../support/files.ts";
import { uniform, unit, weight } from "../support/formula.ts";
import { expectGradients } from "../support/gradcheck.ts";
import { expectClose } from "../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

/** Index in torchvision's `features` and channels of each convolution. */
const CONVOLUTIONS = {
  vgg19: [[0, 64], [2, 64], [5, 128], [7, 128], [10, 256], [12, 256]],
  vgg16: [[0, 64], [2, 64], [5, 128], [7, 128], [10, 256], [12, 256], [14, 256], [17, 512], [19, 512], [21, 512]],
} as const; // biome-ignore format: tables

/** A weight file as torchvision's, with formula weights (gain 1.4) and part of a classifier. */
async function vggFile(net: keyof typeof CONVOLUTIONS, count = 99): Promise<string> {
  const tensors = new Map<string, HostTensor>();
  let from = 3;
  for (const [index, to] of CONVOLUTIONS[net].slice(0, count)) {
    for (const [name, shape] of [
      ["weight", [to, from, 3, 3]],
      ["bias", [to]],
    ] as const) {
      // biome-ignore format: short
      const key = `features.${index}.${name}`;
      tensors.set(key, { dtype: "float32", shape, data: weight(key, shape, 1.4) });
    }
    from = to;
  }
  tensors.set("classifier.0.bias", { dtype: "float32", shape: [4], data: new Float32Array(4) });
  const path = join(temporaryFolder(), `${net}.pth`);
  await writePyTorch(path, tensors);
  return path;
}

const picture = () => tf.tensor4d(Float32Array.from(uniform("perceptual", [1, 32, 32, 3], 0, 1)), [1, 32, 32, 3]);
const summary = (map: Tensor4D) => {
  const { mean, variance } = tf.moments(map);
  return [mean.dataSync()[0]!, Math.sqrt(variance.dataSync()[0]!)];
};

describe("VGG features", () => {
  // Expected: torchvision 0.14.1 in float64 with the same weights.
  it("of VGG19 agree with torchvision after relu3_2", async () => {
    const { features, dispose } = await loadVgg(await vggFile("vgg19"), "vgg19-relu3_2");
    const [map, ...more] = features(picture());
    expect([map!.shape, more.length]).toEqual([[1, 8, 8, 256], 0]);
    const values = map!.dataSync();
    expectClose([...summary(map!), values[0]!, values[5000]!, values[16383]!], [1.2422954734, 1.84798229515, 3.9759783473, 0.817374159, 0], 1e-4); // biome-ignore format: numbers
    dispose();
  });

  it("of VGG16 agree with torchvision at four depths of the picture at 224", async () => {
    const { features, dispose } = await loadVgg(await vggFile("vgg16"), "vgg16-4");
    const maps = features(picture());
    expect(maps.map(({ shape }) => shape[3])).toEqual([64, 128, 256, 512]);
    expectClose(maps.flatMap((map) => [...summary(map), map.dataSync()[777]!]), [
      0.50281321852, 0.75777537364, 0.89945301217, 0.50063782499, 0.70890384066, 0, 0.70559542105, 1.0283853197, 0,
      0.7448835344, 1.11557766789, 0.18573696994,
    ], 1e-4); // biome-ignore format: numbers
    dispose();
  });

  it("of files that lack a layer, or choices that nobody knows, are refused", async () => {
    await expect(loadVgg(await vggFile("vgg19", 5), "vgg19-relu3_2")).rejects.toThrow(FormatError);
    await expect(loadVgg("any.pth", "vgg11" as VggChoice)).rejects.toThrow(OptionError);
  });
});

describe("perceptualLoss", () => {
  it("sums the mean absolute differences of all maps, with no gradient for the target", () => {
    const features = (x: Tensor4D) => [x, tf.mul(tf.avgPool(x, 2, 2, "valid"), 3)] as Tensor4D[];
    const [a, b] = [tf.tensor4d([1, 0, 0, 0], [1, 2, 2, 1]), tf.tensor4d([0, 0, 0, 0.5], [1, 2, 2, 1])];
    // Means: (1 + 0.5) / 4 and 3 (0.25 - 0.125).
    expectClose(perceptualLoss(features, a, b), [0.375 + 0.375]);
    const own = tf.grad((x: Tensor) => perceptualLoss(features, x as Tensor4D, b))(a);
    expect(tf.sum(tf.abs(own)).dataSync()[0]).toBeGreaterThan(0);
    const byTarget = tf.grad((y: Tensor) => perceptualLoss(features, a, y as Tensor4D));
    expect(() => byTarget(b)).toThrow("Cannot compute gradient");
  });
});

describe("resizeSmooth", () => {
  it("samples at pixel centres, as PyTorch's bilinear interpolation without aligned corners", () => {
    // 2 to 3 columns: centres at 1/6 - 1/2 (clamped), 1/2 and 3/2 - 1/6 (clamped).
    const image = tf.tensor4d([0, 6, 12, 30], [1, 2, 2, 1]);
    expectClose(resizeSmooth(image, 3), [0, 3, 6, 6, 12, 18, 12, 21, 30], 1e-5);
    expect(resizeSmooth(image, 2)).toBe(image);
  });

  it("has exact gradients", () => {
    const image = tf.tensor4d(Float32Array.from(unit("image", 24)), [2, 3, 2, 2]);
    const up = tf.tensor4d(Float32Array.from(unit("up", 100)), [2, 5, 5, 2]);
    expectGradients((x) => tf.sum(tf.mul(resizeSmooth(x as Tensor4D, 5), up)) as tf.Scalar, [image]);
  });
});
