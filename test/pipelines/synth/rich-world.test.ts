import { describe, expect, test } from "vitest";
import { BOARD_SHAPES, type Board, boardPixels, insideBoard, paintBoard } from "../../../pipelines/synth/boards.ts";
import { createShadowCaster } from "../../../pipelines/synth/cast-shadow.ts";
import { createRichExposure, lightingFrom } from "../../../pipelines/synth/light.ts";
import { createNoise } from "../../../pipelines/synth/noise.ts";
import { createRenderer } from "../../../pipelines/synth/render.ts";
import { createSmear } from "../../../pipelines/synth/smear.ts";
import { renderStill } from "../../../pipelines/synth/stills.ts";
import { lookAt, type View } from "../../../pipelines/synth/viewpoint.ts";
import { createScene, createWorld, poseScene, type Scene, shotOf } from "../../../pipelines/synth/world.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { createRandom } from "../../../src/random.ts";

const world = createWorld(proceduralBody());
const view: View = { width: 60, height: 40, focal: 120, cx: 29.5, cy: 19.5 };
const front = lookAt([0, 1, 2], [0, 1, 0]);

describe("things that stand upright", () => {
  const board: Board = {
    x0: 0.1,
    x1: 0.3,
    y0: 0.8,
    y1: 1.1,
    z: 1,
    plane: (_u, _v, _p, out) => out.fill(0.5),
    speed: 2,
  };

  test("are painted where they are, and move", () => {
    const out = new Float32Array(3 * 60 * 40);
    const depth = new Float32Array(60 * 40).fill(9);
    paintBoard(board, 0, front, view, out, [1, 0.5, 2], depth);
    // 1 m before the camera: x from 29.5 + 12 to 29.5 + 36, y from 19.5 - 12 to 19.5 + 24.
    const at = (x: number, y: number) => [...out.slice(3 * (y * 60 + x), 3 * (y * 60 + x) + 3)];
    expect(at(50, 20)).toEqual([0.5, 0.25, 1]);
    expect(at(39, 20)).toEqual([0, 0, 0]);
    expect(at(50, 5)).toEqual([0, 0, 0]);
    expect([depth[20 * 60 + 50], depth[20 * 60 + 39]]).toEqual([1, 9]);
    expect(boardPixels(board, -0.1, front, view)).toEqual([15, 5, 45, 40]);
  });

  test("every shape has an inside and an outside, and holds to its rectangle", () => {
    const cut = { x0: -0.3, x1: 0.3, y0: 0, y1: 1.5 };
    const noise = createNoise(createRandom(1, "n"));
    for (const [name, make] of Object.entries(BOARD_SHAPES)) {
      const shaped: Board = { ...cut, z: 0, plane: board.plane, shape: make(cut, noise) };
      let [inside, total] = [0, 0];
      for (let u = -0.29; u < 0.3; u += 0.02)
        for (let v = 0.01; v < 1.5; v += 0.02, total++) if (insideBoard(shaped, u, v) > 0) inside++;
      expect(inside / total, name).toBeGreaterThan(0.1);
      if (name !== "box" && name !== "pole") expect(inside / total, name).toBeLessThan(0.9);
      expect(insideBoard(shaped, 0.31, 0.7), name).toBeLessThan(0);
      expect(insideBoard(shaped, 0, -0.01), name).toBeLessThan(0);
    }
  });
});

describe("light", () => {
  test("comes from the same side of the world whatever the camera, and from above", () => {
    for (let seed = 0; seed < 20; seed++) {
      const exposure = createRichExposure(createRandom(seed, "light"));
      expect(Math.hypot(...exposure.toLight)).toBeCloseTo(1, 9);
      expect(exposure.toLight[1]).toBeGreaterThan(0.1);
    }
    const exposure = { ...createRichExposure(createRandom(1, "light")), toLight: [1, 0, 0] as const };
    const rounded = (from: typeof front) =>
      lightingFrom(exposure, from).toLight.map((x) => Math.round(1e6 * x) / 1e6 + 0);
    expect(rounded(front)).toEqual([1, 0, 0]);
    // From the person's left the light shines towards the camera's back: it is behind the lens.
    expect(rounded(lookAt([3, 1, 0], [0, 1, 0]))).toEqual([0, 0, -1]);
  });

  test("casts a person's shadow on the floor, away from the light", () => {
    // A triangle above the floor at the origin, light from the right at 45 degrees: the shadow lies to the left.
    const caster = createShadowCaster(60, 40);
    const from = lookAt([0, 2, 2], [0, 0, 0]);
    const points = [[-0.1, 0.5, 0], [0.1, 0.5, 0], [0, 0.5, 0.3]]; // biome-ignore format: three corners
    const r = from.rotation;
    const vertices = Float32Array.from(
      points.flatMap(([x, y, z]) =>
        [0, 3, 6].map((k) => r[k]! * (x! - 0) + r[k + 1]! * (y! - 2) + r[k + 2]! * (z! - 2)),
      ),
    );
    const mask = caster.cast(vertices, Uint32Array.of(0, 1, 2), [Math.SQRT1_2, Math.SQRT1_2, 0], from, view);
    let [sum, mean] = [0, 0];
    mask.forEach((value, p) => {
      sum += value;
      mean += value * (p % 60);
    });
    expect(sum).toBeGreaterThan(20);
    // Half a metre to the left at some 2.8 m.
    expect(29.5 - mean / sum).toBeGreaterThan(17);
    expect(29.5 - mean / sum).toBeLessThan(24);
  });
});

describe("time while the shutter is open", () => {
  test("a camera that moves sideways smears what is near along x, and little of what is far", () => {
    const smear = createSmear(60, 40);
    const paint = (metres: number) => {
      const colours = new Float32Array(3 * 60 * 40);
      for (let y = 0; y < 40; y++)
        for (let x = 30; x < 60; x++) colours.fill(1, 3 * (y * 60 + x), 3 * (y * 60 + x) + 3);
      const depth = new Float32Array(60 * 40).fill(metres);
      smear(colours, depth, view, front, lookAt([-0.05, 1, 2], [-0.05, 1, 0]), lookAt([0.05, 1, 2], [0.05, 1, 0]));
      return Array.from({ length: 60 }, (_, x) => colours[3 * (20 * 60 + x)]!);
    };
    // At 2 m the camera's 0.1 m are 6 px; at 200 m nothing.
    const [near, far] = [paint(2), paint(200)];
    const mixed = (row: number[]) => row.filter((value) => value > 0.01 && value < 0.99).length;
    expect(mixed(near)).toBe(6);
    expect(near[29]! + near[30]!).toBeCloseTo(1, 5);
    expect(mixed(far)).toBe(0);
  });

  test("a fast arm leaves a wider and fainter trace, its middle where the truth is", () => {
    const sharp = picture(fast(0));
    const blurred = picture(fast(0.1));
    expect(contrast(blurred)).toBeLessThan(0.95 * contrast(sharp));
    const [a, b] = [centre(sharp), centre(blurred)];
    expect(Math.hypot(a[0] - b[0], a[1] - b[1])).toBeLessThan(2);
  });
});

/** Someone who runs before a quiet, evenly lit wall; the shutter is open for `shutter` seconds. */
function fast(shutter: number): Scene {
  const scene = createScene(world, 3, 1, { motion: "dance", obstacles: 0, style: "world" });
  const { motion, background, exposure } = scene;
  const quiet = (_u: number, _v: number, _p: number, out: Float64Array) => out.fill(0);
  return {
    ...scene,
    surface: (_x, _y, _z, _p, out) => out.fill(1),
    // Four times as fast.
    motion: { ...motion, at: (t, pose) => motion.at(4 * t, pose) },
    path: { distance: 4, at: () => lookAt([0, 1, 4], [0, 0.9, 0]) },
    background: { ...background, boards: [], wall: quiet, floor: quiet },
    exposure: {
      ...exposure,
      noise: 0,
      blur: 0,
      rich: { ...exposure.rich!, shutter, vignette: 0, flicker: 0, contrast: 0 },
    },
  };
}

function picture(scene: Scene): Uint8Array {
  const wide: View = { width: 96, height: 96, focal: 180, cx: 47.5, cy: 47.5 };
  return createRenderer(96, 96)(shotOf(scene, poseScene(scene, 1), wide, { frame: 0, t: 1, elapsed: 0 })).data;
}

/** Mean squared step from pixel to pixel. */
function contrast(data: Uint8Array): number {
  let sum = 0;
  for (let i = 3; i < data.length; i += 3) sum += (data[i]! - data[i - 3]!) ** 2;
  return sum / data.length;
}

function centre(data: Uint8Array): [number, number] {
  let [x, y, sum] = [0, 0, 0];
  for (let i = 0; i < data.length; i += 3) {
    sum += data[i]!;
    x += data[i]! * ((i / 3) % 96);
    y += data[i]! * Math.floor(i / 288);
  }
  return [x / sum, y / sum];
}

describe("stills of the rich world", () => {
  const rich = { style: "world" as const, obstacles: 0.5 };

  test("repeat, differ from the plain world's, and do not depend on each other", () => {
    const first = renderStill(world, 5, 3, 64, rich).image.data.slice();
    renderStill(world, 5, 9, 64, rich);
    expect(renderStill(world, 5, 3, 64, rich).image.data).toEqual(first);
    expect(renderStill(world, 5, 3, 64).image.data).not.toEqual(first);
  });

  test("the plain world is what the shipped weights learned from: its pictures stay as they are", () => {
    const mean = (index: number) => {
      const { data } = renderStill(world, 1, index, 64).image;
      return [0, 1, 2].map((c) => data.reduce((sum, value, i) => sum + (i % 3 === c ? value : 0), 0) / (64 * 64));
    };
    const found = [0, 1, 2].map(mean);
    found.flat().forEach((value, i) => expect(value).toBeCloseTo(PLAIN_MEANS[i]!, 1));
  });

  test("show people of all kinds: bright and dark, quiet and busy", () => {
    const means = Array.from({ length: 24 }, (_, i) => {
      const { data } = renderStill(world, 8, i, 32, rich).image;
      return data.reduce((sum, value) => sum + value, 0) / data.length;
    });
    expect(Math.max(...means) - Math.min(...means)).toBeGreaterThan(90);
  });
});

/** Mean red, green and blue of stills 0, 1 and 2 of seed 1 at 64 px, as generator version 1 has drawn them from the start. */
const PLAIN_MEANS = [117.08, 121.07, 113.01, 122.95, 112.79, 111.5, 140.06, 134.66, 164.35];
