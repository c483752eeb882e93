/** @file From points to skeletons and back: rays and depths, turns about the root, projection, and the normal form of 2D poses. */
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { stopGradient } from "../../src/nn/stop-gradient.ts";
import type { Random } from "../../src/random.ts";

/**
 * Distance of the root from the camera, in units of the skeleton (Chen et al. 2019). A 2D pose in normal form has its root at
 * 0 and the root of its mean squared distance from there at 1 / DISTANCE, so that its skeleton has about unit size.
 */
export const DISTANCE = 10;
/** Nothing comes nearer to the camera than this. */
const NEAREST = 1;
/** Greatest turn about the picture's x axis, as published; about its y axis any. */
const TILT = Math.PI / 9;

/** Skeletons [B,J,3] before the camera from points [B,J,2] in normal form and depths [B,J] relative to the root: z (x, y, 1), z = max(1, 10 + depth). */
export function liftPoints(points: Tensor3D, depths: Tensor2D): Tensor3D {
  return tf.tidy(() => {
    const z = tf.expandDims(tf.maximum(tf.add(depths, DISTANCE), NEAREST), 2);
    return tf.concat([tf.mul(points, z), z], 2) as Tensor3D;
  });
}

/** Points [B,J,2] = (X, Y) / Z of skeletons [B,J,3]; what is nearer than 1 is seen as at 1. */
export function projectSkeletons(skeletons: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const [xy, z] = tf.split(skeletons, [2, 1], 2) as [Tensor, Tensor];
    return tf.div(xy, tf.maximum(z, NEAREST)) as Tensor3D;
  });
}

/** Skeletons [B,J,3] turned by `rotations` [B,3,3] about (0, 0, 10); back with `inverse`. */
export function turnSkeletons(skeletons: Tensor3D, rotations: Tensor3D, inverse = false): Tensor3D {
  return tf.tidy(() => {
    const root = tf.tensor1d([0, 0, DISTANCE]);
    // Rows times the transpose is the rotation of columns.
    const turned = tf.matMul(tf.sub(skeletons, root), rotations, false, !inverse);
    return tf.add(turned, root) as Tensor3D;
  });
}

/** [count*9] rotations R_x(elevation) R_y(azimuth): azimuth in [-pi, pi), elevation in [-pi/9, pi/9), uniform (Chen et al. 2019). */
export function drawTurns(random: Random, count: number): Float32Array {
  const turns = new Float32Array(9 * count);
  for (let i = 0; i < count; i++) {
    const [azimuth, elevation] = [random.uniform(-Math.PI, Math.PI), random.uniform(-TILT, TILT)];
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    turns.set([ca, 0, sa, se * sa, ce, -se * ca, -ce * sa, se, ce * ca], 9 * i);
  }
  return turns;
}

/** [B,1,1] how much larger than normal form the points [B,J,2] are: 10 times the root of the mean squared distance from 0. */
export function sizeOfPoints(points: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const squares = tf.mean(tf.sum(tf.square(points), 2, true), 1, true);
    // Nobody is a point; the root has no slope at 0.
    return tf.mul(tf.sqrt(tf.add(squares, 1e-12)), DISTANCE) as Tensor3D;
  });
}

/** Which joints have a side: for each joint the other side's, or itself. */
export interface JointSides {
  readonly mirror: readonly number[];
  /** Joints whose names say left, in the picture's sense. */
  readonly left: readonly number[];
}

/** The sides of joints by their names. */
export function jointSides(names: readonly string[], mirror: readonly number[]): JointSides {
  return { mirror, left: names.flatMap((name, j) => (name.startsWith("left-") && mirror[j] !== j ? [j] : [])) };
}

/**
 * [B,1,1] 1 where left joints of points [B,J,2] lie to the right of their other sides (on average, shoulders and hips and all):
 * where a template, which knows sides of the picture only, would name them the other way. Constant.
 */
export function crossedSides(points: Tensor3D, { mirror, left }: JointSides): Tensor3D {
  return stopGradient(() => {
    const x = tf.slice(points, [0, 0, 0], [-1, -1, 1]);
    const weights = mirror.map((other, j) => (left.includes(j) ? 1 : left.includes(other) ? -1 : 0));
    const difference = tf.sum(tf.mul(x, tf.tensor3d(weights, [1, mirror.length, 1])), 1, true);
    return tf.cast(tf.greater(difference, 0), "float32") as Tensor3D;
  });
}

/** `values` [B,J,...] with left and right joints exchanged where `crossed` [B,1,1] is 1. */
export function exchangeSides(values: Tensor3D, crossed: Tensor3D, { mirror }: JointSides): Tensor3D {
  return tf.tidy(() => {
    const exchanged = tf.gather(values, tf.tensor1d([...mirror], "int32"), 1);
    return tf.add(values, tf.mul(tf.sub(exchanged, values), crossed)) as Tensor3D;
  });
}
