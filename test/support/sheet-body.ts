/** @file A body for tests: a bent sheet with SMPL's joints. */
import { type BodyModel, createBodyModel } from "../../smpl/body-model.ts";
import { PARENTS } from "../../smpl/joints.ts";
import { createRandom } from "../../src/random.ts";
import { toyFaces } from "./toy-scene.ts";

/** A sheet of 5 x 5 vertices with SMPL's 24 joints: nothing hides anything, so small moves change no visibility. */
export function sheetBody(): BodyModel {
  const random = createRandom(11, "sheet");
  const normals = (count: number, deviation: number) =>
    Float32Array.from({ length: count }, () => random.normal(0, deviation));
  const vertexCount = 25;
  const at = (v: number) => [0.28 * ((v % 5) - 2) + 0.02, 0.26 * (Math.floor(v / 5) - 2), 0.05 * Math.sin(2 * v)];
  const weights = new Float32Array(vertexCount * 24);
  const regressor = new Float32Array(24 * vertexCount);
  for (let v = 0; v < vertexCount; v++) {
    weights[v * 24] = 0.5;
    weights[v * 24 + 1 + (v % 23)]! += 0.5;
  }
  for (let j = 0; j < 24; j++) regressor[j * vertexCount + (j === 0 ? 12 : j)] = 1;
  return createBodyModel({
    name: "sheet",
    vTemplate: Float32Array.from({ length: 3 * vertexCount }, (_, i) => at(Math.floor(i / 3))[i % 3]!),
    shapeDirs: normals(3 * vertexCount * 4, 0.03),
    poseDirs: normals(3 * vertexCount * 207, 0.01),
    jointRegressor: regressor,
    lbsWeights: weights,
    faces: toyFaces(),
    parents: Int32Array.from(PARENTS),
  });
}
