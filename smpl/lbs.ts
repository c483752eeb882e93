/**
 * @file Linear blend skinning with shape and pose blend shapes (Loper et al., SMPL, 2015), differentiable.
 *
 * v_s = template + sum_k beta_k S_k;  J = regressor v_s;  v_p = v_s + P vec(R_1 - I .. R_23 - I);
 * G_j = G_parent(j) [R_j | J_j - J_parent(j)];  A_j = G_j less the shift by J_j;  v = sum_j w_vj A_j v_p + transl.
 *
 * Vertices are kept component by component ([3, V] instead of [V, 3]) until the end: skinning is then one matrix product
 * over the joints and a few element-wise operations along V. What is linear in the betas is multiplied out beforehand.
 */
import { type Tensor, tf } from "../src/engine/tf.ts";
import { type BodyArrays, checkBodyArrays } from "./body-arrays.ts";

/** A body's constants as tensors. */
export interface LbsTensors {
  readonly vertexCount: number;
  readonly jointCount: number;
  readonly betaCount: number;
  /** [N + 9(J-1), 3V] shape over pose blend shapes, component-major in V. */
  readonly blendShapes: Tensor;
  /** [1, 3V] */
  readonly template: Tensor;
  /** [N, 3J] regressor times shape blend shapes, and [1, 3J] regressor times template. */
  readonly jointShapes: Tensor;
  readonly jointTemplate: Tensor;
  /** [J, V] */
  readonly weights: Tensor;
  /** For each doubling of the chain, the ancestor of each of the J + 1 nodes (node 0 is the world). */
  readonly ancestors: readonly Tensor[];
  /** [J] parents as nodes, 0 for the root. */
  readonly parentNodes: Tensor;
}

/** The first `betaCount` betas of `body` as constants for `linearBlendSkinning`. The caller disposes with `disposeLbs`. */
export function prepareLbs(body: BodyArrays, betaCount: number): LbsTensors {
  const size = checkBodyArrays(body.name, body);
  const { vertexCount, jointCount } = size;
  const columns = 9 * (jointCount - 1);
  return tf.tidy(() => {
    const template = tf.tensor2d(body.vTemplate, [vertexCount, 3]);
    const shape = tf.slice(
      tf.tensor3d(body.shapeDirs, [vertexCount, 3, size.betaCount]),
      [0, 0, 0],
      [-1, -1, betaCount],
    );
    const pose = tf.tensor3d(body.poseDirs, [vertexCount, 3, columns]);
    const regressor = tf.tensor2d(body.jointRegressor, [jointCount, vertexCount]);
    const componentMajor = (dirs: Tensor, count: number) => tf.reshape(tf.transpose(dirs, [2, 1, 0]), [count, -1]);
    const jointShapes = tf.reshape(tf.matMul(regressor, tf.reshape(shape, [vertexCount, -1])), [3 * jointCount, -1]);
    const parentNodes = Int32Array.from(body.parents, (parent) => parent + 1);
    return {
      vertexCount,
      jointCount,
      betaCount,
      blendShapes: tf.concat([componentMajor(shape, betaCount), componentMajor(pose, columns)], 0),
      template: tf.reshape(tf.transpose(template), [1, -1]),
      jointShapes: tf.transpose(jointShapes),
      jointTemplate: tf.reshape(tf.matMul(regressor, template), [1, -1]),
      weights: tf.transpose(tf.tensor2d(body.lbsWeights, [vertexCount, jointCount])),
      ancestors: doublings(parentNodes).map((nodes) => tf.tensor1d(nodes, "int32")),
      parentNodes: tf.tensor1d(parentNodes, "int32"),
    };
  });
}

/** Frees the constants. */
export function disposeLbs(lbs: LbsTensors): void {
  for (const value of Object.values(lbs)) if (typeof value !== "number") tf.dispose(value);
}

/** What `linearBlendSkinning` returns: metres, in the camera's or world's frame that `rotations` turn into. */
export interface SkinnedBody {
  /** [B, V, 3] */
  readonly vertices: Tensor;
  /** [B, J, 3] */
  readonly joints: Tensor;
}

/** Skins the body: `rotations` [B, J, 3, 3] relative to each parent, `betas` [B, N], `transl` [B, 3]. Differentiable in all. */
export function linearBlendSkinning(lbs: LbsTensors, rotations: Tensor, betas: Tensor, transl?: Tensor): SkinnedBody {
  const batch = rotations.shape[0]!;
  const { vertexCount, jointCount } = lbs;
  return tf.tidy(() => {
    const flat = tf.reshape(rotations, [batch, jointCount, 9]);
    const posed = tf.sub(
      tf.slice(flat, [0, 1, 0], [batch, jointCount - 1, 9]),
      tf.tensor1d([1, 0, 0, 0, 1, 0, 0, 0, 1]),
    );
    const coefficients = tf.concat([betas, tf.reshape(posed, [batch, -1])], 1);
    const blended = tf.add(tf.matMul(coefficients, lbs.blendShapes), lbs.template);
    const rest = tf.reshape(tf.add(tf.matMul(betas, lbs.jointShapes), lbs.jointTemplate), [batch, jointCount, 3, 1]);

    const chain = kinematicChain(lbs, tf.reshape(rotations, [batch, jointCount, 3, 3]), rest);
    const turn = tf.slice(chain, [0, 0, 0, 0], [-1, -1, 3, 3]);
    let joints = tf.slice(chain, [0, 0, 0, 3], [-1, -1, 3, 1]);
    if (transl) joints = tf.add(joints, tf.reshape(transl, [batch, 1, 3, 1]));
    const relative = tf.concat([turn, tf.sub(joints, tf.matMul(turn, rest))], 3);

    // [B, 12, J] x [J, V]: every vertex's own 3x4 transform.
    const byEntry = tf.reshape(tf.transpose(tf.reshape(relative, [batch, jointCount, 12]), [0, 2, 1]), [
      -1,
      jointCount,
    ]);
    const transforms = tf.reshape(tf.matMul(byEntry, lbs.weights), [batch, 3, 4, vertexCount]);
    const linear = tf.slice(transforms, [0, 0, 0, 0], [-1, -1, 3, -1]);
    const shift = tf.reshape(tf.slice(transforms, [0, 0, 3, 0], [-1, -1, 1, -1]), [batch, 3, vertexCount]);
    const turned = tf.sum(tf.mul(linear, tf.reshape(blended, [batch, 1, 3, vertexCount])), 2);
    return {
      vertices: tf.transpose(tf.add(turned, shift), [0, 2, 1]),
      joints: tf.reshape(joints, [batch, jointCount, 3]),
    };
  });
}

/**
 * World transforms [B, J, 4, 4] of all joints. Instead of walking 23 bones or 9 levels down the tree, every node's
 * transform is multiplied by its ancestor's while the ancestors' distance doubles: 4 products for SMPL's tree.
 */
function kinematicChain(lbs: LbsTensors, rotations: Tensor, rest: Tensor): Tensor {
  const batch = rotations.shape[0]!;
  const { jointCount } = lbs;
  const world = tf.zeros([batch, 1, 3, 1]);
  const offset = tf.sub(rest, tf.gather(tf.concat([world, rest], 1), lbs.parentNodes, 1));
  const lastRow = tf.tile(tf.tensor4d([0, 0, 0, 1], [1, 1, 1, 4]), [batch, jointCount, 1, 1]);
  const local = tf.concat([tf.concat([rotations, offset], 3), lastRow], 2);
  let chain: Tensor = tf.concat([tf.tile(tf.reshape(tf.eye(4), [1, 1, 4, 4]), [batch, 1, 1, 1]), local], 1);
  for (const ancestor of lbs.ancestors) chain = tf.matMul(tf.gather(chain, ancestor, 1), chain);
  return tf.slice(chain, [0, 1, 0, 0], [-1, jointCount, -1, -1]);
}

/** Ancestors at distance 1, 2, 4.. of each node (the world's is itself), until all are the world. */
function doublings(parentNodes: Int32Array): Int32Array[] {
  const steps: Int32Array[] = [];
  for (let nodes = Int32Array.of(0, ...parentNodes); nodes.some((n) => n > 0); nodes = nodes.map((n) => nodes[n]!))
    steps.push(nodes);
  return steps;
}
