/** @file Linear blend skinning as one kernel, on engines that have it; smpl/lbs.ts holds the same in tfjs operations. */
import { registerFusedGradient, runFused } from "../src/engine/custom.ts";
import { type Tensor, tf } from "../src/engine/tf.ts";
import type { BodyArrays } from "./body-arrays.ts";
import { disposeLbs, prepareLbs, type SkinnedBody } from "./lbs.ts";

/** Vertices side by side in the packed arrays. */
const LANES = 16;
const CONSTANTS = ["blend", "template", "weights", "weightJoints", "weightStarts", "jointShapes", "jointTemplate"];

/** A body's constants as the kernel wants them; vertices in blocks of 16, the last one filled up with zeros. */
export interface PackedBody {
  /**
   * blend [blocks, N + 9(J-1), 3, 16]; template [blocks, 3, 16]; the skin weights of those joints alone that have any in a
   * block: weights [E, 16], weightJoints [E], those of block b from weightStarts[b] to weightStarts[b + 1]; jointShapes
   * [N, 3J] and jointTemplate [1, 3J] as in LbsTensors.
   */
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly parents: number[];
  readonly vertexCount: number;
}

/** The first `betaCount` betas of `body`, packed. The caller disposes of `tensors`. Needs hasFused("skin"). */
export function packBody(body: BodyArrays, betaCount: number): PackedBody {
  const lbs = prepareLbs(body, betaCount);
  const { vertexCount, jointCount } = lbs;
  const blocks = Math.ceil(vertexCount / LANES);
  const padding = blocks * LANES - vertexCount;
  const tensors = tf.tidy(() => {
    const blocked = (x: Tensor) => {
      const rows = x.shape[0]!;
      const padded = tf.pad(tf.reshape(x, [rows, 3, vertexCount]), [[0, 0], [0, 0], [0, padding]]); // biome-ignore format: a matrix
      const turned = tf.transpose(tf.reshape(padded, [rows, 3, blocks, LANES]), [2, 0, 1, 3]);
      // By way of one dimension: the engine then lays the transposed view out in memory, once.
      return tf.reshape(tf.reshape(turned, [-1]), turned.shape);
    };
    return {
      blend: blocked(lbs.blendShapes),
      template: blocked(lbs.template),
      jointShapes: tf.clone(lbs.jointShapes),
      jointTemplate: tf.clone(lbs.jointTemplate),
      ...packWeights(body.lbsWeights, jointCount, vertexCount),
    };
  });
  disposeLbs(lbs);
  return { tensors, parents: [...body.parents], vertexCount };
}

function packWeights(weights: Float32Array, jointCount: number, vertexCount: number): Record<string, Tensor> {
  const joints: number[] = [];
  const starts = [0];
  const lanes: Float32Array[] = [];
  for (let first = 0; first < vertexCount; first += LANES) {
    for (let j = 0; j < jointCount; j++) {
      const own = Float32Array.from({ length: LANES }, (_, lane) => weights[(first + lane) * jointCount + j] ?? 0);
      if (own.every((weight) => weight === 0)) continue;
      joints.push(j);
      lanes.push(own);
    }
    starts.push(joints.length);
  }
  const values = new Float32Array(lanes.length * LANES);
  for (const [entry, own] of lanes.entries()) values.set(own, entry * LANES);
  return {
    weights: tf.tensor2d(values, [lanes.length, LANES]),
    weightJoints: tf.tensor1d(Int32Array.from(joints), "int32"),
    weightStarts: tf.tensor1d(Int32Array.from(starts), "int32"),
  };
}

/** Vertices [B,V,3] and joints [B,J,3] for rotations [B,J,3,3], betas [B,N] and transl [B,3]. Differentiable in all three. */
export function skinFused(body: PackedBody, rotations: Tensor, betas: Tensor, transl?: Tensor): SkinnedBody {
  const inputs = { rotations, betas, ...(transl ? { transl } : {}), ...body.tensors };
  const attrs = { parents: body.parents, vertexCount: body.vertexCount };
  const [vertices, joints] = runFused("skin", inputs, attrs) as [Tensor, Tensor];
  return { vertices, joints };
}

registerFusedGradient("skin", {
  inputs: ["rotations", "betas", ...CONSTANTS],
  gradient: ([dVertices, dJoints], saved, attrs) => {
    const names = ["rotations", "betas", ...CONSTANTS];
    const inputs = Object.fromEntries(names.map((name, i) => [name, saved[i]!]));
    const all = { ...inputs, dVertices: dVertices!, dJoints: dJoints! };
    const [dRotations, dBetas, dTransl] = runFused("skinGradient", all, attrs) as [Tensor, Tensor, Tensor];
    return { rotations: () => dRotations, betas: () => dBetas, transl: () => dTransl };
  },
});
