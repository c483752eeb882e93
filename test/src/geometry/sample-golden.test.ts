/** @file Reading of fields against goldens (float64, zeros outside): vertex colours with their gradient, full-frame flow at crop points. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { type Field, sampleBilinear, samplesWithGradient } from "../../../src/geometry/sample.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { uniform } from "../../support/formula.ts";
import { expectClose, flat, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

/** The goldens count from the top-left pixel's corner, we from its centre. */
const toPixels = (points: unknown): number[] => flat(points).map((x) => x - 0.5);

const texture = shared("golden/loss/texture_term.json");
describe.skipIf(!texture)("golden: colours of vertices in two frames", () => {
  it("gives the colours, and their masked squared difference with its gradient", async () => {
    type Golden = Record<"P1" | "P2" | "vis" | "colours1" | "colours2" | "grad_P1" | "grad_P2", unknown> & {
      loss: number;
    };
    const golden = readGolden<Golden>(texture!);
    const images = await readNpz(shared("golden/loss/texture_images.npz")!);
    const field = (name: string): Field => {
      const { data, shape } = images.get(name)!;
      const values = Float32Array.from(data as Uint8Array, (value) => value / 255);
      return { data: values, height: shape[0]!, width: shape[1]!, channels: 3 };
    };
    expectClose(sampleBilinear(field("image1"), toPixels(golden.P1)).values, golden.colours1, 1e-6);
    expectClose(sampleBilinear(field("image2"), toPixels(golden.P2)).values, golden.colours2, 1e-6);
    const mask = tf.tensor3d(flat(golden.vis), [2, 20, 1]);
    const points = (key: "P1" | "P2") => tf.tensor3d(toPixels(golden[key]), [2, 20, 2]);
    // Both pairs read the two pictures, so their points are one list.
    const colours = (p: Tensor3D, key: "P1" | "P2", name: string) => {
      const at = Float32Array.from(toPixels(golden[key]));
      return samplesWithGradient(sampleBilinear(field(name), at), p, at);
    };
    const loss = (p1: Tensor, p2: Tensor) => {
      const difference = tf.sub(colours(p1 as Tensor3D, "P1", "image1"), colours(p2 as Tensor3D, "P2", "image2"));
      return tf.div(tf.sum(tf.mul(mask, tf.square(difference))), tf.sum(mask)) as tf.Scalar;
    };
    expect(loss(points("P1"), points("P2")).dataSync()[0]! / golden.loss).toBeCloseTo(1, 5);
    const [first, second] = tf.grads(loss)([points("P1"), points("P2")]);
    expectClose(first!, golden.grad_P1, 1e-7, 1e-4);
    expectClose(second!, golden.grad_P2, 1e-7, 1e-4);
  });
});

const crop = shared("golden/loss/crop_flow.json");
describe.skipIf(!crop)("golden: full-frame flow at the points of a crop", () => {
  it("gives the flow of the crop by the two crops' maps", () => {
    type Golden = Record<"P_crop1" | "p_full" | "flow_full_sampled" | "flow_crop", number[][]> & {
      a1: number; b1: number[]; a2: number; b2: number[]; height: number; width: number;
      flow_affine: { M: number[][]; c: number[] };
      noisy: { flow_full_sampled: number[][]; flow_crop: number[][] };
    }; // biome-ignore format: as the file has it
    const golden = readGolden<Golden>(crop!);
    const { a1, b1, a2, b2, height, width, flow_affine: { M, c } } = golden; // biome-ignore format: one line
    const affine = Float32Array.from({ length: 2 * height * width }, (_, i) => {
      const [x, y] = [(Math.floor(i / 2) % width) + 0.5, Math.floor(i / 2 / width) + 0.5];
      return M[i % 2]![0]! * x + M[i % 2]![1]! * y + c[i % 2]!;
    });
    const planes = uniform("crop/flow", [2, height, width], -5, 5);
    const noisy = Float32Array.from({ length: planes.length }, (_, i) => planes[(i % 2) * height * width + Math.floor(i / 2)]!); // biome-ignore format: one line
    const places = golden.P_crop1.map((point) => point.map((x, axis) => (x - b1[axis]!) / a1));
    expectClose(flat(places), golden.p_full, 1e-9, 0);
    for (const [data, expected] of [
      [affine, golden],
      [noisy, golden.noisy],
    ] as const) {
      const { values } = sampleBilinear({ data, height, width, channels: 2 }, toPixels(places));
      expectClose(values, expected.flow_full_sampled, 2e-5, 1e-5);
      const inCrop = Array.from(values, (flow, i) => {
        const axis = i % 2;
        return a2 * (flat(places)[i]! + flow) + b2[axis]! - flat(golden.P_crop1)[i]!;
      });
      expectClose(inCrop, expected.flow_crop, 5e-5, 1e-5);
    }
  });
});
