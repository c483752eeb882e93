/** @file Which vertices of a batch of meshes are seen, as the flow cue asks it. */
import { visibleVertices } from "../../pipelines/cues/visibility.ts";
import { type Tensor3D, tf } from "../../src/engine/tf.ts";
import { MotionCueError } from "../../src/errors.ts";
import { projectWeak } from "../../src/geometry/camera.ts";
import type { BenchCase } from "../case.ts";
import { bodyStates, cameras } from "../inputs.ts";
import { CROP, type Sizes } from "../options.ts";
import { SMPL_SIZE, tubeBody } from "../tube-body.ts";

/** Visible vertices of meshes that are projected already. */
export function visibilityCases({ bodies }: Sizes): BenchCase[] {
  return [
    {
      id: "visibility",
      label: `visibility of ${bodies} meshes at ${CROP}`,
      unit: "ms",
      isShort: true,
      sizes: { bodies, vertices: 6890, faces: 13776, size: CROP },
      peers: [{ name: "", args: ["visibility", "--batch", `${bodies}`] }],
      prepare: async () => {
        const body = tubeBody(SMPL_SIZE);
        const { faces } = body;
        const { pixels, depth } = projectedMeshes(body, bodies);
        body.dispose();
        const meshes = { pixels, depth, faces, frameCount: bodies, cropSize: CROP };
        const share = visibleVertices(meshes, CROP).reduce((sum, seen) => sum + seen, 0) / depth.length;
        if (share < 0.2 || share > 0.8)
          throw new MotionCueError("bench visibility", `expected about half of all vertices in sight, got ${share}`);
        return {
          run: () => {
            visibleVertices(meshes, CROP);
          },
          figure: (ms) => ms,
          dispose: () => {},
        };
      },
    },
  ];
}

function projectedMeshes(body: ReturnType<typeof tubeBody>, count: number) {
  const state = bodyStates(count, 1);
  let [pixels, depth] = [new Float32Array(0), new Float32Array(0)];
  tf.tidy(() => {
    const rotations = tf.tensor(state.rotations, [count, 24, 3, 3]);
    const { vertices } = body.forward({ rotations, betas: tf.tensor2d(state.betas, [count, 10]) });
    const projected = projectWeak(vertices as Tensor3D, cameras(count), CROP, "sX+t");
    pixels = Float32Array.from(projected.pixels.dataSync());
    depth = Float32Array.from(projected.depth.dataSync());
  });
  return { pixels, depth };
}
