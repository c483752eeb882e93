/** @file The body model: vertices and joints of a batch of bodies, and the gradient to rotations and betas. */
import { type Tensor, tf } from "../../src/engine/tf.ts";
import type { BenchCase, PeerRun } from "../case.ts";
import { finish } from "../finish.ts";
import { bodyStates } from "../inputs.ts";
import type { Sizes } from "../options.ts";
import { SMPL_SIZE, tubeBody } from "../tube-body.ts";

/** Forward alone, and forward with backward for a gradient of ones on all vertices. */
export function bodyCases({ bodies }: Sizes): BenchCase[] {
  const peer = (part: string): PeerRun => ({ name: "", args: ["body", "--batch", `${bodies}`], part });
  const sizes = { bodies, vertices: 6890 };
  return [
    {
      id: "body-forward",
      label: `skinning of ${bodies} bodies, 6890 vertices, forward`,
      unit: "ms",
      isShort: true,
      sizes,
      peers: [peer("forward")],
      prepare: async () => {
        const { body, rotations, betas, dispose } = setUp(bodies);
        return {
          run: () => {
            const { vertices, joints } = body.forward({ rotations, betas });
            finish(vertices);
            vertices.dispose();
            joints.dispose();
          },
          figure: (ms) => ms,
          dispose,
        };
      },
    },
    {
      id: "body-backward",
      label: `skinning of ${bodies} bodies, 6890 vertices, forward and backward`,
      unit: "ms",
      isShort: true,
      sizes,
      peers: [peer("forward+backward")],
      prepare: async () => {
        const { body, rotations, betas, dispose } = setUp(bodies);
        const pull = tf.ones([bodies, body.vertexCount, 3]);
        const gradient = tf.grads((r: Tensor, b: Tensor) => body.forward({ rotations: r, betas: b }).vertices);
        return {
          run: () => {
            const gradients = gradient([rotations, betas], pull);
            finish(...gradients);
            tf.dispose(gradients);
          },
          figure: (ms) => ms,
          dispose: () => {
            pull.dispose();
            dispose();
          },
        };
      },
    },
  ];
}

function setUp(count: number) {
  const body = tubeBody(SMPL_SIZE);
  const state = bodyStates(count, 1);
  const rotations = tf.tensor(state.rotations, [count, 24, 3, 3]);
  const betas = tf.tensor2d(state.betas, [count, 10]);
  const dispose = () => {
    tf.dispose([rotations, betas]);
    body.dispose();
  };
  return { body, rotations, betas, dispose };
}
