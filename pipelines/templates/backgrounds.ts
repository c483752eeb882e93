/** @file What stands still behind people before a still camera: the median of a video's frames, seen through its windows. */
import type { CropSquare } from "../../src/image/box.ts";
import { cropSquare } from "../../src/image/crop.ts";
import type { Image } from "../../src/image/image.ts";

/** Frames that a background is the median of: as many as fit, of so many at most; of fewer it would show the person. */
const MOST_FRAMES = 25;
const FEWEST_FRAMES = 5;
/** What the crops of all windows of one video may take, in bytes. */
const MOST_BYTES = 256 * 2 ** 20;

/** Collects crops of one video until medians are asked for. */
export interface BackgroundCollector {
  /** Looks at frame number `index` where it is one of those that are taken. */
  add(image: Image, index: number): void;
  /** The background of window number `window`: bytes [S,S,3]; undefined where too few frames were seen. */
  background(window: number): Uint8Array | undefined;
}

/**
 * A collector for `windows` of a video of about `frames` frames, crops being `size` wide; evenly spread frames are taken,
 * of the whole video: a person who walks through a window has left it in most of them. Undefined where so many windows do
 * not fit into memory.
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
  const crops: Uint8Array[][] = windows.map(() => []);
  return {
    add(image, index) {
      // Odd counts have one middle; the middle of each stretch, so that neither end counts more.
      if (index % every !== every >> 1 || crops[0]!.length === count) return;
      windows.forEach((square, w) => {
        crops[w]!.push(cropSquare(image, square, size).data);
      });
    },
    background: (window) => (crops[window]!.length < FEWEST_FRAMES ? undefined : medianOf(crops[window]!)),
  };
}

/** The middle of the values at each place; of an even number of values the lower of the two middle ones. */
function medianOf(rows: readonly Uint8Array[]): Uint8Array {
  const values = new Uint8Array(rows.length);
  const middle = (rows.length - 1) >> 1;
  return Uint8Array.from(rows[0]!, (_, i) => {
    for (let r = 0; r < rows.length; r++) values[r] = rows[r]![i]!;
    return values.sort()[middle]!;
  });
}
