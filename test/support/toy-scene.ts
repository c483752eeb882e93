/** @file A small flat mesh in pairs of frames, for tests of cues. */
import type { CueInputs, PredictedFrames } from "../../pipelines/cues/cue.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";

export const TOY_SIZE = 32;
const SIDE = 5;

/** Pixels [1,25,2] of a 5 x 5 grid of vertices, 4.3 px apart, from (5.2, 6.1) on. */
export function toyPixels(): Tensor3D {
  const points = Array.from({ length: SIDE * SIDE }, (_, i) => [
    5.2 + 4.3 * (i % SIDE),
    6.1 + 4.3 * Math.floor(i / SIDE),
  ]);
  return tf.tensor3d([points]);
}

/** Two triangles per cell of the grid. */
export function toyFaces(): Uint32Array {
  const faces: number[] = [];
  for (let y = 0; y + 1 < SIDE; y++)
    for (let x = 0; x + 1 < SIDE; x++) {
      const a = SIDE * y + x;
      faces.push(a, a + 1, a + SIDE, a + 1, a + SIDE + 1, a + SIDE);
    }
  return Uint32Array.from(faces);
}

/** Frames whose vertices are where `pixels` [P,V,2] says, and whose other parameters are zero. */
export function toyFrames(pixels: Tensor3D): PredictedFrames {
  const [count, vertices] = pixels.shape;
  return {
    pixels,
    depth: tf.ones([count, vertices]),
    vertices: tf.zeros([count, vertices, 3]),
    joints: tf.zeros([count, 24, 3]),
    rotations: tf.zeros([count, 24, 3, 3]),
    betas: tf.zeros([count, 10]),
    camera: tf.zeros([count, 3]),
  };
}

/** x -> (A x + c): an affine motion of the picture, in pixels. */
export interface Affine {
  readonly a: readonly [number, number, number, number];
  readonly c: readonly [number, number];
}

/** Points [P,V,2] moved by an affine motion. */
export function moved(points: Tensor3D, { a, c }: Affine): Tensor3D {
  const [p, v] = points.shape;
  const flat = tf.matMul(tf.reshape(points, [p * v, 2]), tf.tensor2d([a[0], a[2], a[1], a[3]], [2, 2]));
  return tf.add(tf.reshape(flat, [p, v, 2]), c);
}

/** The exact dense flow [1,k*size,k*size,2] of an affine motion of the crop, in pixels of the map. */
export function affineFlow(motion: Affine, k = 1, size = TOY_SIZE): Tensor4D {
  const side = k * size;
  const data = new Float32Array(side * side * 2);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [u, v] = [(x + 0.5) / k - 0.5, (y + 0.5) / k - 0.5];
      data[2 * (y * side + x)] = k * (motion.a[0] * u + motion.a[1] * v + motion.c[0] - u);
      data[2 * (y * side + x) + 1] = k * (motion.a[2] * u + motion.a[3] * v + motion.c[1] - v);
    }
  return tf.tensor4d(data, [1, side, side, 2]);
}

/** The motion that undoes another. */
export function inverse({ a, c }: Affine): Affine {
  const d = a[0] * a[3] - a[1] * a[2];
  const b = [a[3] / d, -a[1] / d, -a[2] / d, a[0] / d] as const;
  return { a: b, c: [-(b[0] * c[0] + b[1] * c[1]), -(b[2] * c[0] + b[3] * c[1])] };
}

/** Cue inputs of pairs from `first` to `second` [P,25,2] with the given flow maps. */
export function toyInputs(first: Tensor3D, second: Tensor3D, forward: Tensor4D, backward: Tensor4D): CueInputs {
  return {
    cropSize: TOY_SIZE,
    faces: toyFaces(),
    pairs: Array.from({ length: first.shape[0] }, (_, i) => ({ video: "toy.mp4", track: "1", frames: [i, i + 1] })),
    predicted: { first: toyFrames(first), second: toyFrames(second) },
    flow: { first: forward, second: backward },
  };
}
