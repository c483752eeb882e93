/** @file Pictures, their layout and their way to tensors. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { ShapeError } from "../../../src/errors.ts";
import { createImage, imageFrom, imagesToTensor, sizeOf, tensorToImages } from "../../../src/image/image.ts";

beforeAll(() => startEngine());

describe("Image", () => {
  it("is [rows, columns, RGB]", () => {
    const image = createImage(2, 3);
    image.set(1, 2, 0, 200);
    expect(image.data[(1 * 3 + 2) * 3]).toBe(200);
    expect(sizeOf(image)).toEqual({ height: 2, width: 3 });
  });

  it("refuses wrong lengths and views with gaps", () => {
    expect(() => imageFrom(new Uint8Array(17), 2, 3)).toThrow(ShapeError);
    expect(() => createImage(0, 3)).toThrow(/at least 1 px/);
    expect(() => sizeOf(createImage(4, 4).hi(2, 2, 3))).toThrow(ShapeError);
    expect(() => sizeOf(createImage(4, 4).transpose(1, 0, 2))).toThrow(ShapeError);
  });
});

describe("imagesToTensor, tensorToImages", () => {
  it("go to 0..1 and back without loss", () => {
    const bytes = Uint8Array.from({ length: 2 * 3 * 3 }, (_, i) => i * 15);
    const tensor = imagesToTensor([createImage(2, 3), imageFrom(bytes, 2, 3)]);
    expect(tensor.shape).toEqual([2, 2, 3, 3]);
    expect(tensor.dataSync()[18 + 17]).toBeCloseTo(1, 6);
    expect(tensorToImages(tensor)[1]!.data).toEqual(bytes);
    tensor.dispose();
  });

  it("clip and round", () => {
    const tensor = tf.tensor4d([-1, 2, Number.NaN], [1, 1, 1, 3]);
    expect([...tensorToImages(tensor)[0]!.data]).toEqual([0, 255, 0]);
    tensor.dispose();
  });

  it("refuse pictures of two sizes and no pictures", () => {
    expect(() => imagesToTensor([createImage(2, 3), createImage(3, 2)])).toThrow(/image 1 of a batch/);
    expect(() => imagesToTensor([])).toThrow(/at least one/);
  });
});
