/** @file Exif orientations, on a picture of 2 x 3 different pixels. */
import { describe, expect, it } from "vitest";
import { imageFrom } from "../../../src/image/image.ts";
import { jpegOrientation, type Orientation, turnUpright } from "../../../src/image/orientation.ts";
import { withOrientation } from "./exif.ts";

/** Red of: 1 2 3 / 4 5 6. */
const stored = imageFrom(
  Uint8Array.from({ length: 18 }, (_, i) => (i % 3 ? 0 : i / 3 + 1)),
  2,
  3,
);

/** From the TIFF definition: which side of the scene the stored rows and columns begin at. */
const UPRIGHT: Readonly<Record<Orientation, readonly (readonly number[])[]>> = {
  1: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  2: [
    [3, 2, 1],
    [6, 5, 4],
  ],
  3: [
    [6, 5, 4],
    [3, 2, 1],
  ],
  4: [
    [4, 5, 6],
    [1, 2, 3],
  ],
  5: [
    [1, 4],
    [2, 5],
    [3, 6],
  ],
  6: [
    [4, 1],
    [5, 2],
    [6, 3],
  ],
  7: [
    [6, 3],
    [5, 2],
    [4, 1],
  ],
  8: [
    [3, 6],
    [2, 5],
    [1, 4],
  ],
};

describe("turnUpright", () => {
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8] as const) {
    it(`turns orientation ${orientation}`, () => {
      const upright = turnUpright(stored, orientation);
      const expected = UPRIGHT[orientation];
      expect(upright.shape).toEqual([expected.length, expected[0]!.length, 3]);
      expect(expected.map((row, y) => row.map((_, x) => upright.get(y, x, 0)))).toEqual(expected);
    });
  }
});

describe("jpegOrientation", () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2);

  it("reads the tag in either byte order", () => {
    expect(jpegOrientation(withOrientation(jpeg, 6, "little"))).toBe(6);
    expect(jpegOrientation(withOrientation(jpeg, 8, "big"))).toBe(8);
  });

  it("is 1 without a tag, for senseless ones and for files cut anywhere", () => {
    expect(jpegOrientation(jpeg)).toBe(1);
    expect(jpegOrientation(withOrientation(jpeg, 9, "little"))).toBe(1);
    expect(jpegOrientation(Uint8Array.of(1, 2, 3, 4))).toBe(1);
    const whole = withOrientation(jpeg, 6, "little");
    for (let length = 0; length < 38; length++) expect(jpegOrientation(whole.subarray(0, length))).toBe(1);
  });
});
