import { readdirSync, statSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createContext } from "../../../pipelines/run/context.ts";
import { expandVideos } from "../../../pipelines/run/input-files.ts";
import { prepareFootage } from "../../../pipelines/templates/footage.ts";
import { trackWindows } from "../../../pipelines/templates/windows.ts";
import { cropSquare } from "../../../src/image/crop.ts";
import { createImage, type Image } from "../../../src/image/image.ts";
import { createRandom } from "../../../src/random.ts";
import { encodeVideo } from "../../../src/video/encode.ts";
import { decodeVideo } from "../../../src/video/video.ts";
import { temporaryFolder } from "../../support/files.ts";

/** Blocks of random grey, 120 x 90, seen `shift` pixels further right; a bright block stands at x = 20 + 4 t. */
function frame(t: number, shift: number): Image {
  const random = createRandom(5, "blocks");
  const greys = Uint8Array.from({ length: 40 * 12 }, () => 40 + random.integer(120));
  const image = createImage(90, 120);
  for (let y = 0; y < 90; y++)
    for (let x = 0; x < 120; x++) {
      const isBlock = x >= 20 + 4 * t && x < 34 + 4 * t && y >= 30 && y < 70;
      image.data.fill(
        isBlock ? 250 : greys[Math.floor(y / 8) * 40 + Math.floor((x + shift) / 8)]!,
        (y * 120 + x) * 3,
        (y * 120 + x) * 3 + 3,
      );
    }
  return image;
}

const boxOf = (t: number) => [20 + 4 * t, 30, 34 + 4 * t, 70];

async function writeVideo(folder: string, name: string, speed: number): Promise<string> {
  const path = join(folder, `${name}.mp4`);
  const writer = await encodeVideo(path, { width: 120, height: 90, fps: 6 });
  for (let t = 0; t < 16; t++) await writer.write(frame(t, speed * t));
  await writer.close();
  const frames = Array.from({ length: 16 }, (_, index) => ({ index, box: boxOf(index) }));
  writeFileSync(join(folder, `${name}.tracks.json`), JSON.stringify({ tracks: [{ id: 2, frames }] }));
  return path;
}

it("crops windows once, tells still cameras from moving ones, and knows what is behind people before still ones", async () => {
  const folder = temporaryFolder();
  const cache = join(folder, "cache");
  await mkdir(cache);
  await writeVideo(folder, "still", 0);
  await writeVideo(folder, "turning", 6);
  writeFileSync(join(folder, "broken.mp4"), "no video");
  const settings = { cache, tracks: folder, size: 16, boxScale: 1.5, windowGrowth: 1.25, maxFrames: 12 };
  const prepare = async () => prepareFootage(await expandVideos([folder]), settings, createContext());
  const { footage, skipped } = await prepare();

  expect(skipped.map(({ video, failed }) => [video, failed])).toEqual([[join(folder, "broken.mp4"), true]]);
  expect(footage.map(({ isStill }) => isStill)).toEqual([true, false]);
  const [still, turning] = footage;
  expect(turning!.backgrounds).toBeUndefined();
  const { crops } = still!.store.index.clips[0]!;
  expect(crops.map(({ frame }) => frame)).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]);
  const boxes = new Map(
    Array.from({ length: 16 }, (_, t) => {
      const [x0, y0, x1, y1] = boxOf(t) as [number, number, number, number];
      return [t, { x0, y0, x1, y1 }] as const;
    }),
  );
  const windows = trackWindows({ id: 2, boxes }, settings);
  expect(new Set(windows.values()).size).toBeGreaterThan(1);
  expect(crops.map(({ cx, cy, side }) => ({ cx, cy, side }))).toEqual(crops.map(({ frame }) => windows.get(frame)));

  const read = async (store: (typeof footage)[number]["store"], crop: number) => {
    const pixels = new Uint8Array(16 * 16 * 3);
    await store.readCrop(0, crop, pixels, 0);
    return pixels;
  };
  for await (const { image, index } of decodeVideo(join(folder, "still.mp4")))
    if (index === 5) expect(await read(still!.store, 4)).toEqual(cropSquare(image, windows.get(5)!, 16).data);

  // The background is the picture without the block, but for what compression does.
  const behind = still!.backgrounds!.index.clips[0]!.crops;
  expect(behind).toHaveLength(new Set(windows.values()).size);
  const empty = cropSquare(frame(100, 0), behind[0]!, 16).data;
  const found = await read(still!.backgrounds!, 0);
  const worst = Math.max(...empty.map((value, i) => Math.abs(value - found[i]!)));
  expect(worst).toBeLessThan(25);

  const before = readdirSync(cache).map((name) => [name, statSync(join(cache, name)).mtimeMs]);
  expect((await prepare()).footage.map(({ store }) => store.key)).toEqual(footage.map(({ store }) => store.key));
  expect(readdirSync(cache).map((name) => [name, statSync(join(cache, name)).mtimeMs])).toEqual(before);
});
