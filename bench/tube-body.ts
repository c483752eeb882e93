/** @file A made-up body in SMPL's layout, so that timings need no licensed file: a skinned tube of any fineness. */
import { type BodyModel, createBodyModel } from "../smpl/body-model.ts";
import { PARENTS } from "../smpl/joints.ts";
import { createRandom } from "../src/random.ts";

const JOINTS = 24;
const BETAS = 10;
/** Joints that move a vertex, as in SMPL. */
const INFLUENCES = 4;
const HALF_LENGTH = 0.85;

/** `rings` and `segments` that give SMPL's 6890 vertices and 13776 triangles. */
export const SMPL_SIZE = { rings: 123, segments: 56 } as const;

/**
 * A closed tube of 2 + rings * segments vertices around y, 1.7 m long and up to 0.4 m wide, whose 24 joints are vertices of
 * its own. Blend shapes are smooth waves of millimetres. The engine must run.
 */
export function tubeBody({ rings, segments }: { readonly rings: number; readonly segments: number }): BodyModel {
  const vertices = tubeVertices(rings, segments);
  const vertexCount = vertices.length / 3;
  const random = createRandom(1, "tube body");
  const chosen = Array.from({ length: JOINTS }, (_, j) => (j === 0 ? -1 : random.integer(vertexCount)));
  const rest = chosen.map((v) => (v < 0 ? [0, 0, 0] : [0, 1, 2].map((axis) => 0.8 * vertices[3 * v + axis]!)));
  const wave = (columns: number, size: number) =>
    Float32Array.from({ length: 3 * vertexCount * columns }, (_, i) => {
      const column = i % columns;
      const row = Math.floor(i / columns);
      return size * Math.sin(3 * vertices[row]! * (1 + (column % 7)) + column + (row % 3));
    });
  const distances = (v: number) =>
    rest.map(([x, y, z]) => Math.hypot(vertices[3 * v]! - x!, vertices[3 * v + 1]! - y!, vertices[3 * v + 2]! - z!));
  const lbsWeights = new Float32Array(vertexCount * JOINTS);
  const jointRegressor = new Float32Array(JOINTS * vertexCount);
  const nearness = new Float64Array(JOINTS);
  for (let v = 0; v < vertexCount; v++) {
    const away = distances(v);
    const nearest = away
      .map((d, j) => [d, j] as const)
      .sort((a, b) => a[0] - b[0])
      .slice(0, INFLUENCES);
    const total = nearest.reduce((sum, [d]) => sum + Math.exp(-d / 0.05), 0);
    for (const [d, j] of nearest) lbsWeights[v * JOINTS + j] = Math.exp(-d / 0.05) / total;
    away.forEach((d, j) => {
      jointRegressor[j * vertexCount + v] = Math.exp((-d * d) / 0.01);
      nearness[j]! += jointRegressor[j * vertexCount + v]!;
    });
  }
  for (let i = 0; i < jointRegressor.length; i++) jointRegressor[i]! /= nearness[Math.floor(i / vertexCount)]!;
  return createBodyModel({
    name: "tube body",
    vTemplate: vertices,
    shapeDirs: wave(BETAS, 0.01),
    poseDirs: wave(9 * (JOINTS - 1), 0.002),
    jointRegressor,
    lbsWeights,
    faces: tubeFaces(rings, segments),
    parents: Int32Array.from(PARENTS),
  });
}

function tubeVertices(rings: number, segments: number): Float32Array {
  const out: number[] = [];
  for (let ring = 0; ring < rings; ring++) {
    const t = (ring + 0.5) / rings;
    const radius = 0.2 * Math.sqrt(Math.sin(Math.PI * t));
    for (let s = 0; s < segments; s++) {
      const angle = (2 * Math.PI * s) / segments;
      out.push(radius * Math.cos(angle), HALF_LENGTH * (2 * t - 1), 0.6 * radius * Math.sin(angle));
    }
  }
  return Float32Array.from([...out, 0, -HALF_LENGTH, 0, 0, HALF_LENGTH, 0]);
}

function tubeFaces(rings: number, segments: number): Uint32Array {
  const faces: number[] = [];
  const at = (ring: number, s: number) => ring * segments + (s % segments);
  const [low, high] = [rings * segments, rings * segments + 1];
  for (let s = 0; s < segments; s++) {
    for (let ring = 0; ring + 1 < rings; ring++) {
      faces.push(at(ring, s), at(ring + 1, s), at(ring, s + 1));
      faces.push(at(ring, s + 1), at(ring + 1, s), at(ring + 1, s + 1));
    }
    faces.push(at(0, s + 1), low, at(0, s), at(rings - 1, s), high, at(rings - 1, s + 1));
  }
  return Uint32Array.from(faces);
}
