/** @file An endless, seeded set of image pairs with exact flow. */
import { createRandom } from "../../src/random.ts";
import { disturb, noiseTable } from "./photometric.ts";
import { type FlowPair, renderPair } from "./render.ts";
import { randomScene } from "./scene.ts";
import { makeTexture } from "./textures.ts";

const TEXTURES = 64;

/** Pair number `index` of `size` x `size` px: the same whenever it is asked for. */
export type FlowPairs = (index: number, size: number) => FlowPair;

/** The pairs of a seed; `split` separates sets that share nothing, neither textures nor scenes. */
export function createFlowPairs(seed: number, split: string): FlowPairs {
  const textures = Array.from({ length: TEXTURES }, (_, i) => makeTexture(createRandom(seed, "texture", split, i)));
  const table = noiseTable(createRandom(seed, "noise", split));
  return (index, size) => {
    const random = createRandom(seed, "scene", split, index);
    const pair = renderPair(randomScene(random, size, textures), size);
    disturb(random, pair, table);
    return pair;
  };
}
