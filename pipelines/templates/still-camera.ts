/** @file Whether the camera of a video stands still, so that two of its frames show one background. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { decodeVideo, type VideoInfo } from "../../src/video/video.ts";
import { type Affine, cameraMotion } from "../motion/camera-motion.ts";
import { type Grey, shrinkToGrey } from "../motion/grey.ts";
import { contentKey } from "../run/content-key.ts";
import type { Context } from "../run/context.ts";

/** Counts changes of the way in which stillness is measured. */
const VERSION = 1;
/** Longer side of the pictures that are compared. */
const SIDE = 128;
/** Seconds from one picture that is compared to the next. */
const EVERY_SECONDS = 0.5;
/** What a still camera's background may seem to move, as a share of the longer side. */
const MOST_MOVEMENT = 0.012;
/** The share of pictures that may seem to move more: a person who fills the picture is taken for the camera. */
const MOST_MOVED = 0.1;

/**
 * Whether hardly any picture of the video, one each half second, is moved against the first or against the one before it.
 * Kept in the folder `cache`; `digest` stands for the video's content. Throws what decodeVideo throws.
 */
export async function isCameraStill(
  cache: string,
  video: VideoInfo,
  digest: string,
  context: Context,
): Promise<boolean> {
  const path = join(cache, `${contentKey(["still camera", VERSION, digest])}.camera.json`);
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known !== undefined) return known.trim() === "true";
  const isStill = shareMoved(await movements(video, context)) <= MOST_MOVED;
  await writeFileAtomic(path, `${isStill}\n`);
  return isStill;
}

function shareMoved(movements: readonly number[]): number {
  return movements.filter((movement) => !(movement <= MOST_MOVEMENT)).length / Math.max(1, movements.length);
}

async function movements(video: VideoInfo, context: Context): Promise<number[]> {
  const scale = SIDE / Math.max(SIDE, video.width, video.height);
  const [height, width] = [video.height, video.width].map((side) => Math.max(8, Math.round(side * scale)));
  const found: number[] = [];
  let [first, before]: (Grey | undefined)[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for await (const { image, time } of decodeVideo(video)) {
    context.signal.throwIfAborted();
    if (time < next) continue;
    next = time + EVERY_SECONDS;
    const grey = shrinkToGrey(image, height!, width!);
    if (first && before)
      found.push(Math.max(...[first, before].map((one) => movementOf(cameraMotion(one, grey), grey))));
    first ??= grey;
    before = grey;
  }
  return found;
}

/** The farthest that a corner of the picture goes, as a share of its longer side. */
function movementOf([a, b, c, d, e, f]: Affine, { width, height }: Grey): number {
  const corners = [-1, 1].flatMap((sx) => [-1, 1].map((sy) => [(sx * width) / 2, (sy * height) / 2] as const));
  const longest = Math.max(...corners.map(([x, y]) => Math.hypot(a * x + b * y + c - x, d * x + e * y + f - y)));
  return longest / Math.max(width, height);
}
