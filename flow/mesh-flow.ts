/** @file Mesh flow: the 2D motion that a body mesh implies between two frames, per vertex and as a dense picture. */
import { type Tensor3D, tf } from "../src/engine/tf.ts";
import { ShapeError } from "../src/errors.ts";
import { rasterizeMesh } from "../src/geometry/rasterize.ts";
import { createFlowField, type FlowField } from "./flow-field.ts";

/** Per-vertex flow [B,V,2] in pixels from projected vertices [B,V,2] of the first frame to those of the second. */
export function meshFlow(pixels1: Tensor3D, pixels2: Tensor3D): Tensor3D {
  return tf.sub(pixels2, pixels1);
}

/** A flow picture of a mesh and where it says anything. */
export interface DenseMeshFlow {
  readonly flow: FlowField;
  /** [H*W] 1 where the first frame's mesh covers the pixel's centre. */
  readonly valid: Uint8Array;
}

/**
 * The mesh's flow at every pixel it covers in the first frame (zero elsewhere). `vertices1` and `vertices2` [V*3] are
 * x, y in pixels of a picture of `height` x `width` and a depth, smaller is nearer, in the two frames; `perspective`
 * says that the depth is a camera distance behind a pinhole. Throws ShapeError.
 */
export function denseMeshFlow(
  vertices1: Float32Array,
  vertices2: Float32Array,
  faces: Uint32Array,
  height: number,
  width: number,
  options: { readonly perspective?: boolean } = {},
): DenseMeshFlow {
  if (vertices1.length !== vertices2.length)
    throw new ShapeError("denseMeshFlow", `[${vertices1.length}] second vertices`, [vertices2.length]);
  const raster = rasterizeMesh(vertices1, faces, width, height, { ...options, barycentric: true });
  const flow = createFlowField(height, width);
  const valid = new Uint8Array(height * width);
  for (let pixel = 0; pixel < valid.length; pixel++) {
    const face = raster.face[pixel]!;
    if (face < 0) continue;
    valid[pixel] = 1;
    for (let corner = 0; corner < 3; corner++) {
      const vertex = 3 * faces[3 * face + corner]!;
      const weight = raster.barycentric![3 * pixel + corner]!;
      flow.data[2 * pixel]! += weight * (vertices2[vertex]! - vertices1[vertex]!);
      flow.data[2 * pixel + 1]! += weight * (vertices2[vertex + 1]! - vertices1[vertex + 1]!);
    }
  }
  return { flow, valid };
}
