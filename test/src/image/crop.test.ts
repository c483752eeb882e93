/** @file Boxes, crops and resizing: the pixel convention on linear ramps, which every step must keep. */
import { describe, expect, it } from "vitest";
import { fullBox, squareBox } from "../../../src/image/box.ts";
import { cropMap, cropSquare } from "../../../src/image/crop.ts";
import { createImage, type Image } from "../../../src/image/image.ts";
import { resizeImage } from "../../../src/image/resize.ts";

/** Red grows with x, green with y, blue with both: any shift, swap or scale shows. */
const RAMPS = [
  (x: number, _: number) => 20 + x,
  (_: number, y: number) => 10 + 2 * y,
  (x: number, y: number) => 10 + x + y,
];

function rampImage(height: number, width: number): Image {
  const image = createImage(height, width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) RAMPS.forEach((ramp, c) => image.set(y, x, c, ramp(x, y)));
  }
  return image;
}

describe("squareBox", () => {
  it("takes the longer side about the centre", () => {
    expect(squareBox({ x0: 10, y0: 20, x1: 30, y1: 80 }, 1.5)).toEqual({ cx: 20, cy: 50, side: 90 });
    expect(squareBox(fullBox(4, 6), 1)).toEqual({ cx: 2.5, cy: 1.5, side: 6 });
  });

  it("refuses boxes that are none", () => {
    expect(() => squareBox({ x0: 3, y0: 0, x1: 3, y1: 5 }, 1)).toThrow(/x0 < x1/);
    expect(() => squareBox({ x0: 0, y0: 0, x1: Number.NaN, y1: 5 }, 1)).toThrow(/x0 < x1/);
    expect(() => squareBox({ x0: 0, y0: 0, x1: 4, y1: 5 }, 0)).toThrow(/scale > 0/);
  });
});

describe("cropMap", () => {
  it("maps the square's outer edges to the crop's", () => {
    const { a, bx, by } = cropMap({ cx: 50, cy: 30, side: 40 }, 20);
    expect(a * 30 + bx).toBeCloseTo(-0.5, 12);
    expect(a * 70 + bx).toBeCloseTo(19.5, 12);
    expect(a * 10 + by).toBeCloseTo(-0.5, 12);
    expect(a * 50 + by).toBeCloseTo(19.5, 12);
  });
});

describe("cropSquare", () => {
  const image = rampImage(90, 120);
  for (const side of [11.3, 16, 24.5, 37.7, 64]) {
    it(`keeps ramps where they are: a square of ${side} px to 16 px`, () => {
      const square = { cx: 61.3, cy: 43.8, side };
      const { a, bx, by } = cropMap(square, 16);
      const crop = cropSquare(image, square, 16);
      for (let v = 0; v < 16; v++) {
        for (let u = 0; u < 16; u++) {
          RAMPS.forEach((ramp, c) => {
            const expected = ramp((u - bx) / a, (v - by) / a);
            expect(Math.abs(crop.get(v, u, c) - expected), `at ${u},${v}`).toBeLessThan(0.54);
          });
        }
      }
    });
  }

  it("is the same pixels at scale 1 on whole pixels", () => {
    const crop = cropSquare(image, { cx: 20 + 3.5, cy: 30 + 3.5, side: 8 }, 8);
    for (let v = 0; v < 8; v++)
      for (let u = 0; u < 8; u++) expect(crop.get(v, u, 2)).toBe(image.get(30 + v, 20 + u, 2));
  });

  it("interpolates between pixel centres and is black outside", () => {
    const point = createImage(3, 3);
    point.set(0, 0, 1, 200);
    // Output pixel u lies at x = -1 + u / 2.
    const crop = cropSquare(point, { cx: 0.25, cy: 0.25, side: 3 }, 6);
    expect(Array.from({ length: 6 }, (_, u) => crop.get(2, u, 1))).toEqual([0, 100, 200, 100, 0, 0]);
    expect(crop.get(1, 1, 1)).toBe(50);
  });

  it("averages when shrinking: a fine pattern becomes its mean", () => {
    const stripes = createImage(64, 64);
    for (let i = 0; i < stripes.data.length; i++)
      stripes.data[i] = (Math.floor(i / 3) + Math.floor(i / 192)) % 2 ? 200 : 0;
    const crop = cropSquare(stripes, { cx: 31.5, cy: 31.5, side: 48 }, 12);
    for (const value of crop.data) expect(Math.abs(value - 100)).toBeLessThan(6);
  });

  it("is wholly black beside the picture, and leaves a black margin at the edges", () => {
    expect(cropSquare(image, { cx: 500, cy: 0, side: 20 }, 8).data.every((v) => v === 0)).toBe(true);
    const crop = cropSquare(image, { cx: -0.5, cy: 44.5, side: 32 }, 16);
    expect(crop.get(8, 6, 0)).toBe(0);
    expect(crop.get(8, 9, 0)).toBeGreaterThan(15);
  });

  it("takes squares far larger than the picture and refuses impossible ones", () => {
    expect(cropSquare(createImage(2, 2), { cx: 0.5, cy: 0.5, side: 1000 }, 10).data.every((v) => v === 0)).toBe(true);
    expect(() => cropSquare(image, { cx: 0, cy: 0, side: 0 }, 8)).toThrow(/positive side/);
    expect(() => cropSquare(image, { cx: Number.NaN, cy: 0, side: 9 }, 8)).toThrow(/positive side/);
  });
});

describe("resizeImage", () => {
  it("maps x to s(x + 0.5) - 0.5: two pixels become four", () => {
    const image = createImage(1, 2);
    image.data.set([0, 0, 0, 100, 200, 40]);
    expect([...resizeImage(image, 1, 4).data]).toEqual([0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40]);
  });

  it("keeps constants, also at odd ratios", () => {
    const image = createImage(37, 53);
    image.data.fill(173);
    for (const [h, w] of [
      [11, 71],
      [36, 7],
      [1, 1],
      [80, 53],
    ] as const)
      expect(resizeImage(image, h, w).data.every((v) => v === 173)).toBe(true);
  });

  it("keeps ramps away from the edges when shrinking by 2.5", () => {
    const small = resizeImage(rampImage(90, 120), 36, 48);
    for (let v = 3; v < 33; v++) {
      for (let u = 3; u < 45; u++)
        expect(Math.abs(small.get(v, u, 0) - (20 + (u + 0.5) * 2.5 - 0.5))).toBeLessThan(0.54);
    }
  });

  it("copies at the same size", () => {
    const image = rampImage(9, 7);
    const copy = resizeImage(image, 9, 7);
    expect(copy.data).toEqual(image.data);
    expect(copy.data).not.toBe(image.data);
  });
});
