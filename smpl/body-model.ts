/** @file A posable body: shape and pose in, vertices and joints out, on the engine. */
import { hasFused } from "../src/engine/custom.ts";
import { type Tensor, tf } from "../src/engine/tf.ts";
import { MotionCueError, ShapeError } from "../src/errors.ts";
import type { BodyArrays } from "./body-arrays.ts";
import { disposeLbs, linearBlendSkinning, prepareLbs, type SkinnedBody } from "./lbs.ts";
import { packBody, skinFused } from "./lbs-fused.ts";

export type { BodyArrays } from "./body-arrays.ts";

/** What a body is asked for. */
export interface BodyPose {
  /** [B, J, 3, 3] of each joint relative to its parent; joint 0 is the global orientation about the pelvis. */
  readonly rotations: Tensor;
  /** [B, N] */
  readonly betas: Tensor;
  /** [B, 3] metres, added last. */
  readonly transl?: Tensor;
}

export interface BodyModel {
  readonly name: string;
  readonly vertexCount: number;
  /** [F*3] counter-clockwise seen from outside. */
  readonly faces: Uint32Array;
  /** [J] -1 for the pelvis. */
  readonly parents: Int32Array;
  readonly betaCount: number;
  /** The numbers that the model was made of (all betas, before the choice of `betaCount`). */
  readonly host: BodyArrays;
  /** Vertices [B, V, 3] and joints [B, J, 3] in metres. Differentiable. Throws ShapeError. */
  forward(pose: BodyPose): SkinnedBody;
  /** Frees the model's tensors. */
  dispose(): void;
}

/** Betas in use unless another number is asked for: what the published regressors predict. */
const DEFAULT_BETA_COUNT = 10;

/**
 * A body model on the engine that runs. `betaCount` betas are used of those that `arrays` hold (by default 10, or all where
 * there are fewer). Throws ShapeError or MotionCueError when the arrays do not fit together.
 */
export function createBodyModel(arrays: BodyArrays, betaCount?: number): BodyModel {
  const available = Math.floor(arrays.shapeDirs.length / arrays.vTemplate.length);
  const used = betaCount ?? Math.min(DEFAULT_BETA_COUNT, available);
  if (!Number.isInteger(used) || used < 1 || used > available)
    throw new MotionCueError(arrays.name, `expected a number of betas from 1 to ${available}, got ${used}`);
  const skin = hasFused("skin") ? fusedSkin(arrays, used) : composedSkin(arrays, used);
  const jointCount = arrays.parents.length;
  const vertexCount = arrays.vTemplate.length / 3;
  let disposed = false;
  return {
    name: arrays.name,
    vertexCount,
    faces: arrays.faces,
    parents: arrays.parents,
    betaCount: used,
    host: arrays,
    forward({ rotations, betas, transl }) {
      if (disposed) throw new MotionCueError(arrays.name, "the body model was disposed; create it again");
      const batch = rotations.shape[0] ?? 0;
      expectShape(`${arrays.name} rotations`, rotations, [batch, jointCount, 3, 3]);
      expectShape(`${arrays.name} betas`, betas, [batch, used]);
      if (transl) expectShape(`${arrays.name} transl`, transl, [batch, 3]);
      return skin.forward(rotations, betas, transl);
    },
    dispose() {
      if (!disposed) skin.dispose();
      disposed = true;
    },
  };
}

interface Skin {
  forward(rotations: Tensor, betas: Tensor, transl?: Tensor): SkinnedBody;
  dispose(): void;
}

function fusedSkin(arrays: BodyArrays, betaCount: number): Skin {
  const packed = packBody(arrays, betaCount);
  return {
    forward: (rotations, betas, transl) => skinFused(packed, rotations, betas, transl),
    dispose: () => tf.dispose(packed.tensors),
  };
}

function composedSkin(arrays: BodyArrays, betaCount: number): Skin {
  const lbs = prepareLbs(arrays, betaCount);
  return {
    forward: (rotations, betas, transl) => linearBlendSkinning(lbs, rotations, betas, transl),
    dispose: () => disposeLbs(lbs),
  };
}

function expectShape(where: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || shape.some((size, i) => tensor.shape[i] !== size))
    throw new ShapeError(where, `[${shape.join(", ")}]`, tensor.shape);
}
