/** @file Labelled synthetic stills: one person, one moment, cropped about the person, with exact parameters. */
import type { CropSquare } from "../../src/image/box.ts";
import { squareBox } from "../../src/image/box.ts";
import type { Image } from "../../src/image/image.ts";
import { createRenderer, type Renderer } from "./render.ts";
import {
  createScene,
  fitWeakCamera,
  jointPixels,
  poseScene,
  type SceneChoice,
  sceneRandom,
  shotOf,
  type World,
} from "./world.ts";

/** How much larger than the person's box a crop is (as SPIN crops). */
export const CROP_SCALE = 1.2;

/** What is true of a still. J = 24. */
export interface StillLabels {
  /** [72] axis-angle, global orientation in camera space. */
  readonly pose: Float32Array;
  /** [10] */
  readonly betas: Float32Array;
  /** [J*3] metres, model space turned into the camera (before any translation). */
  readonly joints3d: Float32Array;
  /** [J*2] pixels of the picture. */
  readonly joints2d: Float32Array;
  /** The square a regressor should see: the person's box times 1.2, in pixels of the picture. */
  readonly square: CropSquare;
  /** [3] (s, tx, ty) of `square`, convention `sX+t`: the closest to the picture's true perspective. */
  readonly camera: Float32Array;
}

/** A picture of a person and what is true of it. */
export interface Still extends StillLabels {
  readonly image: Image;
}

/** What stills are like. */
export interface StillOptions extends SceneChoice {
  /** Side of the picture over side of the person's box. Larger than 1.2 leaves room for augmentation. */
  readonly margin?: number;
}

const renderers = new Map<number, Renderer>();
/** The largest motion time that is drawn, seconds. */
const LONGEST = 20;

/**
 * Still number `index` of `seed`, `size` x `size` pixels (at least 8), the person's box in the middle; the same always.
 */
export function renderStill(
  world: World,
  seed: number,
  index: number,
  size: number,
  options: StillOptions = {},
): Still {
  const { labels, draw } = describeStill(world, seed, index, size, options);
  return { ...labels, image: draw() };
}

/** The labels of a still at once, and its picture when asked for (before the next still is described). */
export function describeStill(
  world: World,
  seed: number,
  index: number,
  size: number,
  { margin = CROP_SCALE, ...choice }: StillOptions = {},
): { readonly labels: StillLabels; readonly draw: () => Image } {
  const scene = createScene(world, seed, index, choice);
  // A recorded motion has been cut to the moment already.
  const t = scene.motion.isRecorded ? 0 : sceneRandom(seed, index, choice.split, "time").uniform(0, LONGEST);
  const moment = poseScene(scene, t);
  const whole = squareBox(moment.extent, margin);
  const focal = size / whole.side;
  const middle = (size - 1) / 2;
  const view = { width: size, height: size, focal, cx: middle - focal * whole.cx, cy: middle - focal * whole.cy };
  const square = { cx: middle, cy: middle, side: (size * CROP_SCALE) / margin };
  const joints2d = jointPixels(moment.joints, view);
  const joints3d = moment.joints.map((value, i) => value - moment.transl[i % 3]!);
  const camera = fitWeakCamera(joints3d, joints2d, square);
  return {
    labels: { pose: moment.pose, betas: scene.betas, joints3d, joints2d, square, camera },
    draw: () => {
      const renderer = renderers.get(size) ?? createRenderer(size, size);
      renderers.set(size, renderer);
      return renderer(shotOf(scene, moment, view, { frame: 0, t, elapsed: 0 }));
    },
  };
}
