/** @file Drawing, pixel by pixel on small pictures. */
import { describe, expect, it } from "vitest";
import {
  blend,
  drawArrow,
  drawBox,
  drawCircle,
  drawLine,
  drawText,
  fillRectangle,
  hstack,
  textSize,
  vstack,
} from "../../../src/image/draw.ts";
import { createImage, type Image, imageFrom } from "../../../src/image/image.ts";

/** The red channel as rows of digits: 0 none, 9 full. */
function picture(image: Image): string[] {
  const [height, width] = image.shape as [number, number];
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => Math.floor((image.get(y, x, 0) / 255) * 9.01)).join(""),
  );
}

const RED = [255, 0, 0] as const;

describe("lines and circles", () => {
  it("draws one pixel wide lines on the pixels they pass through", () => {
    const image = createImage(4, 6);
    drawLine(image, 1, 2, 4, 2, RED);
    expect(picture(image)).toEqual(["000000", "000000", "099990", "000000"]);
    const diagonal = createImage(3, 3);
    drawLine(diagonal, 0, 0, 2, 2, RED);
    for (const i of [0, 1, 2]) expect(diagonal.get(i, i, 0)).toBe(255);
    expect(diagonal.get(2, 0, 0)).toBe(0);
  });

  it("splits a line between two rows of pixels", () => {
    const image = createImage(3, 5);
    drawLine(image, 0, 0.5, 4, 0.5, RED);
    expect(picture(image)).toEqual(["44444", "44444", "00000"]);
  });

  it("draws what lies inside of strokes that leave the picture", () => {
    const image = createImage(3, 5);
    drawLine(image, -10, 1, 20, 1, RED);
    expect(picture(image)).toEqual(["00000", "99999", "00000"]);
    drawLine(image, -10, -10, -5, -20, RED, { thickness: 3 });
    drawCircle(image, 100, 100, 5, RED);
    drawArrow(image, -50, -50, -20, -30, RED);
    expect(picture(image)).toEqual(["00000", "99999", "00000"]);
  });

  it("draws discs and rings", () => {
    const image = createImage(5, 7);
    drawCircle(image, 3, 2, 1.5, RED);
    expect(picture(image)).toEqual(["0000000", "0059500", "0099900", "0059500", "0000000"]);
    const ring = createImage(7, 7);
    drawCircle(ring, 3, 3, 2, RED, { thickness: 1 });
    expect(picture(ring)[3]).toBe("0900090");
    expect(ring.get(3, 3, 0)).toBe(0);
  });

  it("draws boxes by their outer edges and arrows with a head at the far end", () => {
    const image = createImage(5, 6);
    drawBox(image, { x0: 1, y0: 1, x1: 4, y1: 3 }, RED);
    expect(picture(image)).toEqual(["000000", "099990", "090090", "099990", "000000"]);
    const arrow = createImage(21, 40);
    drawArrow(arrow, 5, 10, 35, 10, RED);
    const column = (x: number) =>
      Array.from({ length: 21 }, (_, y) => arrow.get(y, x, 0)).filter((v) => v > 100).length;
    expect(column(10)).toBe(1);
    expect(column(29)).toBeGreaterThan(2);
  });

  it("mixes by opacity", () => {
    const image = createImage(1, 3);
    drawLine(image, 0, 0, 2, 0, [200, 100, 50], { opacity: 0.5 });
    expect([...image.data.subarray(3, 6)]).toEqual([100, 50, 25]);
    fillRectangle(image, -5, -5, 100, 100, [0, 0, 0]);
    expect(image.data.every((v) => v === 0)).toBe(true);
  });
});

describe("drawText", () => {
  it("draws glyphs of 5 x 7 pixels from the given corner", () => {
    const image = createImage(9, 13);
    drawText(image, "L1", 1, 1);
    expect(picture(image)).toEqual([
      "0000000000000",
      "0900000009000",
      "0900000099000",
      "0900000009000",
      "0900000009000",
      "0900000009000",
      "0900000009000",
      "0999990099900",
      "0000000000000",
    ]);
  });

  it("scales, lays a plate behind, cuts at the edges and boxes unknown signs", () => {
    expect(textSize("ab\nabc", 2)).toEqual({ width: 34, height: 32 });
    const image = createImage(20, 20);
    drawText(image, "I", 2, 2, { scale: 2, color: RED, background: [0, 0, 200] });
    expect(image.get(2, 4, 0)).toBe(255);
    expect([...image.data.subarray(0, 3)]).toEqual([0, 0, 200]);
    expect(image.get(19, 19, 2)).toBe(0);
    drawText(image, "far away", 15, 16);
    const unknown = createImage(7, 5);
    drawText(unknown, "\u{1F600}", 0, 0);
    expect(picture(unknown)).toEqual(["99999", "90009", "90009", "90009", "90009", "90009", "99999"]);
  });
});

describe("blend, hstack, vstack", () => {
  const one = imageFrom(Uint8Array.of(10, 20, 30, 40, 50, 60), 1, 2);
  const two = imageFrom(Uint8Array.of(110, 120, 130, 140, 150, 160), 1, 2);

  it("blends by one number or one for each pixel", () => {
    expect([...blend(one, two, 0.25).data]).toEqual([35, 45, 55, 65, 75, 85]);
    expect([...blend(one, two, [0, 1]).data]).toEqual([10, 20, 30, 140, 150, 160]);
    expect(() => blend(one, createImage(2, 1), 0.5)).toThrow(/blend: expected shape/);
    expect(() => blend(one, two, [0.5])).toThrow(/opacity/);
  });

  it("tiles pictures of different sizes", () => {
    const row = hstack([one, createImage(3, 1), two], 1);
    expect(row.shape).toEqual([3, 7, 3]);
    expect(row.get(0, 1, 2)).toBe(60);
    expect(row.get(0, 5, 0)).toBe(110);
    const column = vstack([createImage(2, 3), two]);
    expect(column.shape).toEqual([3, 3, 3]);
    expect(column.get(2, 1, 1)).toBe(150);
    expect(() => vstack([])).toThrow(/at least one/);
  });
});
