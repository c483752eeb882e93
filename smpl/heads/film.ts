/**
 * @file Temporal context: a frame's features scaled and shifted by what was predicted for the frames before it (FiLM, Perez et
 * al. 2018, as arXiv 2402.02736 uses it): a 1x1 convolution over the past bodies, two linear layers, leaky ReLUs between.
 */
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { matrixToAxisAngleHost } from "../../src/geometry/rotation.ts";
import { linear } from "../../src/nn/layers.ts";
import { type ParameterShapes, type Parameters, parameter } from "../../src/nn/parameters.ts";
import type { BodyPrediction } from "../head.ts";
import { JOINT_COUNT } from "../joints.ts";

/** Numbers of one past body: axis-angle pose, betas, camera. */
const BODY_NUMBERS = 3 * JOINT_COUNT + 10 + 3;
const MIXED = 16;
const SQUEEZED = 128;
const LEAK = 0.2;
/** Factors on He's deviation that give about 0.01 everywhere, so that a new context changes next to nothing. */
const GAINS: Readonly<Record<string, number>> = { mix: 0.01, squeeze: 0.26, gamma: 0.08, beta: 0.08 };

/** Names and shapes for `context` past bodies and features of length `featureCount`; none for 0. */
export function filmShapes(context: number, featureCount: number): ParameterShapes {
  if (context === 0) return new Map();
  return new Map([
    ["film.mix.weight", [MIXED, context]],
    ["film.mix.bias", [MIXED]],
    ["film.squeeze.weight", [SQUEEZED, MIXED * BODY_NUMBERS]],
    ["film.squeeze.bias", [SQUEEZED]],
    ["film.gamma.weight", [featureCount, SQUEEZED]],
    ["film.beta.weight", [featureCount, SQUEEZED]],
  ]);
}

/** Factor on He's deviation for the first values of one of these weights, undefined for all others. */
export function filmGain(key: string): number | undefined {
  return GAINS[/^film\.(\w+)\./.exec(key)?.[1] ?? ""];
}

/** Features [B,N,F] times 1 + gamma, plus beta, both read off past bodies [B,C,85] (nearest first). */
export function modulated(parameters: Parameters, features: Tensor3D, past: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const [batch, context, numbers] = past.shape;
    const channelsLast = tf.reshape(tf.transpose(past, [0, 2, 1]), [batch * numbers, context]) as Tensor2D;
    const mixed = tf.leakyRelu(linear(parameters, "film.mix", channelsLast), LEAK);
    const flat = tf.reshape(tf.transpose(tf.reshape(mixed, [batch, numbers, MIXED]), [0, 2, 1]), [batch, -1]);
    const inner = tf.leakyRelu(linear(parameters, "film.squeeze", flat as Tensor2D), LEAK);
    const read = (key: string): Tensor =>
      tf.expandDims(tf.matMul(inner, parameter(parameters, `film.${key}.weight`) as Tensor as Tensor2D), 1);
    return tf.add(tf.mul(features, tf.add(read("gamma"), 1)), read("beta")) as Tensor3D;
  });
}

/**
 * The past bodies [B,C,85] of frames whose predecessors are at `past` (nearest first) among `bodies`, as constants: no
 * gradient goes back into the past.
 */
export function pastBodies(
  { rotations, betas, camera }: BodyPrediction,
  past: readonly (readonly number[])[],
): Tensor3D {
  const count = betas.shape[0];
  const pose = matrixToAxisAngleHost(rotations.dataSync(), count * JOINT_COUNT);
  const [shape, cam] = [betas.dataSync(), camera.dataSync()];
  const betaCount = betas.shape[1];
  const values = new Float32Array(past.length * past[0]!.length * BODY_NUMBERS);
  past.flat().forEach((place, i) => {
    const at = i * BODY_NUMBERS;
    values.set(pose.subarray(place * 3 * JOINT_COUNT, (place + 1) * 3 * JOINT_COUNT), at);
    values.set(shape.subarray(place * betaCount, (place + 1) * betaCount), at + 3 * JOINT_COUNT);
    values.set(cam.subarray(place * 3, (place + 1) * 3), at + BODY_NUMBERS - 3);
  });
  return tf.tensor3d(values, [past.length, past[0]!.length, BODY_NUMBERS]);
}
