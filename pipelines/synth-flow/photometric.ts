/** @file What cameras do to colours: exposure, tone, white balance, blur and noise, partly different in the two frames. */
import type { Random } from "../../src/random.ts";
import type { FlowPair } from "./render.ts";

const TABLE_SIZE = 65536;

/** A table of standard normal numbers, so that noise costs one look-up per value. */
export function noiseTable(random: Random): Float32Array {
  return Float32Array.from({ length: TABLE_SIZE }, () => random.normal());
}

/** Changes the frames of `pair` in place; the flow stays exact. Values end in 0..1. */
export function disturb(random: Random, pair: FlowPair, table: Float32Array): void {
  const shared = randomTone(random, 0.25);
  const deviation = random.next() < 0.3 ? 0 : 0.03 * random.next() ** 2;
  const isBlurred = random.next() < 0.35;
  const isUneven = random.next() < 0.5;
  for (const image of [pair.first, pair.second]) {
    const own = isUneven ? randomTone(random, 0.06) : shared;
    if (isBlurred) blur(image, pair.size, random.uniform(0.05, 0.25));
    applyTone(image, shared);
    if (own !== shared) applyTone(image, own);
    addNoise(image, table, deviation, random.integer(TABLE_SIZE), 1 + 2 * random.integer(2000));
  }
}

interface Tone {
  readonly gain: readonly [number, number, number];
  readonly offset: number;
  /** How much the middle tones are raised: v + curve v (1 - v). */
  readonly curve: number;
}

function randomTone(random: Random, strength: number): Tone {
  const light = 1 + strength * random.normal(0, 0.5);
  const channel = () => light * (1 + 0.3 * strength * random.normal(0, 0.5));
  return {
    gain: [channel(), channel(), channel()],
    offset: 0.15 * strength * random.normal(),
    curve: Math.max(-0.9, Math.min(0.9, 1.5 * strength * random.normal())),
  };
}

function applyTone(image: Float32Array, { gain, offset, curve }: Tone): void {
  for (let i = 0; i < image.length; i += 3) {
    for (let c = 0; c < 3; c++) {
      const v = Math.min(1, Math.max(0, image[i + c]! * gain[c]! + offset));
      image[i + c] = v + curve * v * (1 - v);
    }
  }
}

function addNoise(image: Float32Array, table: Float32Array, deviation: number, start: number, step: number): void {
  for (let i = 0, at = start; i < image.length; i++, at += step) {
    const v = image[i]! + deviation * table[at & (TABLE_SIZE - 1)]!;
    image[i] = Math.min(1, Math.max(0, v));
  }
}

/** A 3-tap blur with weights (w, 1 - 2w, w) along rows and columns, in place. */
function blur(image: Float32Array, size: number, w: number): void {
  blurAlong(image, size, 3 * size, 3, w);
  blurAlong(image, size, 3, 3 * size, w);
}

function blurAlong(image: Float32Array, size: number, lineStep: number, step: number, w: number): void {
  for (let line = 0; line < size; line++) {
    for (let c = 0; c < 3; c++) {
      let at = line * lineStep + c;
      let before = image[at]!;
      for (let i = 0; i < size; i++, at += step) {
        const here = image[at]!;
        const after = i + 1 < size ? image[at + step]! : here;
        image[at] = here + w * (before + after - 2 * here);
        before = here;
      }
    }
  }
}
