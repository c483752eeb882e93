import { describe, expect, it } from "vitest";
import { type Affine, cameraMotion, compose, IDENTITY, invert, warp } from "../../../pipelines/motion/camera-motion.ts";
import { type Grey, halve, shrinkToGrey } from "../../../pipelines/motion/grey.ts";
import { imageFrom } from "../../../src/image/image.ts";
import { expectClose } from "../../support/matchers.ts";

/** A smooth scene, so that it can be looked at between pixels; lengths in pixels from the picture's centre. */
function brightness(x: number, y: number): number {
  return (
    128 + 50 * Math.sin(0.21 * x + 0.07 * y) + 40 * Math.cos(0.05 * x - 0.16 * y) + 20 * Math.sin(0.5 * y + 0.3 * x)
  );
}

/** The scene as a camera sees it whose pixel p shows the scene at `map`(p). */
function picture([a, b, c, d, e, f]: Affine, height = 72, width = 96): Grey {
  const data = Float32Array.from({ length: height * width }, (_, i) => {
    const x = (i % width) - (width - 1) / 2;
    const y = Math.floor(i / width) - (height - 1) / 2;
    return brightness(a * x + b * y + c, d * x + e * y + f);
  });
  return { height, width, data };
}

describe("cameraMotion", () => {
  it("finds shift, turn and zoom within a tenth of a pixel at the corners", () => {
    const scene: Affine = [1.03, -0.04, 3.5, 0.05, 0.98, -2.2];
    // Pixel p of the first shows scene(p); the second shows p itself, so what was at p is now at scene(p).
    const found = cameraMotion(picture(scene), picture(IDENTITY));
    expectClose(found, [...scene], 0.05, 0);
    for (const [x, y] of [
      [-47, -35],
      [47, -35],
      [-47, 35],
    ] as const) {
      expect(Math.abs((found[0] - scene[0]) * x + (found[1] - scene[1]) * y + found[2] - scene[2])).toBeLessThan(0.1);
    }
  });

  it("is not led astray by something that moves on its own over a fifth of the picture", () => {
    const scene: Affine = [1, 0, 2, 0, 1, 1];
    const first = picture(scene);
    const second = picture(IDENTITY);
    for (let y = 20; y < 56; y++)
      for (let x = 30; x < 68; x++) second.data[y * 96 + x] = 128 + 60 * Math.sin(0.9 * (x + 5) + 0.4 * y);
    expectClose(cameraMotion(first, second), [...scene], 0.1, 0);
  });

  it("stays where it is in a picture without any structure", () => {
    const flat = { height: 40, width: 50, data: new Float32Array(2000).fill(90) };
    expect(cameraMotion(flat, flat)).toEqual(IDENTITY);
  });
});

describe("affine maps", () => {
  const first: Affine = [1.1, 0.2, 3, -0.1, 0.9, -4];

  it("undo each other", () => {
    expectClose(compose(invert(first), first), [...IDENTITY], 1e-12, 0);
  });

  it("compose right to left", () => {
    // (1, 2) goes to (1.1 + 0.4 + 3, -0.1 + 1.8 - 4) = (4.5, -2.3), then is doubled and moved by (0, 1).
    const [a, b, c, d, e, f] = compose([2, 0, 0, 0, 2, 1], first);
    expectClose([a + 2 * b + c, d + 2 * e + f], [9, -3.6], 1e-12, 0);
  });

  it("warp by a whole pixel moves pixels, and marks what was not seen", () => {
    const grey = { height: 2, width: 3, data: Float32Array.from([1, 2, 3, 4, 5, 6]) };
    expect([...warp(grey, [1, 0, 1, 0, 1, 0])]).toEqual([2, 3, Number.NaN, 5, 6, Number.NaN]);
  });
});

describe("grey pictures", () => {
  it("are means of brightness", () => {
    // Columns: red and green, then two blues.
    const image = imageFrom(Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 155]), 1, 4);
    expectClose(shrinkToGrey(image, 1, 2).data, [(0.299 + 0.587) * 127.5, 0.114 * 205], 1e-4, 0);
  });

  it("halve by blocks of four", () => {
    const grey = { height: 2, width: 5, data: Float32Array.from([1, 2, 3, 4, 9, 5, 6, 7, 8, 9]) };
    expect(halve(grey)).toEqual({ height: 1, width: 2, data: Float32Array.from([3.5, 5.5]) });
  });
});
