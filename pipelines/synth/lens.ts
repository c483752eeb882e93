/** @file What a lens and a sensor make of a picture: blur, exposure, noise, bytes. */
import { createImage, type Image } from "../../src/image/image.ts";
import type { Exposure, RichLight } from "./light.ts";

/** Blur by (w, 1 - 2w, w) along rows, then columns, in place. */
export function blurRows(data: Float32Array, width: number, height: number, w: number, line: Float32Array): void {
  if (w < 0.01) return;
  const pass = (count: number, length: number, start: number, step: number) => {
    for (let k = 0; k < count; k++) {
      const base = k * start;
      for (let i = 0; i < length; i++) for (let c = 0; c < 3; c++) line[3 * i + c] = data[base + i * step + c]!;
      for (let i = 1; i < length - 1; i++) {
        for (let c = 0; c < 3; c++)
          data[base + i * step + c] =
            (1 - 2 * w) * line[3 * i + c]! + w * (line[3 * i + c - 3]! + line[3 * i + c + 3]!);
      }
    }
  };
  pass(height, width, 3 * width, 3);
  pass(width, height, 3, 3 * width);
}

/**
 * Colours [H*W*3] as bytes, with tint and noise (sum of two uniform numbers, from a xorshift generator that `seed` begins);
 * in the rich world tone and vignette too, wavering with the time `t` in seconds.
 */
export function develop(
  colours: Float32Array,
  width: number,
  height: number,
  exposure: Exposure,
  seed: number,
  t = 0,
): Image {
  if (exposure.rich) grade(colours, width, height, exposure.rich, t);
  const shot = exposure.rich?.shot ?? 0;
  const image = createImage(height, width);
  const bytes = new Uint8ClampedArray(image.data.buffer);
  const { tint } = exposure;
  // Two uniform numbers in 0..65535 have a standard deviation of 26755 together.
  const size = exposure.noise / 26755;
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  for (let i = 0; i < bytes.length; i += 3) {
    for (let c = 0; c < 3; c++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const value = colours[i + c]! * tint[c]!;
      const own = shot > 0 ? size * (1 - shot + shot * Math.sqrt(2 * Math.max(0, value))) : size;
      const grain = ((state & 0xffff) + (state >>> 16) - 65535) * own;
      bytes[i + c] = 255 * colours[i + c]! * tint[c]! + grain;
    }
  }
  return image;
}

/** Vignette, wavering exposure and contrast (v + contrast v (1 - v) (2v - 1)), in place. */
function grade(colours: Float32Array, width: number, height: number, rich: RichLight, t: number): void {
  const { contrast, vignette } = rich;
  const gain = 1 + rich.flicker * Math.sin(rich.flickerRate * t);
  const [mx, my] = [(width - 1) / 2, (height - 1) / 2];
  const corner = mx * mx + my * my;
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dark = gain * (1 - (vignette * ((x - mx) ** 2 + (y - my) ** 2)) / corner);
      for (let end = o + 3; o < end; o++) {
        const v = Math.min(1, Math.max(0, colours[o]! * dark));
        colours[o] = v + 2 * contrast * v * (1 - v) * (2 * v - 1);
      }
    }
  }
}
