import { describe, expect, test } from "vitest";
import { createFlowPairs } from "../../../pipelines/synth-flow/dataset.ts";
import { applyMap, compose, invert, type Layer, similarity } from "../../../pipelines/synth-flow/layer.ts";
import { type FlowPair, renderPair } from "../../../pipelines/synth-flow/render.ts";
import { randomScene } from "../../../pipelines/synth-flow/scene.ts";
import { blob, capsule, plate } from "../../../pipelines/synth-flow/shapes.ts";
import { makeTexture, TEXTURE_SIZE } from "../../../pipelines/synth-flow/textures.ts";
import { createRandom } from "../../../src/random.ts";

const identity = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
const ramp = new Float32Array(TEXTURE_SIZE * TEXTURE_SIZE * 3).map((_, i) => {
  const at = Math.floor(i / 3);
  return i % 3 === 0 ? (at % TEXTURE_SIZE) / 256 : i % 3 === 1 ? Math.floor(at / TEXTURE_SIZE) / 256 : 0.5;
});
const layer = (motion: Float64Array, shape: Partial<Layer> = {}): Layer => ({
  texture: ramp,
  toTexture: [1, 0, 100, 0, 1, 50],
  tint: [1, 1, 1],
  roundness: 0,
  box: [0, 0, 31, 31],
  motion,
  inverse: invert(motion),
  ...shape,
});
const at = (data: Float32Array, channels: number, x: number, y: number, size = 32) => [
  ...data.slice((y * size + x) * channels, (y * size + x + 1) * channels),
];

describe("plane maps", () => {
  test("a similarity takes source to target and turns x towards y", () => {
    const map = similarity([2, 3], [10, -1], 0, 2);
    expect(applyMap(map, 2, 3)).toEqual([10, -1]);
    expect(applyMap(map, 3, 3)).toEqual([10, 1]);
    expect(applyMap(map, 2, 4)).toEqual([8, -1]);
  });
  test("composition and inverse, with perspective", () => {
    const map = compose(similarity([1, 2], [3, 5], 0.9, 0.2), Float64Array.of(1, 0, 0, 0, 1, 0, 0.01, -0.02, 1));
    const [x, y] = applyMap(map, 7, 4);
    const back = applyMap(invert(map), x, y);
    expect(back[0]).toBeCloseTo(7, 9);
    expect(back[1]).toBeCloseTo(4, 9);
  });
});

describe("shapes", () => {
  test("signed distances by hand", () => {
    const limb = capsule([0, 0], [10, 0], 2, 1);
    expect(limb.distance(0, 5)).toBeCloseTo(3, 9);
    expect(limb.distance(10, 5)).toBeCloseTo(4, 9);
    expect(limb.distance(5, 0)).toBeCloseTo(-1.5, 9);
    expect(limb.distance(14, 3)).toBeCloseTo(4, 9);
    expect(plate([1, 1], 4, 2, 0, 0).distance(8, 1)).toBeCloseTo(3, 9);
    expect(plate([1, 1], 4, 2, Math.PI / 2, 0).distance(8, 1)).toBeCloseTo(5, 9);
    expect(plate([0, 0], 4, 2, 0, 1).distance(0, 0)).toBeCloseTo(-2, 9);
  });
  test("a blob's box holds it", () => {
    const { distance, box } = blob(createRandom(1), [20, 30], 8);
    for (let y = 0; y < 60; y += 0.5)
      for (let x = 0; x < 60; x += 0.5)
        if (distance(x, y) < 0) expect(x >= box[0] && y >= box[1] && x <= box[2] && y <= box[3]).toBe(true);
    expect(distance(20, 30)).toBeLessThan(0);
  });
});

describe("rendering", () => {
  test("content at p in the first frame is at p + flow in the second, by hand", () => {
    const pair = renderPair([layer(similarity([0, 0], [3, -2], 1, 0))], 32);
    expect(at(pair.flow, 2, 5, 9)).toEqual([3, -2]);
    expect(at(pair.first, 3, 5, 9)[0]).toBeCloseTo(105 / 256, 5);
    expect(at(pair.first, 3, 5, 9)[1]).toBeCloseTo(59 / 256, 5);
    expect(at(pair.second, 3, 8, 7)).toEqual(at(pair.first, 3, 5, 9));
  });

  test("the upper layer hides the lower one and keeps its own flow", () => {
    const shape = capsule([10, 10], [20, 10], 4, 4);
    const pair = renderPair(
      [layer(identity), layer(similarity([0, 0], [5, 1], 1, 0), { ...shape, tint: [0, 0, 0] })],
      32,
    );
    expect(at(pair.flow, 2, 12, 11)).toEqual([5, 1]);
    expect(at(pair.flow, 2, 12, 20)).toEqual([0, 0]);
    expect(at(pair.first, 3, 12, 11)).toEqual([0, 0, 0]);
    expect(at(pair.second, 3, 7, 10)).toEqual(at(pair.first, 3, 7, 17).map((v, c) => (c === 1 ? 60 / 256 : v)));
    expect(at(pair.second, 3, 25, 11)).toEqual([0, 0, 0]);
  });
});

/** Share of the pixels that stay in the picture whose colour in the second frame, at p + flow, differs by less than `limit`. */
function constancy(pair: FlowPair, limit: number): number {
  const { size, first, second, flow } = pair;
  let [same, count] = [0, 0];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const px = x + flow[2 * (y * size + x)]!;
      const py = y + flow[2 * (y * size + x) + 1]!;
      const [ix, iy] = [Math.floor(px), Math.floor(py)];
      if (ix < 0 || iy < 0 || ix + 1 >= size || iy + 1 >= size) continue;
      let worst = 0;
      for (let c = 0; c < 3; c++) {
        const v = (dx: number, dy: number) => second[3 * ((iy + dy) * size + ix + dx) + c]!;
        const [fx, fy] = [px - ix, py - iy];
        const there = (1 - fy) * ((1 - fx) * v(0, 0) + fx * v(1, 0)) + fy * ((1 - fx) * v(0, 1) + fx * v(1, 1));
        worst = Math.max(worst, Math.abs(there - first[3 * (y * size + x) + c]!));
      }
      count++;
      if (worst < limit) same++;
    }
  }
  return same / count;
}

describe("random scenes", () => {
  const textures = [1, 2, 3].map((i) => makeTexture(createRandom(5, i)));
  test("before the camera's disturbances colours are constant along the flow, but for edges and what gets hidden", () => {
    let [along, still] = [0, 0];
    for (let i = 0; i < 12; i++) {
      const pair = renderPair(randomScene(createRandom(9, "scene", i), 96, textures), 96);
      along += constancy(pair, 0.08) / 12;
      still += constancy({ ...pair, flow: new Float32Array(pair.flow.length) }, 0.08) / 12;
    }
    expect(along).toBeGreaterThan(0.85);
    expect(still).toBeLessThan(along - 0.15);
  });

  test("a pair depends on seed, split and index alone; values are in 0..1 and flow is finite", () => {
    const [a, b] = [createFlowPairs(3, "train"), createFlowPairs(3, "train")];
    b(7, 64);
    const pair = a(4, 64);
    expect(b(4, 64)).toEqual(pair);
    expect(a(5, 64).first).not.toEqual(pair.first);
    expect(createFlowPairs(3, "held-out")(4, 64).first).not.toEqual(pair.first);
    for (const image of [pair.first, pair.second]) {
      expect(image.every((v) => v >= 0 && v <= 1)).toBe(true);
    }
    expect(pair.flow.every(Number.isFinite)).toBe(true);
  });
});
