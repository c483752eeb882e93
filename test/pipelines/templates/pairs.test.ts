import { beforeAll, describe, expect, it } from "vitest";
import type { ClipStore, CropRecord } from "../../../pipelines/clips/store.ts";
import { drawPairs, pairSource, pairText, readPairs, trainingBatch } from "../../../pipelines/templates/pairs.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { createRandom } from "../../../src/random.ts";

const SIZE = 4;

/** A store whose crop i is filled with `first + i`, its left column with 255; `squares[i]` names the square of crop i. */
function store(video: string, squares: readonly number[], first = 0): ClipStore {
  const crops = squares.map((cx, i): CropRecord => ({ frame: 10 * i, time: 0, cx, cy: 1, side: 2 }));
  return {
    key: video,
    index: { video, width: 9, height: 9, cropSize: SIZE, flowSize: 0, clips: [{ track: 5, crops, pairs: [] }] },
    readCrop: async (_clip, crop, into, offset) => {
      into.fill(first + crop, offset, offset + 3 * SIZE * SIZE);
      for (let row = 0; row < SIZE; row++) into.fill(255, offset + 12 * row, offset + 12 * row + 3);
    },
    readFlow: async () => ({ forward: new Float32Array(), backward: new Float32Array() }),
  };
}

/** The pixels of `count` pairs, all of one value. */
function filled(count: number, value: number) {
  const bytes = () => new Uint8Array(count * 3 * SIZE * SIZE).fill(value);
  return { images: bytes(), references: bytes(), backgrounds: bytes() };
}

const still = { store: store("a.mp4", [1, 1, 1, 7, 8, 8]), isStill: true, backgrounds: store("a.mp4", [1, 7], 100) };
const moving = { store: store("b.mp4", [3, 4]), isStill: false };

beforeAll(async () => {
  await startEngine();
});

describe("pairs", () => {
  it("are of one window before a still camera, and of a picture with itself before a moving one", () => {
    const source = pairSource([still, moving], "auto");
    // The window of one frame (7) makes no pair.
    expect(source.count).toBe(5 + 2);
    const seen = new Map<string, number>();
    for (const pair of drawPairs(source, 700, true, createRandom(3))) {
      const own = `${pair.image.store.key} ${pair.image.crop}`;
      seen.set(own, (seen.get(own) ?? 0) + 1);
      const cx = (place: typeof pair.image) => place.store.index.clips[0]!.crops[place.crop]!.cx;
      expect(cx(pair.reference)).toBe(cx(pair.image));
      expect(pair.isMasked).toBe(pair.image.store === moving.store);
      expect(pair.reference === pair.image).toBe(pair.isMasked);
      // Only the window at 1 has a background among those that are drawn.
      expect(pair.background === pair.image).toBe(cx(pair.image) !== 1);
    }
    expect([...seen.keys()].sort()).toEqual([
      "a.mp4 0",
      "a.mp4 1",
      "a.mp4 2",
      "a.mp4 4",
      "a.mp4 5",
      "b.mp4 0",
      "b.mp4 1",
    ]);
    for (const times of seen.values()) expect(Math.abs(times - 100)).toBeLessThan(40);
  });

  it("are what is asked for whatever the camera does", () => {
    expect(pairSource([still, moving], "masked").count).toBe(8);
    expect(pairSource([still, moving], "frame").count).toBe(5);
  });

  it("become batches: mirrored as wholes, references hidden, backgrounds where there are any", async () => {
    const source = pairSource([still, moving], "auto");
    const [a, , b] = source.groups.map(({ places }) => places);
    const background = source.groups[0]!.background!;
    const pairs = [
      { image: a![0]!, reference: a![2]!, isMasked: false, isMirrored: true, background },
      { image: b![0]!, reference: b![0]!, isMasked: true, isMirrored: false, background: b![0]! },
    ];
    const batch = trainingBatch(await readPairs(pairs), createRandom(9));
    const row = (tensor: { dataSync(): ArrayLike<number> }, pair: number) =>
      Array.from({ length: SIZE }, (_, x) => Math.round(255 * tensor.dataSync()[pair * 48 + 3 * x]!));
    expect(row(batch.images, 0)).toEqual([0, 0, 0, 255]);
    expect(row(batch.references, 0)).toEqual([2, 2, 2, 255]);
    expect(row(batch.backgrounds!, 0)).toEqual([100, 100, 100, 255]);
    expect(row(batch.images, 1)).toEqual([255, 0, 0, 0]);
    // Of 16 x 16 cells every pixel is one here: about 80 % of the column of 4 are hidden.
    const column = [0, 1, 2, 3].map((y) => Math.round(255 * batch.references.dataSync()[48 + 12 * y]!));
    expect(column.filter((value) => value === 0).length).toBeGreaterThan(0);
    expect(column.every((value) => value === 0 || value === 255)).toBe(true);
    // Nothing stands out where no background is known.
    expect(row(batch.backgrounds!, 1)).toEqual(row(batch.images, 1));
    tf.dispose(batch);
    expect(pairText(pairs[0]!)).toBe("a.mp4 track 5 frame 0 with frame 20");
    expect(pairText(pairs[1]!)).toBe("b.mp4 track 5 frame 0");
  });

  it("may be tinted: all pictures of a pair alike, pairs each their own way", async () => {
    const places = pairSource([still], "frame").groups[0]!.places;
    const pair = (k: number) => ({ image: places[k]!, reference: places[k]!, isMasked: false, isMirrored: false });
    const pairs = [pair(0), pair(1)].map((one) => ({ ...one, background: one.image }));
    const pixels = { pairs, size: SIZE, ...filled(2, 128) };
    const batch = trainingBatch(pixels, createRandom(4), 0.2);
    const images = batch.images.dataSync();
    expect(batch.references.dataSync()).toEqual(images);
    expect(batch.backgrounds!.dataSync()).toEqual(images);
    const colour = (p: number) => [0, 1, 2].map((c) => images[p * 48 + c]! / (128 / 255));
    for (const share of [...colour(0), ...colour(1)]) {
      expect(Math.abs(share - 1)).toBeLessThan(0.2 + 0.2);
      expect(share).not.toBe(1);
    }
    expect(new Set([...colour(0), ...colour(1)]).size).toBe(6);
    tf.dispose(batch);
  });
});
