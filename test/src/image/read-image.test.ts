/** @file Pictures of other kinds, read by ffmpeg. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { fillRectangle } from "../../../src/image/draw.ts";
import { createImage } from "../../../src/image/image.ts";
import { writePng } from "../../../src/image/png.ts";
import { readImage } from "../../../src/image/read-image.ts";
import { withOrientation } from "./exif.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-read-"));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const image = createImage(24, 40);
  fillRectangle(image, 0, 0, 20, 12, [250, 10, 10]);
  await writePng(file("a.png"), image);
  const convert = (name: string) => execFileSync("ffmpeg", ["-v", "error", "-y", "-i", file("a.png"), file(name)]);
  for (const name of ["a.jpg", "a.bmp", "a.webp", "a.tif"]) convert(name);
  renameSync(file("a.tif"), file("a 100%d.tif"));
});

describe("readImage", () => {
  for (const name of ["a.png", "a.jpg", "a.bmp", "a.webp", "a 100%d.tif"]) {
    it(`reads ${name}: red in the top left quarter`, async () => {
      const image = await readImage(file(name));
      expect(image.shape).toEqual([24, 40, 3]);
      expect(image.get(5, 8, 0)).toBeGreaterThan(230);
      expect(image.get(5, 8, 1)).toBeLessThan(30);
      expect(image.get(5, 30, 0)).toBeLessThan(20);
      expect(image.get(18, 8, 0)).toBeLessThan(20);
    });
  }

  it("goes by content, not by name", async () => {
    writeFileSync(file("really-png.jpg"), readFileSync(file("a.png")));
    expect((await readImage(file("really-png.jpg"))).get(0, 0, 0)).toBe(250);
  });

  it("turns photos by their Exif tag, once", async () => {
    writeFileSync(file("turned.jpg"), withOrientation(readFileSync(file("a.jpg")), 6, "little"));
    const image = await readImage(file("turned.jpg"));
    expect(image.shape).toEqual([40, 24, 3]);
    // A clockwise turn takes the top left quarter to the top right.
    expect(image.get(8, 18, 0)).toBeGreaterThan(230);
    expect(image.get(8, 5, 0)).toBeLessThan(20);
  });

  it("explains missing files, folders, text and damage in one line each", async () => {
    writeFileSync(file("text.jpg"), "this is no picture\n".repeat(20));
    writeFileSync(file("empty.jpg"), "");
    writeFileSync(file("cut.jpg"), readFileSync(file("a.jpg")).subarray(0, 40));
    for (const [name, says] of [
      ["none.jpg", /no such file/],
      ["", /got a folder/],
      ["text.jpg", /expected a picture/],
      ["empty.jpg", /empty file/],
      ["cut.jpg", /picture/],
    ] as const) {
      const error = await readImage(file(name)).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error, name).toBeInstanceOf(FormatError);
      expect((error as Error).message, name).toMatch(says);
      expect((error as Error).message, name).not.toContain("\n");
    }
  });
});
