/** @file PNG files: every colour type, and hostile ones. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { imageFrom } from "../../../src/image/image.ts";
import { decodePng, encodePng, readPng, writePng } from "../../../src/image/png.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-png-"));
afterAll(() => rmSync(folder, { recursive: true }));

function chunk(type: string, data: Uint8Array | readonly number[]): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), Buffer.from(data)]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length - 4, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly type: number;
  readonly interlace?: number;
}

/** A PNG file put together by hand (the format's own definition, not our writer). */
function png(
  { width, height, depth, type, interlace = 0 }: Header,
  rows: readonly number[],
  extra: Buffer[] = [],
): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, type, 0, 0, interlace], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const data = chunk("IDAT", deflateSync(Buffer.from(rows)));
  return Buffer.concat([signature, chunk("IHDR", head), ...extra, data, chunk("IEND", [])]);
}

describe("writePng, readPng", () => {
  it("keep every byte", async () => {
    const image = imageFrom(
      Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 37) % 256),
      5,
      7,
    );
    const path = join(folder, "sub/x.png");
    await writePng(path, image);
    expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(encodePng(image)));
    const back = await readPng(path);
    expect(back.shape).toEqual([5, 7, 3]);
    expect(back.data).toEqual(image.data);
  });
});

describe("decodePng", () => {
  const rgb = (bytes: Buffer) => [...decodePng(bytes).data];

  it("reads grey of 1, 2, 8 and 16 bits", () => {
    expect(rgb(png({ width: 3, height: 1, depth: 1, type: 0 }, [0, 0b01000000]))).toEqual([
      0, 0, 0, 255, 255, 255, 0, 0, 0,
    ]);
    const two = rgb(png({ width: 5, height: 2, depth: 2, type: 0 }, [0, 0b00011011, 0b01000000, 0, 0b11000000, 0]));
    expect(two.filter((_, i) => i % 3 === 0)).toEqual([0, 85, 170, 255, 85, 255, 0, 0, 0, 0]);
    expect(rgb(png({ width: 1, height: 1, depth: 8, type: 0 }, [0, 77]))).toEqual([77, 77, 77]);
    expect(rgb(png({ width: 1, height: 1, depth: 16, type: 0 }, [0, 0x80, 0x80]))).toEqual([128, 128, 128]);
  });

  it("reads palettes, and drops transparency", () => {
    const palette = chunk("PLTE", [1, 2, 3, 40, 50, 60]);
    const indexed = { width: 2, height: 1, depth: 8, type: 3 };
    expect(rgb(png(indexed, [0, 1, 0], [palette]))).toEqual([40, 50, 60, 1, 2, 3]);
    expect(rgb(png(indexed, [0, 1, 0], [palette, chunk("tRNS", [0])]))).toEqual([40, 50, 60, 1, 2, 3]);
    expect(rgb(png({ width: 1, height: 1, depth: 8, type: 6 }, [0, 9, 8, 7, 0]))).toEqual([9, 8, 7]);
    expect(rgb(png({ width: 1, height: 1, depth: 8, type: 4 }, [0, 9, 128]))).toEqual([9, 9, 9]);
  });

  it("reads filtered rows: each byte added to the one on its left", () => {
    expect(rgb(png({ width: 2, height: 1, depth: 8, type: 2 }, [1, 10, 20, 30, 1, 2, 3]))).toEqual([
      10, 20, 30, 11, 22, 33,
    ]);
  });

  it("refuses sizes before it allocates", () => {
    const one = { depth: 8, type: 2 };
    expect(() => decodePng(png({ ...one, width: 100_000, height: 1 }, [0]))).toThrow(/too large: 100000x1/);
    expect(() => decodePng(png({ ...one, width: 16_000, height: 16_000 }, [0]))).toThrow(/too large/);
    expect(() => decodePng(png({ ...one, width: 0, height: 4 }, [0]))).toThrow(/no pixels/);
  });

  it("refuses more or fewer pixels than the header says", () => {
    const bomb = png({ width: 1, height: 1, depth: 8, type: 2 }, new Array(1_000_000).fill(0));
    expect(() => decodePng(bomb)).toThrow(FormatError);
    expect(() => decodePng(png({ width: 4, height: 4, depth: 8, type: 2 }, [0, 1, 2, 3]))).toThrow(/ends too early/);
  });

  it("refuses damaged, cut-off and other files, naming them", () => {
    const whole = png({ width: 1, height: 1, depth: 8, type: 2 }, [0, 1, 2, 3]);
    const damaged = Buffer.from(whole);
    damaged[17]! ^= 1;
    expect(() => decodePng(damaged, "a.png")).toThrow(/^a\.png: /);
    for (let length = 8; length < whole.length; length += 5)
      expect(() => decodePng(whole.subarray(0, length), "a.png")).toThrow(FormatError);
    expect(() => decodePng(Buffer.from("hello there"), "b.png")).toThrow(/expected a PNG file/);
  });

  it("does not unpack compressed text or profiles", () => {
    const profile = chunk("iCCP", Buffer.concat([Buffer.from("x\0\0"), deflateSync(Buffer.alloc(1_000_000))]));
    expect(rgb(png({ width: 1, height: 1, depth: 8, type: 2 }, [0, 1, 2, 3], [profile]))).toEqual([1, 2, 3]);
  });

  it("names a missing file", async () => {
    await expect(readPng(join(folder, "none.png"))).rejects.toThrow(/none\.png: no such file/);
  });
});
