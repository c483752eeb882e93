/** @file Seeded inputs of the stages: pictures, bodies near the rest pose, a regressor that keeps them there. */
import { createRegressor, type Regressor } from "../smpl/regressor.ts";
import type { RegressorSpec } from "../smpl/regressor-spec.ts";
import { type Tensor2D, tf } from "../src/engine/tf.ts";
import { axisAngleToMatrixHost } from "../src/geometry/rotation.ts";
import { createRandom } from "../src/random.ts";

/** [count*side*side*3] bytes: waves of several sizes, each picture shifted against the one before by (3, 2) px. */
export function pictures(count: number, side: number): Uint8Array {
  const out = new Uint8Array(count * side * side * 3);
  for (let n = 0, o = 0; n < count; n++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const [u, v] = [x + 3 * n, y + 2 * n];
        for (let c = 0; c < 3; c++, o++) {
          const coarse = Math.sin(u / 17 + c) * Math.cos(v / 23 - c);
          out[o] = 128 + 60 * coarse + 50 * Math.sin(u / 2.3 + v / 3.1 + c) * Math.sin(v / 5.7 - u / 11);
        }
      }
  return out;
}

/** Pictures as a tensor [count,side,side,3] in 0..1. */
export function pictureTensor(count: number, side: number): tf.Tensor4D {
  const values = Float32Array.from(pictures(count, side), (byte) => byte / 255);
  return tf.tensor4d(values, [count, side, side, 3]);
}

/** Rotations [count*24*9] of upright bodies near the rest pose, and betas [count*10]. */
export function bodyStates(
  count: number,
  seed: number,
): { readonly rotations: Float32Array; readonly betas: Float32Array } {
  const random = createRandom(seed, "bodies");
  const turns = Float32Array.from(
    { length: count * 72 },
    (_, i) => random.normal(0, 0.1) + (i % 72 === 0 ? Math.PI : 0),
  );
  const betas = Float32Array.from({ length: count * 10 }, () => random.normal(0, 0.5));
  return { rotations: Float32Array.from(axisAngleToMatrixHost(turns)), betas };
}

/** Cameras [count,3] in convention `sX+t` under which a body of 1.7 m fills its crop. */
export function cameras(count: number): Tensor2D {
  const random = createRandom(5, "cameras");
  return tf.tensor2d(
    Array.from({ length: count }, () => [1 + random.normal(0, 0.03), random.normal(0, 0.03), random.normal(0, 0.03)]),
  );
}

/**
 * A regressor with seeded weights. Frozen norms do not hold back what random residual blocks add, so the last scale of each
 * block is small: bodies stay bodies.
 */
export function steadyRegressor(given: Partial<RegressorSpec>): Regressor {
  const regressor = createRegressor(given, 3);
  for (const [key, variable] of regressor.parameters)
    if (/\.bn[23]\.weight$/.test(key)) tf.tidy(() => variable.assign(tf.fill(variable.shape, 0.3)));
  return regressor;
}
