/** @file What stands still behind people before a still camera: the median of a video's frames where nobody is, seen through its windows. */
import type { Box, CropSquare } from "../../src/image/box.ts";
import { cropMap, cropSquare } from "../../src/image/crop.ts";
import type { Image } from "../../src/image/image.ts";

/** Frames that a background is the median of: as many as fit, of so many at most; of fewer it would show the person. */
const MOST_FRAMES = 25;
const FEWEST_FRAMES = 5;
/** What the crops of all windows of one video may take, in bytes. */
const MOST_BYTES = 256 * 2 ** 20;
/** How far beyond its box a person is taken to reach, in shares of the box's longer side: shadows, hands. */
const REACH = 0.04;

/** Collects crops of one video until medians are asked for. */
export interface BackgroundCollector {
  /** Looks at frame number `index`, in which people are in `boxes`, where it is one of those that are taken. */
  add(image: Image, index: number, boxes: readonly Box[]): void;
  /** The background of window number `window`: bytes [S,S,3]; undefined where too few frames were seen. */
  background(window: number): Uint8Array | undefined;
}

/**
 * A collector for `windows` of a video of about `frames` frames, crops being `size` wide; evenly spread frames are taken,
 * of the whole video: a person who walks through a window has left it in most of them. What is in nobody's box in any
 * frame is seen; what always is in one is guessed from around. Undefined where so many windows do not fit into memory.
 */
export function collectBackgrounds(
  windows: readonly CropSquare[],
  size: number,
  frames: number,
): BackgroundCollector | undefined {
  const length = size * size * 3;
  const count = Math.min(MOST_FRAMES, Math.floor(MOST_BYTES / (length * windows.length)));
  if (count < FEWEST_FRAMES) return undefined;
  const every = Math.max(1, Math.floor(frames / count));
  const crops: MaskedCrop[][] = windows.map(() => []);
  return {
    add(image, index, boxes) {
      // Odd counts have one middle; the middle of each stretch, so that neither end counts more.
      if (index % every !== every >> 1 || crops[0]!.length === count) return;
      windows.forEach((square, w) => {
        crops[w]!.push({ pixels: cropSquare(image, square, size).data, isHidden: hiddenBy(boxes, square, size) });
      });
    },
    background: (window) => (crops[window]!.length < FEWEST_FRAMES ? undefined : seenBehind(crops[window]!, size)),
  };
}

interface MaskedCrop {
  readonly pixels: Uint8Array;
  /** Of each pixel, whether a person is before it. */
  readonly isHidden: Uint8Array;
}

function hiddenBy(boxes: readonly Box[], square: CropSquare, size: number): Uint8Array {
  const isHidden = new Uint8Array(size * size);
  const { a, bx, by } = cropMap(square, size);
  for (const { x0, y0, x1, y1 } of boxes) {
    const reach = REACH * Math.max(x1 - x0, y1 - y0);
    const from = (low: number, shift: number) => Math.max(0, Math.floor(a * (low - reach) + shift));
    const to = (high: number, shift: number) => Math.min(size - 1, Math.ceil(a * (high + reach) + shift));
    for (let y = from(y0, by); y <= to(y1, by); y++)
      for (let x = from(x0, bx); x <= to(x1, bx); x++) isHidden[y * size + x] = 1;
  }
  return isHidden;
}

/** Medians of what is seen, and what is around where nothing is; undefined where nothing is seen anywhere. */
function seenBehind(crops: readonly MaskedCrop[], size: number): Uint8Array | undefined {
  const found = new Uint8Array(size * size * 3);
  const isKnown = new Uint8Array(size * size);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const seen = crops.filter(({ isHidden }) => isHidden[pixel] === 0);
    if (seen.length === 0) continue;
    isKnown[pixel] = 1;
    for (let c = 0; c < 3; c++) found[3 * pixel + c] = medianOf(seen.map(({ pixels }) => pixels[3 * pixel + c]!));
  }
  return fillFromAround(found, isKnown, size) ? found : undefined;
}

/** Fills unknown pixels, ring by ring from outside, with the means of the known ones next to them; false where none is known. */
function fillFromAround(pixels: Uint8Array, isKnown: Uint8Array, size: number): boolean {
  if (!isKnown.includes(1)) return false;
  while (isKnown.includes(0)) {
    const ring = [...isKnown.keys()].flatMap((pixel) => {
      if (isKnown[pixel] === 1) return [];
      const [x, y] = [pixel % size, Math.floor(pixel / size)];
      const next = [
        ...(x > 0 ? [pixel - 1] : []),
        ...(x < size - 1 ? [pixel + 1] : []),
        ...(y > 0 ? [pixel - size] : []),
        ...(y < size - 1 ? [pixel + size] : []),
      ].filter((other) => isKnown[other] === 1);
      return next.length > 0 ? [{ pixel, next }] : [];
    });
    for (const { pixel, next } of ring)
      for (let c = 0; c < 3; c++)
        pixels[3 * pixel + c] = Math.round(next.reduce((sum, other) => sum + pixels[3 * other + c]!, 0) / next.length);
    for (const { pixel } of ring) isKnown[pixel] = 1;
  }
  return true;
}

/** The middle value; of an even number of values the lower of the two middle ones. */
function medianOf(values: readonly number[]): number {
  return Uint8Array.from(values).sort()[(values.length - 1) >> 1]!;
}
