/** @file The texture cue: golden values and gradients, what is hidden, gradients through projection, broken pictures. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CueInputs } from "../../../pipelines/cues/cue.ts";
import { colourLoss, sampleColours } from "../../../pipelines/cues/texture.ts";
import { createCue } from "../../../pipelines/cues.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { samplesWithGradient } from "../../../src/geometry/sample.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose, flat, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";
import { TOY_SIZE, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(async () => {
  await startEngine();
});

const golden = shared("golden/loss/texture_term.json");
const goldenImages = shared("golden/loss/texture_images.npz");

describe.skipIf(!golden || !goldenImages)("golden", () => {
  it("colours, loss and gradients (both pairs read the same two images)", async () => {
    const g = readGolden<Record<string, unknown>>(golden!);
    const arrays = await readNpz(goldenImages!);
    const images = ["image1", "image2"].map((name) => {
      const bytes = Float32Array.from(arrays.get(name)!.data as ArrayLike<number>, (x) => x / 255);
      return tf.tensor4d([...bytes, ...bytes], [2, 32, 32, 3]);
    }) as [Tensor4D, Tensor4D];
    // There the centre of pixel i is at i + 0.5.
    const points = ["P1", "P2"].map((key) => tf.sub(tf.tensor3d(g[key] as number[][][]), 0.5)) as [Tensor3D, Tensor3D];
    const hosts = points.map((x) => x.dataSync() as Float32Array) as [Float32Array, Float32Array];
    const samples = [0, 1].map((i) => sampleColours("test", images[i]!, hosts[i]!, 32));
    expectClose(samples[0]!.values, g["colours1"], 1e-5);
    expectClose(samples[1]!.values, g["colours2"], 1e-5);
    const weights = Uint8Array.from(flat(g["vis"]));
    const f = (a: Tensor, b: Tensor) =>
      colourLoss(
        samplesWithGradient(samples[0]!, a as Tensor3D, hosts[0]),
        samplesWithGradient(samples[1]!, b as Tensor3D, hosts[1]),
        weights,
        "none",
      );
    expectClose(f(...points), [g["loss"]], 0, 1e-4);
    const gradients = tf.grads(f as (...x: Tensor[]) => tf.Scalar)(points) as [Tensor, Tensor];
    const largest = Math.max(...flat(g["grad_P1"]).map(Math.abs));
    expectClose(gradients[0], g["grad_P1"], 1e-4 * largest, 1e-3);
    expectClose(gradients[1], g["grad_P2"], 1e-4 * largest, 1e-3);
  });
});

/** A smooth picture that is shifted by `dx` px and brighter by `glow`. */
function picture(dx: number, glow = 0): Tensor4D {
  const data = Float32Array.from({ length: TOY_SIZE * TOY_SIZE * 3 }, (_, i) => {
    const [x, y, c] = [(Math.floor(i / 3) % TOY_SIZE) - dx, Math.floor(i / 3 / TOY_SIZE), i % 3];
    return 0.5 + 0.2 * Math.sin(0.3 * x + 0.17 * y + c) + 0.1 * Math.cos(0.21 * y - 0.2 * c * x) + glow;
  });
  return tf.tensor4d(data, [1, TOY_SIZE, TOY_SIZE, 3]);
}
function inputs(first: Tensor3D, second: Tensor3D, images: readonly [Tensor4D, Tensor4D]): CueInputs {
  const { flow: _flow, ...rest } = toyInputs(first, second, tf.zeros([1, 32, 32, 2]), tf.zeros([1, 32, 32, 2]));
  return { ...rest, images: { first: images[0], second: images[1] } };
}

describe("the loss", () => {
  it("is 0 where the mesh moves as the picture, and the squared change where the light changes", () => {
    const first = toyPixels();
    const second = tf.add<Tensor3D>(first, [2, 0]);
    const right = createCue("texture").loss(inputs(first, second, [picture(0), picture(2)]));
    expect(right.value.dataSync()[0]).toBeCloseTo(0, 9);
    expect(right.report.numbers).toMatchObject({ seen: 25, unseen: 0 });
    const still = createCue("texture").loss(inputs(first, first, [picture(0), picture(2)]));
    expect(still.value.dataSync()[0]).toBeGreaterThan(1e-3);
    expect(still.report.perPair[0]).toBeCloseTo(still.value.dataSync()[0]!, 6);
    const brighter = createCue("texture").loss(inputs(first, second, [picture(0), picture(2, 0.1)]));
    expect(brighter.value.dataSync()[0]).toBeCloseTo(3 * 0.01, 5);
    expect(brighter.report.numbers["colourDistance"]).toBeCloseTo(0.1 * Math.sqrt(3), 5);
  });

  it("looks at no vertex that a frame does not show, and is 0 with gradient 0 where none is left", () => {
    const first = toyPixels();
    const away = tf.add<Tensor3D>(first, [200, 0]);
    const f = (a: Tensor) => createCue("texture").loss(inputs(a as Tensor3D, away, [picture(0), picture(2)]));
    expect(f(first).report.numbers).toMatchObject({ seen: 0, unseen: 1 });
    const { value, grad } = tf.valueAndGrad((a: Tensor) => f(a).value)(first);
    expect(value.dataSync()[0]).toBe(0);
    expect(grad.dataSync().every((x) => x === 0)).toBe(true);
    const half = createCue("texture").loss({
      ...inputs(first, first, [picture(0), picture(2)]),
      picture: { first: Float32Array.of(-0.5, -0.5, 31.5, 31.5), second: Float32Array.of(-0.5, -0.5, 15, 31.5) },
    });
    // Columns at 5.2, 9.5 and 13.8 lie inside the second frame's picture.
    expect(half.report.numbers["seen"]).toBe(15);
  });

  it.each(["none", "charbonnier", "gmof"] as const)("has the gradient of central differences, %s", (robust) => {
    const first = toyPixels();
    const second = tf.add<Tensor3D>(first, [0.7, -0.4]);
    const images = [picture(0), picture(2, 0.05)] as const;
    const cue = createCue("texture", "default", { robust } as never);
    const f = (a: Tensor, b: Tensor) => cue.loss(inputs(a as Tensor3D, b as Tensor3D, images)).value as tf.Scalar;
    expectGradients(f as (...x: Tensor[]) => tf.Scalar, [first, second], { step: 0.05, tolerance: 1e-2 });
  });
});

it("says what is missing or not finite", () => {
  const first = toyPixels();
  const { images: _images, ...without } = inputs(first, first, [picture(0), picture(0)]);
  expect(() => createCue("texture").loss(without)).toThrow("cue texture: needs images");
  const broken = tf.fill([1, 32, 32, 3], Number.NaN) as Tensor4D;
  expect(() => createCue("texture").loss(inputs(first, first, [picture(0), broken]))).toThrow(
    /cue texture: the picture is not finite .* toy.mp4 track 1 frames 0-1/,
  );
});
