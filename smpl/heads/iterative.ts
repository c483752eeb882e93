/** @file The iterative head of HMR and SPIN (Kanazawa et al. 2018, Kolotouros et al. 2019): repeated correction of a mean body. */
import { type Tensor2D, tf } from "../../src/engine/tf.ts";
import { rotation6dToMatrix } from "../../src/geometry/rotation.ts";
import { floatTensor, type HostTensor } from "../../src/io/host-tensor.ts";
import { linear } from "../../src/nn/layers.ts";
import { type Parameters, parameter } from "../../src/nn/parameters.ts";
import type { Dropout, Head } from "../head.ts";
import type { RegressorSpec } from "../regressor-spec.ts";

const JOINTS = 24;
const BETAS = 10;
const SIZES = { pose: 6 * JOINTS, shape: BETAS, cam: 3 } as const;

/** What is corrected: pose [B,144] (6D rotations), shape [B,10], cam [B,3]. */
export type BodyState = { readonly pose: Tensor2D; readonly shape: Tensor2D; readonly cam: Tensor2D };

export const iterativeHead: Head = {
  doc: "three corrections of a mean body by two linear layers (HMR, SPIN, EFT)",
  shapes: ({ hidden }, featureCount) => {
    const shapes = new Map<string, readonly number[]>();
    const addLinear = (key: string, from: number, to: number) => {
      shapes.set(`${key}.weight`, [to, from]);
      shapes.set(`${key}.bias`, [to]);
    };
    for (const [name, size] of Object.entries(SIZES)) shapes.set(`init_${name}`, [1, size]);
    addLinear("fc1", featureCount + SIZES.pose + SIZES.shape + SIZES.cam, hidden);
    addLinear("fc2", hidden, hidden);
    for (const [name, size] of Object.entries(SIZES)) addLinear(`dec${name}`, hidden, size);
    return shapes;
  },
  fixedValues: (spec) =>
    new Map<string, HostTensor>([
      ["init_pose", floatTensor(uprightPose(spec), [1, SIZES.pose])],
      ["init_cam", floatTensor(Float32Array.of(0.9, 0, 0), [1, SIZES.cam])],
    ]),
  gain: (key) => (key.startsWith("dec") ? 0.01 : Math.sqrt(1 / 6)),
  estimate: (parameters, spec, features, dropout) =>
    tf.tidy(() => {
      const { pose, shape, cam } = iterate(parameters, features, spec.iterations, dropout).at(-1)!;
      const rotations = rotation6dToMatrix(tf.reshape(pose, [-1, JOINTS, 6]), spec.rotation6d);
      return { rotations, betas: tf.clone(shape), camera: tf.clone(cam) };
    }),
};

/**
 * The state after each correction: from (features, state) two linear layers without activation between them, then one
 * linear layer per part of the state, whose output is added to it. All iterations share their weights.
 */
export function iterate(
  parameters: Parameters,
  features: Tensor2D,
  iterations: number,
  dropout?: Dropout,
): BodyState[] {
  return tf.tidy(() => {
    const batch = features.shape[0];
    const initial = (name: string) => tf.tile(parameter(parameters, `init_${name}`), [batch, 1]) as Tensor2D;
    let state: BodyState = { pose: initial("pose"), shape: initial("shape"), cam: initial("cam") };
    return Array.from({ length: iterations }, (_, i) => {
      const layer = (key: string, x: Tensor2D) => drop(linear(parameters, key, x), dropout, `${i}/${key}`);
      const input = tf.concat([features, state.pose, state.shape, state.cam], 1);
      const inner = layer("fc2", layer("fc1", input));
      const corrected = (name: keyof BodyState) =>
        tf.add(state[name], linear(parameters, `dec${name}`, inner)) as Tensor2D;
      state = { pose: corrected("pose"), shape: corrected("shape"), cam: corrected("cam") };
      return state;
    });
  });
}

function drop(x: Tensor2D, dropout: Dropout | undefined, key: string): Tensor2D {
  if (!dropout) return x;
  return tf.dropout(x, dropout.rate ?? 0.5, undefined, `${dropout.seed}/${key}`) as Tensor2D;
}

/** The 6D rest pose of a person who stands upright before the camera: the root turned by pi about x, all else identity. */
function uprightPose({ rotation6d }: RegressorSpec): Float32Array {
  const second = rotation6d === "columns-interleaved" ? 3 : 4;
  const pose = new Float32Array(SIZES.pose);
  for (let joint = 0; joint < JOINTS; joint++) {
    pose[6 * joint] = 1;
    pose[6 * joint + second] = joint === 0 ? -1 : 1;
  }
  return pose;
}
