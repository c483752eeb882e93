/** @file Writing videos, read back by our own decoder. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fillRectangle } from "../../../src/image/draw.ts";
import { createImage } from "../../../src/image/image.ts";
import { encodeVideo } from "../../../src/video/encode.ts";
import { decodeVideo, probeVideo } from "../../../src/video/video.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-encode-"));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** Frame k: a blue-grey ground with an orange square that moves right by 4 px a frame. */
function pictured(height: number, width: number, k: number) {
  const image = createImage(height, width);
  fillRectangle(image, 0, 0, width, height, [60, 80, 120]);
  fillRectangle(image, 4 * k, 8, 16, 16, [240, 140, 20]);
  return image;
}

describe("encodeVideo", () => {
  it("writes what is read back: count, rate, colours, places", async () => {
    const writer = await encodeVideo(file("sub/a.mp4"), { width: 96, height: 64, fps: 30000 / 1001 });
    for (let k = 0; k < 12; k++) await writer.write(pictured(64, 96, k));
    expect(readdirSync(join(folder, "sub")).includes("a.mp4")).toBe(false);
    await writer.close();
    expect(readdirSync(join(folder, "sub"))).toEqual(["a.mp4"]);
    const info = await probeVideo(file("sub/a.mp4"));
    expect(info).toMatchObject({ width: 96, height: 64, frameCount: 12, codec: "h264" });
    expect(info.fps).toBeCloseTo(29.97, 2);
    for await (const { image, index, time } of decodeVideo(file("sub/a.mp4"))) {
      expect(time).toBeCloseTo((index * 1001) / 30000, 4);
      const square = [0, 1, 2].map((c) => image.get(16, 4 * index + 8, c));
      const ground = [0, 1, 2].map((c) => image.get(50, 48, c));
      [240, 140, 20].forEach((value, c) => {
        expect(Math.abs(square[c]! - value)).toBeLessThan(12);
      });
      [60, 80, 120].forEach((value, c) => {
        expect(Math.abs(ground[c]! - value)).toBeLessThan(6);
      });
    }
  });

  it("pads odd sizes and lets the caller reuse its picture", async () => {
    const writer = await encodeVideo(file("odd.mp4"), { width: 33, height: 21, fps: 10 });
    const image = createImage(21, 33);
    for (let k = 0; k < 5; k++) {
      image.data.fill(k * 50 + 20);
      await writer.write(image);
    }
    image.data.fill(0);
    await writer.close();
    const greys: number[] = [];
    for await (const frame of decodeVideo(file("odd.mp4"))) {
      expect(frame.image.shape).toEqual([22, 34, 3]);
      greys.push(Math.floor(frame.image.get(10, 10, 1) / 50));
    }
    expect(greys).toEqual([0, 1, 2, 3, 4]);
  });

  it("takes far more frames than it holds, at the encoder's pace", async () => {
    const writer = await encodeVideo(file("many.mp4"), { width: 640, height: 360, fps: 25 });
    const image = pictured(360, 640, 3);
    const before = process.memoryUsage().arrayBuffers;
    for (let k = 0; k < 150; k++) await writer.write(image);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80e6);
    await writer.close();
    expect((await probeVideo(file("many.mp4"))).frameCount).toBe(150);
  });

  it("leaves nothing behind after abort, at once or amid the frames", async () => {
    mkdirSync(file("aborted"));
    const early = await encodeVideo(file("aborted/a.mp4"), { width: 64, height: 64, fps: 10 });
    await early.abort();
    const late = await encodeVideo(file("aborted/b.mp4"), { width: 64, height: 64, fps: 10 });
    for (let k = 0; k < 20; k++) await late.write(pictured(64, 64, k));
    await late.abort();
    await late.abort();
    expect(readdirSync(file("aborted"))).toEqual([]);
    await expect(late.write(pictured(64, 64, 0))).rejects.toThrow(/after the video was closed/);
  });

  it("keeps the file that was there until the new one is whole", async () => {
    const writer = await encodeVideo(file("odd.mp4"), { width: 64, height: 64, fps: 10 });
    await writer.write(pictured(64, 64, 0));
    await writer.abort();
    expect(await probeVideo(file("odd.mp4"))).toMatchObject({ width: 34, height: 22 });
  });

  it("refuses wrong sizes, empty videos and folders", async () => {
    await expect(encodeVideo(file("x.mp4"), { width: 0, height: 4, fps: 10 })).rejects.toThrow(/positive size/);
    await expect(encodeVideo(folder, { width: 4, height: 4, fps: 10 })).rejects.toThrow(/got a folder/);
    const writer = await encodeVideo(file("x.mp4"), { width: 64, height: 48, fps: 10 });
    await expect(writer.write(createImage(64, 48))).rejects.toThrow(/a frame of .*x\.mp4: expected shape/);
    await expect(writer.close()).rejects.toThrow(/at least one frame/);
    expect(readdirSync(folder).filter((name) => name.includes("x.mp4"))).toEqual([]);
  });
});
