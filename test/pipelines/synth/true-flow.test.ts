import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFlowTruth, FLOW_LAYERS } from "../../../pipelines/synth/flow-truth.ts";
import type { Shot } from "../../../pipelines/synth/render.ts";
import { createSurfaceMapper, LAYERS } from "../../../pipelines/synth/surface-map.ts";
import { trueFlow } from "../../../pipelines/synth/true-flow.ts";
import { lookAt, type View, type Viewpoint } from "../../../pipelines/synth/viewpoint.ts";
import { createScene, createWorld, poseScene, shotOf } from "../../../pipelines/synth/world.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { toFloat32 } from "../../../src/io/host-tensor.ts";
import { numbersOf, readNpz } from "../../../src/io/npz.ts";

const world = createWorld(proceduralBody());
const view: View = { width: 60, height: 40, focal: 120, cx: 29.5, cy: 19.5 };
const plain = () => {};

/** A wall 2 m behind the origin, seen from 2 m before it; no floor is in the picture, and a triangle stands for the person. */
function shotFrom(
  x: number,
  triangle: readonly number[],
  elapsed: number,
  boards: Shot["background"]["boards"] = [],
): Shot {
  const scene = createScene(world, 1, 1);
  const viewpoint: Viewpoint = lookAt([x, 1, 2], [x, 1, 0]);
  const vertices = Float32Array.from(triangle);
  const figure = { ...scene.figure, vertices, faces: Uint32Array.of(0, 1, 2) };
  const background = { wallDistance: 2, wall: plain, floor: plain, boards, front: 0.5 };
  const moment = { ...poseScene(scene, 1), viewpoint };
  return { ...shotOf(scene, moment, view, { frame: 0, t: 1, elapsed }), figure, background };
}

function flowOf(first: Shot, second: Shot) {
  const mapOf = createSurfaceMapper(view.width, view.height);
  const [from, to] = [mapOf(first), mapOf(second)];
  const empty = () => ({ flow: new Float32Array(60 * 40 * 2), valid: new Uint8Array(60 * 40) });
  const [forward, backward] = [empty(), empty()];
  trueFlow(from, to, first.figure.faces, forward);
  trueFlow(to, from, first.figure.faces, backward);
  const at = (x: number, y: number, { flow, valid } = forward) => {
    const p = y * 60 + x;
    return [flow[2 * p]!, flow[2 * p + 1]!, valid[p]!].map((value) => Math.round(value * 1e4) / 1e4 + 0);
  };
  return { at, backward, layer: from.layer };
}

const far = [9, 9, 2, 9, 9, 2, 9, 9, 2];

describe("flow of a scene", () => {
  test("the wall moves against the camera, and what leaves the picture is not valid", () => {
    // 4 m away: 0.1 m to the right are 120 * 0.1 / 4 = 3 px to the left.
    const { at, backward } = flowOf(shotFrom(0, far, 0), shotFrom(0.1, far, 0));
    expect(at(30, 10)).toEqual([-3, 0, 1]);
    expect(at(2, 10)).toEqual([-3, 0, 0]);
    expect(at(3, 10)).toEqual([-3, 0, 1]);
    expect(at(30, 10, backward)).toEqual([3, 0, 1]);
    expect(at(57, 10, backward)).toEqual([3, 0, 0]);
  });

  test("a face goes where its corners go, with perspective; what it covers then is hidden", () => {
    // A triangle in camera space, the corners at depths 2, 2 and 4, then nearer and 0.25 m farther right.
    const before = [-0.2, -0.2, 2, 0.2, -0.2, 2, 0, 0.3, 4];
    const after = before.map((value, i) => value + (i % 3 === 0 ? 0.25 : i % 3 === 2 ? -0.5 : 0));
    const { at, backward, layer } = flowOf(shotFrom(0, before, 0), shotFrom(0, after, 0));
    // At (29.5, 14.5) the corners have image points (17.5, 7.5), (41.5, 7.5), (29.5, 28.5): weights by hand.
    const [px, py] = [30, 14];
    expect(layer[py * 60 + px]).toBe(LAYERS.person);
    const w2 = (py - 7.5) / 21;
    const w1 = (px - 17.5 - 12 * w2) / 24;
    const screen = [1 - w1 - w2, w1, w2];
    const inverse = screen[0]! / 2 + screen[1]! / 2 + screen[2]! / 4;
    const weights = [screen[0]! / 2 / inverse, screen[1]! / 2 / inverse, screen[2]! / 4 / inverse];
    const point = [0, 1, 2].map((k) => weights.reduce((sum, w, i) => sum + w * after[3 * i + k]!, 0));
    const wanted = [120 * (point[0]! / point[2]!) + 29.5 - px, 120 * (point[1]! / point[2]!) + 19.5 - py];
    expect(at(px, py)[0]).toBeCloseTo(wanted[0]!, 3);
    expect(at(px, py)[1]).toBeCloseTo(wanted[1]!, 3);
    expect(at(px, py)[2]).toBe(1);
    // The wall to the right of it is covered afterwards, the wall to the left of it was before.
    expect(at(48, 8)).toEqual([0, 0, 0]);
    expect(at(20, 8, backward)).toEqual([0, 0, 0]);
    expect(at(10, 8)).toEqual([0, 0, 1]);
  });

  test("a far surface of the same person does not pass for a near one", () => {
    const near = [-0.2, -0.2, 1, 0.2, -0.2, 1, 0, 0.3, 1];
    const farther = [-0.6, -0.6, 3, 0.6, -0.6, 3, 0, 0.9, 3];
    const two = (shot: Shot): Shot => ({
      ...shot,
      figure: {
        ...shot.figure,
        vertices: Float32Array.from([...near, ...farther]),
        faces: Uint32Array.of(0, 1, 2, 3, 4, 5),
      },
    });
    const hidden = { ...two(shotFrom(0, far, 0)) };
    const alone = {
      ...hidden,
      figure: {
        ...hidden.figure,
        vertices: Float32Array.from([...near.map((x, i) => (i % 3 ? x : x + 5)), ...farther]),
      },
    };
    // The near face leaves the picture; what it bared was not to be seen before.
    const { at, backward } = flowOf(hidden, alone);
    expect(at(30, 14)[2]).toBe(0);
    expect(at(30, 14, backward)).toEqual([0, 0, 0]);
  });

  test("an obstacle that moves takes its flow along and hides the wall", () => {
    const board = { x0: -0.1, x1: 0.1, y0: 0, y1: 3, z: 1, plane: plain, speed: 0.5 };
    // 1 m before the camera, 0.5 m/s for 0.1 s: 120 * 0.05 / 1 = 6 px to the right. It takes 18 to 41.
    const { at, layer } = flowOf(shotFrom(0, far, 0, [board]), shotFrom(0, far, 0.1, [board]));
    expect(layer[10 * 60 + 30]).toBe(4);
    expect(at(30, 10)).toEqual([6, 0, 1]);
    expect(at(44, 10)).toEqual([0, 0, 0]);
    expect(at(50, 10)).toEqual([0, 0, 1]);
  });
});

test("in whole scenes of the rich world, forward and backward flow agree wherever both are valid", () => {
  const wide: View = { width: 120, height: 90, focal: 130, cx: 59.5, cy: 44.5 };
  for (const index of [1, 4]) {
    const scene = createScene(world, 2, index, { style: "world", obstacles: 1, seconds: 1 });
    const mapOf = createSurfaceMapper(120, 90);
    const maps = [0, 0.04].map((t) =>
      mapOf(shotOf(scene, poseScene(scene, 3 + t), wide, { frame: 0, t: 3 + t, elapsed: t })),
    );
    const empty = () => ({ flow: new Float32Array(120 * 90 * 2), valid: new Uint8Array(120 * 90) });
    const [forward, backward] = [empty(), empty()];
    trueFlow(maps[0]!, maps[1]!, scene.figure.faces, forward);
    trueFlow(maps[1]!, maps[0]!, scene.figure.faces, backward);
    let [agree, count, people] = [0, 0, 0];
    for (let p = 0; p < forward.valid.length; p++) {
      if (!forward.valid[p]) continue;
      const x = Math.round((p % 120) + forward.flow[2 * p]!);
      const y = Math.round(Math.floor(p / 120) + forward.flow[2 * p + 1]!);
      const q = y * 120 + x;
      if (!(x >= 0 && x < 120 && y >= 0 && y < 90) || !backward.valid[q]) continue;
      const sum = [0, 1].map((k) => forward.flow[2 * p + k]! + backward.flow[2 * q + k]!);
      count++;
      if (maps[0]!.layer[p] === LAYERS.person) people++;
      if (Math.hypot(...sum) < 0.7) agree++;
    }
    expect(people).toBeGreaterThan(200);
    expect(agree / count).toBeGreaterThan(0.98);
  }
});

test("the file holds pairs in half precision, their masks and what each pixel shows", async () => {
  const folder = await mkdtemp(join(tmpdir(), "motioncue-flow-"));
  const path = join(folder, "a.flow.npz");
  const board = { x0: -0.1, x1: 0.1, y0: 0, y1: 3, z: 1, plane: plain, speed: 0.5 };
  const writer = await createFlowTruth(path, 60, 40);
  for (const t of [0, 0.1, 0.2])
    await writer.add(shotFrom(0.1 * t, [-0.4, -0.2, 3, 1, -0.2, 3, 0, 0.3, 3], t, [board]));
  await writer.close();
  const file = await readNpz(path);
  const shapes = { flow: [2, 40, 60, 2], backward: [2, 40, 60, 2], valid: [2, 40, 60], backwardValid: [2, 40, 60] };
  for (const [key, shape] of Object.entries({ ...shapes, layers: [2, 40, 60], lastLayers: [40, 60] }))
    expect(file.get(key)!.shape).toEqual(shape);
  expect(file.get("flow")!.dtype).toBe("float16");
  const flow = toFloat32(numbersOf(file, "flow", path));
  // Camera 0.01 m per step and board 0.05 m, 1 m away: 120 * 0.04 px.
  expect(flow[2 * (10 * 60 + 30)]).toBeCloseTo(4.8, 2);
  const layers = file.get("layers")!.data as Uint8Array;
  expect([layers[10 * 60 + 30], layers[16 * 60 + 50], layers[2 * 60 + 2]]).toEqual([
    FLOW_LAYERS.occluder,
    FLOW_LAYERS.person,
    FLOW_LAYERS.surroundings,
  ]);
  await rm(folder, { recursive: true, force: true });
});
