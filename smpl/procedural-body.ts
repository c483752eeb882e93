/** @file The default body: a person made by this code alone, in SMPL's layout (24 joints, 10 betas), free of any licence. */
import type { BodyArrays } from "./body-arrays.ts";
import { PARENTS } from "./joints.ts";
import { proceduralPoints } from "./procedural/body-points.ts";
import { buildBodySurface } from "./procedural/body-surface.ts";
import { jointRegressor } from "./procedural/joint-regressor.ts";
import { poseDirections } from "./procedural/pose-directions.ts";
import { shapeDirections } from "./procedural/shape-directions.ts";
import { SKELETON } from "./procedural/skeleton.ts";
import { skinWeights } from "./procedural/skin-weights.ts";

let made: BodyArrays | undefined;

/**
 * The default body: 1.72 m tall, T-pose, y up, facing +z, the left arm at +x, the pelvis joint at the origin. One closed
 * surface. Betas in order: see BETA_NAMES. Made on the first call (deterministic) and shared afterwards; treat as constant.
 */
export function proceduralBody(): BodyArrays {
  made ??= make();
  return made;
}

function make(): BodyArrays {
  const surface = buildBodySurface();
  const weights = skinWeights(surface);
  const pelvis = SKELETON[0]!;
  return {
    name: "default body",
    vTemplate: Float32Array.from(surface.positions, (value, i) => value - pelvis[i % 3]!),
    shapeDirs: Float32Array.from(shapeDirections(surface, weights)),
    poseDirs: poseDirections(surface.positions, weights),
    jointRegressor: Float32Array.from(jointRegressor(surface.positions, SKELETON)),
    lbsWeights: Float32Array.from(weights),
    faces: surface.faces,
    parents: Int32Array.from(PARENTS),
    points: proceduralPoints(surface.positions),
  };
}
