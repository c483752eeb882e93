/** @file A synthetic person in a synthetic scene, at any time, with everything that is true about the picture. */
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { axisAngleToMatrixHost, matrixToAxisAngleHost } from "../../src/geometry/rotation.ts";
import type { Box } from "../../src/image/box.ts";
import { createRandom, type Random } from "../../src/random.ts";
import { bodyLandmarks, createAppearance, type Landmarks, type Surface } from "./appearance.ts";
import { type Background, createBackground } from "./background.ts";
import { createRichCamera } from "./camera-styles.ts";
import { type Figure, prepareFigures } from "./figure.ts";
import { createExposure, createRichExposure, type Exposure } from "./light.ts";
import { createMotion, type Motion, type MotionKind } from "./motion.ts";
import { createRecordedMotion, type Recording } from "./recorded-motion.ts";
import type { Shot } from "./render.ts";
import { createScenery } from "./scenery.ts";
import { type Split, splitOfName } from "./splits.ts";
import { type CameraPath, createCameraPath, toCamera, type View, type Viewpoint } from "./viewpoint.ts";
import { createRichAppearance } from "./wardrobe.ts";

/** Raised when the same seed begins to give other pictures, so that stored ones are not taken for new ones. */
export const GENERATOR_VERSION = 1;

/** A body made ready for many people. */
export interface World {
  readonly body: BodyArrays;
  readonly landmarks: Landmarks;
  readonly figures: (betas: ArrayLike<number>) => Figure;
}

/** Prepares a body (24 joints, T-pose) for scenes. */
export function createWorld(body: BodyArrays): World {
  return { body, landmarks: bodyLandmarks(body), figures: prepareFigures(body) };
}

/** Someone somewhere: all of it follows from a seed. */
export interface Scene {
  readonly seed: number;
  /** [10] */
  readonly betas: Float32Array;
  readonly figure: Figure;
  readonly surface: Surface;
  readonly motion: Motion;
  readonly background: Background;
  readonly exposure: Exposure;
  readonly path: CameraPath;
}

/** How rich a world is: `demo` is what the shipped weights have learned from, `world` has more of everything. */
export const SCENE_STYLES = ["demo", "world"] as const;
export type SceneStyle = (typeof SCENE_STYLES)[number];

/** What can be asked of a scene. */
export interface SceneChoice {
  readonly motion?: MotionKind;
  /** Chance of an obstacle before the person. */
  readonly obstacles?: number;
  readonly style?: SceneStyle;
  /** Without one, scenes of a seed are those of no split; those of a split share nothing with the others'. */
  readonly split?: Split;
  /** What the person does, instead of a motion of the generator. */
  readonly recording?: Recording;
  /** How long the scene lasts, for recorded motions and cameras that follow them. */
  readonly seconds?: number;
  /** How far people may turn from the camera, radians; anywhere without it. */
  readonly facing?: number;
  /** `still`: the camera that was drawn stays where it is in the middle of the scene. */
  readonly camera?: "still";
}

/** Draws the scene number `index` of `seed`. Parts have streams of their own: more betas do not change the clothes. */
export function createScene(world: World, seed: number, index: number, choice: SceneChoice = {}): Scene {
  const stream = (part: string): Random => sceneRandom(seed, index, choice.split, part);
  const isRich = choice.style === "world";
  const betas = drawBetas(stream("shape"), isRich ? 1.1 : 0.9);
  const motion = drawMotion(stream, choice);
  const figure = world.figures(betas);
  const common = { seed: stream("noise").integer(2 ** 30), betas, figure, motion };
  if (!isRich)
    return {
      ...common,
      surface: createAppearance(stream("look"), world.landmarks),
      background: createBackground(stream("background"), choice.obstacles),
      exposure: createExposure(stream("light")),
      path: asChosen(createCameraPath(stream("camera")), choice),
    };
  const { path, space } = createRichCamera(stream("camera"), motion, choice.seconds ?? 0);
  return {
    ...common,
    surface: createRichAppearance(stream("look"), world.landmarks),
    background: createScenery(stream("background"), choice.obstacles ?? 0.25, space),
    exposure: createRichExposure(stream("light")),
    path: asChosen(path, choice),
  };
}

function asChosen(path: CameraPath, { camera, seconds = 0 }: SceneChoice): CameraPath {
  if (camera !== "still") return path;
  const viewpoint = path.at(seconds / 2);
  return { distance: path.distance, at: () => viewpoint };
}

/** The stream of one part of a scene. */
export function sceneRandom(seed: number, index: number, split: Split | undefined, part: string): Random {
  return split ? createRandom(seed, "scene", split, index, part) : createRandom(seed, "scene", index, part);
}

function drawBetas(random: Random, spread: number): Float32Array {
  const limit = spread + 1.6;
  return Float32Array.from({ length: 10 }, () => Math.min(limit, Math.max(-limit, random.normal(0, spread))));
}

/** Motions of the generator without which no split would be like real video. */
const EVERYDAY = ["walk+swing", "run+swing", "stand+hang"];

function drawMotion(
  stream: (part: string) => Random,
  { recording, split, motion, seconds, facing }: SceneChoice,
): Motion {
  if (recording) return createRecordedMotion(stream("motion"), recording, seconds ?? 0, facing);
  if (!split) return createMotion(stream("motion"), motion, facing);
  // Combinations of legs and arms belong to one split each. Everyday gaits, and what is no combination, are drawn afresh
  // for every person and belong to all.
  for (let attempt = 0; ; attempt++) {
    const drawn = createMotion(stream(`motion ${attempt}`), motion, facing);
    const isCommon = !drawn.kind.includes("+") || EVERYDAY.includes(drawn.kind);
    if (isCommon || splitOfName(drawn.kind) === split) return drawn;
  }
}

/** A scene at one time: parameters and joints in camera space, before any picture is chosen. */
export interface Moment {
  readonly viewpoint: Viewpoint;
  /** [72] axis-angle; the first three turn the body into camera space. */
  readonly pose: Float32Array;
  /** Metres, added to the posed body to bring it before the camera. */
  readonly transl: readonly [number, number, number];
  /** [24*3] camera space, metres. */
  readonly joints: Float32Array;
  /** Extent of the mesh at focal length 1 around (0, 0). */
  readonly extent: Box;
  readonly shadow: Shot["shadow"];
}

/** Poses the scene's figure at `t` seconds, in camera space (its vertices stay until the next call). */
export function poseScene(scene: Scene, t: number): Moment {
  const { figure, motion, path } = scene;
  const viewpoint = path.at(t);
  const pose = new Float32Array(72);
  const { x, z, lift } = motion.at(t, pose);
  turnIntoCamera(pose, viewpoint);

  // Posed about the pelvis first: only then is it known how far below it the lowest point is.
  const rest = figure.rest;
  figure.pose(pose, [-rest[0]!, -rest[1]!, -rest[2]!]);
  const r = viewpoint.rotation;
  const up = [r[1]!, r[4]!, r[7]!] as const;
  let lowest = 0;
  const { vertices } = figure;
  for (let i = 0; i < vertices.length; i += 3) {
    lowest = Math.min(lowest, up[0] * vertices[i]! + up[1] * vertices[i + 1]! + up[2] * vertices[i + 2]!);
  }
  const pelvis = toCamera(viewpoint, x, lift - lowest, z);
  const extent = move(vertices, pelvis);
  move(figure.joints, pelvis);
  return {
    viewpoint,
    pose,
    transl: [pelvis[0] - rest[0]!, pelvis[1] - rest[1]!, pelvis[2] - rest[2]!],
    joints: figure.joints.slice(),
    extent,
    shadow: { x, z, radius: 0.4 },
  };
}

/** Left-multiplies the global orientation by the camera's rotation. */
function turnIntoCamera(pose: Float32Array, { rotation: c }: Viewpoint): void {
  const w = axisAngleToMatrixHost(pose.subarray(0, 3), 1);
  const product = new Float64Array(9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) product[3 * i + j]! += c[3 * i + k]! * w[3 * k + j]!;
    }
  }
  pose.set(matrixToAxisAngleHost(product, 1));
}

/** Adds `by` to points [N*3] in place; returns the extent of X/Z and Y/Z. */
function move(points: Float32Array, by: readonly [number, number, number]): Box {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 3) {
    points[i]! += by[0];
    points[i + 1]! += by[1];
    points[i + 2]! += by[2];
    const x = points[i]! / points[i + 2]!;
    const y = points[i + 1]! / points[i + 2]!;
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  return { x0, y0, x1, y1 };
}

/** The shot of frame `frame` at the moment `t`, `elapsed` seconds after the scene's begin, through `view`. */
export function shotOf(
  scene: Scene,
  moment: Moment,
  view: View,
  { frame, t, elapsed }: { readonly frame: number; readonly t: number; readonly elapsed: number },
): Shot {
  const { figure, surface, background, exposure } = scene;
  const { viewpoint, shadow } = moment;
  const shot = {
    figure,
    surface,
    background,
    exposure,
    viewpoint,
    view,
    shadow,
    elapsed,
    noiseSeed: scene.seed + frame,
  };
  const seconds = exposure.rich?.shutter ?? 0;
  return seconds > 0 ? { ...shot, shutter: { seconds, pose: (offset) => poseScene(scene, t + offset) } } : shot;
}

/** The mesh's box in the pixels of `view`. */
export function boxIn({ x0, y0, x1, y1 }: Box, { focal, cx, cy }: View): Box {
  return { x0: focal * x0 + cx, y0: focal * y0 + cy, x1: focal * x1 + cx, y1: focal * y1 + cy };
}

/** Joints [24*2] in the pixels of `view`. */
export function jointPixels(joints: Float32Array, { focal, cx, cy }: View): Float32Array {
  const out = new Float32Array((joints.length / 3) * 2);
  for (let i = 0, o = 0; i < joints.length; i += 3, o += 2) {
    out[o] = (focal * joints[i]!) / joints[i + 2]! + cx;
    out[o + 1] = (focal * joints[i + 1]!) / joints[i + 2]! + cy;
  }
  return out;
}

/**
 * The weak-perspective camera (s, tx, ty) in the `sX+t` convention that comes closest (least squares over all joints) to
 * pixels [J*2] in the `square` whose edges are -1 and 1. `joints` [J*3]: model space, before the translation.
 */
export function fitWeakCamera(
  joints: ArrayLike<number>,
  pixels: ArrayLike<number>,
  square: { readonly cx: number; readonly cy: number; readonly side: number },
): Float32Array {
  const count = pixels.length / 2;
  const mean = [0, 0, 0, 0];
  const at = (j: number) => [
    joints[3 * j]!,
    joints[3 * j + 1]!,
    (2 * (pixels[2 * j]! - square.cx)) / square.side,
    (2 * (pixels[2 * j + 1]! - square.cy)) / square.side,
  ];
  for (let j = 0; j < count; j++)
    at(j).forEach((value, k) => {
      mean[k]! += value / count;
    });
  let [numerator, denominator] = [0, 0];
  for (let j = 0; j < count; j++) {
    const [x, y, u, v] = at(j).map((value, k) => value - mean[k]!) as [number, number, number, number];
    numerator += x * u + y * v;
    denominator += x * x + y * y;
  }
  const s = denominator > 0 ? numerator / denominator : 1;
  return Float32Array.of(s, mean[2]! - s * mean[0]!, mean[3]! - s * mean[1]!);
}
