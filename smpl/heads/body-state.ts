/** @file What heads correct: a mean body, kept in three buffers, as pose, shape and camera. */
import { type Tensor2D, tf } from "../../src/engine/tf.ts";
import { rotation6dToMatrix } from "../../src/geometry/rotation.ts";
import { floatTensor, type HostTensor } from "../../src/io/host-tensor.ts";
import { linear } from "../../src/nn/layers.ts";
import { type Parameters, parameter } from "../../src/nn/parameters.ts";
import type { BodyPrediction } from "../head.ts";
import { JOINT_COUNT } from "../joints.ts";
import type { RegressorSpec } from "../regressor-spec.ts";

/** pose [B,144] (6D rotations), shape [B,10], cam [B,3]. */
export type BodyState = { readonly pose: Tensor2D; readonly shape: Tensor2D; readonly cam: Tensor2D };

const SIZES = { pose: 6 * JOINT_COUNT, shape: 10, cam: 3 } as const;
/** The numbers of a state: 157. */
export const STATE_SIZE = SIZES.pose + SIZES.shape + SIZES.cam;

/** Adds the mean body `init_*` and the layers `dec*` that read corrections off vectors of length `width`. */
export function addStateShapes(shapes: Map<string, readonly number[]>, width: number): void {
  for (const [name, size] of Object.entries(SIZES)) {
    shapes.set(`init_${name}`, [1, size]);
    shapes.set(`dec${name}.weight`, [size, width]);
    shapes.set(`dec${name}.bias`, [size]);
  }
}

/** A mean body to start training from: upright before the camera in the rest pose, filling most of the crop. */
export function uprightBody(spec: RegressorSpec): Map<string, HostTensor> {
  return new Map([
    ["init_pose", floatTensor(uprightPose(spec), [1, SIZES.pose])],
    ["init_cam", floatTensor(Float32Array.of(0.9, 0, 0), [1, SIZES.cam])],
  ]);
}

/** The mean body for each of `batch` images. */
export function meanState(parameters: Parameters, batch: number): BodyState {
  const initial = (name: string) => tf.tile(parameter(parameters, `init_${name}`), [batch, 1]) as Tensor2D;
  return { pose: initial("pose"), shape: initial("shape"), cam: initial("cam") };
}

/** The state plus what the layers `dec*` read off `inner` [B,width]. */
export function corrected(parameters: Parameters, state: BodyState, inner: Tensor2D): BodyState {
  const add = (name: keyof BodyState) => tf.add(state[name], linear(parameters, `dec${name}`, inner)) as Tensor2D;
  return { pose: add("pose"), shape: add("shape"), cam: add("cam") };
}

/** A state as a body, its rotations by the specification's 6D layout. */
export function bodyOfState({ pose, shape, cam }: BodyState, { rotation6d }: RegressorSpec): BodyPrediction {
  const rotations = rotation6dToMatrix(tf.reshape(pose, [-1, JOINT_COUNT, 6]), rotation6d);
  return { rotations, betas: tf.clone(shape), camera: tf.clone(cam) };
}

/** The root turned by pi about x, all else identity. */
function uprightPose({ rotation6d }: RegressorSpec): Float32Array {
  const second = rotation6d === "columns-interleaved" ? 3 : 4;
  const pose = new Float32Array(SIZES.pose);
  for (let joint = 0; joint < JOINT_COUNT; joint++) {
    pose[6 * joint] = 1;
    pose[6 * joint + second] = joint === 0 ? -1 : 1;
  }
  return pose;
}
