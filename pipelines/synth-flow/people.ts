/** @file Image pairs with exact flow of synthetic people in the rich world: bodies, cloth, parallax, occlusion, blur, shadow. */

import { squareBox } from "../../src/image/box.ts";
import type { Image } from "../../src/image/image.ts";
import { createRandom } from "../../src/random.ts";
import { createRenderer, type Renderer } from "../synth/render.ts";
import type { Split } from "../synth/splits.ts";
import { createSurfaceMapper } from "../synth/surface-map.ts";
import { trueFlow } from "../synth/true-flow.ts";
import type { View } from "../synth/viewpoint.ts";
import { createScene, poseScene, shotOf, type World } from "../synth/world.ts";
import type { FlowPairs } from "./dataset.ts";

/** Side of the picture over side of the person's box, and the time from picture to picture, seconds. */
const MARGIN = [0.6, 2] as const;
const STEP = [1 / 60, 1 / 5] as const;

/** The pairs of a seed and split. Flow is that of what each pixel shows, also where the second picture hides it. */
export function createPeoplePairs(world: World, seed: number, split: Split): FlowPairs {
  const renderers = new Map<number, Renderer>();
  return (index, size) => {
    const random = createRandom(seed, "people", split, index);
    const seconds = STEP[0] * (STEP[1] / STEP[0]) ** random.next();
    const scene = createScene(world, seed, index, { style: "world", split, obstacles: 0.4, seconds });
    const start = scene.motion.isRecorded ? 0 : random.uniform(0, 20);
    const whole = squareBox(poseScene(scene, start).extent, random.uniform(...MARGIN));
    const focal = size / whole.side;
    const middle = (size - 1) / 2;
    const away = () => 0.15 * size * random.normal();
    const view: View = {
      width: size,
      height: size,
      focal,
      cx: middle - focal * whole.cx + away(),
      cy: middle - focal * whole.cy + away(),
    };
    const render = renderers.get(size) ?? createRenderer(size, size);
    renderers.set(size, render);
    const mapOf = createSurfaceMapper(size, size);
    const pictures = [0, 1].map((frame) => {
      const t = start + frame * seconds;
      const shot = shotOf(scene, poseScene(scene, t), view, { frame, t, elapsed: frame * seconds });
      // Before the picture is drawn: drawing moves the figure while the shutter is open.
      const map = mapOf(shot);
      return { map, image: toFloats(render(shot)) };
    });
    const flow = { flow: new Float32Array(2 * size * size), valid: new Uint8Array(size * size) };
    trueFlow(pictures[0]!.map, pictures[1]!.map, scene.figure.faces, flow);
    return { size, first: pictures[0]!.image, second: pictures[1]!.image, flow: flow.flow };
  };
}

function toFloats({ data }: Image): Float32Array {
  return Float32Array.from(data, (value) => value / 255);
}

/** Pairs of `first` and `second`, each index one or the other: `share` of them are `second`'s. */
export function mixPairs(first: FlowPairs, second: FlowPairs, share: number, seed: number): FlowPairs {
  return (index, size) => (createRandom(seed, "mix", index).next() < share ? second : first)(index, size);
}
