/** @file The video of the pipeline stage: made on first use, kept in build/, the same bytes of picture every time. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { imageFrom } from "../src/image/image.ts";
import { encodeVideo } from "../src/video/encode.ts";
import { pictures } from "./inputs.ts";
import type { Sizes } from "./options.ts";

/** Path of an mp4 of moving waves with the frames and the size asked for. */
export async function footage({ frames, width, height }: Sizes["video"]): Promise<string> {
  const path = fileURLToPath(new URL(`../build/bench/waves-${width}x${height}-${frames}.mp4`, import.meta.url));
  if (existsSync(path)) return path;
  const side = Math.max(width, height);
  const writer = await encodeVideo(path, { width, height, fps: 25 });
  for (let t = 0; t < frames; t++) {
    // A window that moves over one large picture.
    const whole = pictures(1, side + 4 * frames);
    const row = 3 * (side + 4 * frames);
    const image = imageFrom(new Uint8Array(width * height * 3), height, width);
    for (let y = 0; y < height; y++) {
      const at = (y + 2 * t) * row + 9 * t;
      image.data.set(whole.subarray(at, at + 3 * width), y * width * 3);
    }
    await writer.write(image);
  }
  await writer.close();
  return path;
}
