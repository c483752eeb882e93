/** @file The points of a joint set on a body: skeleton joints, picked vertices and regressed joints, differentiable. */
import { type Tensor, type Tensor3D, tf } from "../src/engine/tf.ts";
import { FormatError, MotionCueError } from "../src/errors.ts";
import { withSource } from "../src/io/byte-source.ts";
import { toFloat32 } from "../src/io/host-tensor.ts";
import { parseNpy } from "../src/io/npy.ts";
import type { BodyArrays } from "./body-arrays.ts";
import { type BodyPoints, EXTRA_NAMES, FIRST_EXTRA, FIRST_H36M, FIRST_PICK, H36M_NAMES, type JointSetName, jointSets, PICK_NAMES } from "./joint-sets.ts"; // biome-ignore format: one line
import type { SkinnedBody } from "./lbs.ts";

/** The joints of one set on one body. */
export interface JointSampler {
  /** Joints [B,K,3] of a skinned body, in metres. Differentiable. */
  joints(skinned: SkinnedBody): Tensor3D;
  dispose(): void;
}

const SMPL_SIZE = { vertices: 6890, faces: 13776 };
/** smplx's picks on SMPL's mesh, in the order of PICK_NAMES (nose, eyes, ears, toes and heels, fingertips). */
const SMPL_PICKS = Uint32Array.of(332, 6260, 2800, 4071, 583, 3216, 3226, 3387, 6617, 6624, 6787, 2746, 2319, 2445, 2556, 2673, 6191, 5782, 5905, 6016, 6133); // biome-ignore format: one line

/**
 * The points of `body`: its own, with what `given` adds. A mesh of SMPL's size has smplx's picks; any other has those it
 * brings along.
 */
export function bodyPoints(body: BodyArrays, given: BodyPoints = {}): BodyPoints {
  const { vertices, faces } = SMPL_SIZE;
  const isSmpl = body.vTemplate.length === 3 * vertices && body.faces.length === 3 * faces;
  return { ...(isSmpl ? { picks: SMPL_PICKS } : {}), ...body.points, ...given };
}

/**
 * The regressor of a `.npy` file: J_regressor_extra [9,V] or J_regressor_h36m [17,V], told apart by their rows. Throws
 * FormatError for any other shape or a vertex count that is not the body's.
 */
export async function readPointRegressor(path: string, vertexCount: number): Promise<BodyPoints> {
  const array = parseNpy(await withSource(path, (source) => source.read(0, source.size)), path);
  const [rows, columns] = array.shape;
  const known = rows === EXTRA_NAMES.length || rows === H36M_NAMES.length;
  if (array.dtype === "string" || array.shape.length !== 2 || !known || columns !== vertexCount) {
    const found = `${array.dtype} [${array.shape.join(", ")}]`;
    throw new FormatError(
      path,
      `expected J_regressor_extra [9, ${vertexCount}] or J_regressor_h36m [17, ${vertexCount}] for this body, got ${found}`,
    );
  }
  const matrix = toFloat32(array);
  const bad = matrix.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new FormatError(path, `expected finite numbers, got ${matrix[bad]} at index ${bad}`);
  return rows === EXTRA_NAMES.length ? { extra: matrix } : { h36m: matrix };
}

/**
 * What gives the joints of a set on `body`. Throws MotionCueError naming what the body lacks for it. The caller disposes.
 */
export function createJointSampler(body: BodyArrays, name: JointSetName, given: BodyPoints = {}): JointSampler {
  return createPointSampler(body, name, jointSets[name].points, given);
}

/**
 * createJointSampler for any points, by their numbers in joint-sets.ts; `name` stands for them in messages. Throws as it.
 */
export function createPointSampler(
  body: BodyArrays,
  name: string,
  wanted: readonly number[],
  given: BodyPoints = {},
): JointSampler {
  const points = bodyPoints(body, given);
  const rows = wanted.map((point) => sourceOf(body, name, point, points));
  const vertices = [...new Set(rows.flatMap(({ vertices: used }) => used.map(([v]) => v)))].sort((a, b) => a - b);
  const column = new Map(vertices.map((vertex, i) => [vertex, body.parents.length + i]));
  const width = body.parents.length + vertices.length;
  const matrix = new Float32Array(rows.length * width);
  rows.forEach(({ joint, vertices: used }, k) => {
    if (joint !== undefined) matrix[k * width + joint] = 1;
    for (const [vertex, weight] of used) matrix[k * width + column.get(vertex)!]! += weight;
  });
  const mix = tf.tensor2d(matrix, [rows.length, width]);
  const index = tf.tensor1d(vertices, "int32");
  return {
    joints: (skinned) =>
      tf.tidy(() => {
        const used: Tensor[] = [skinned.joints];
        if (vertices.length > 0) used.push(tf.gather(skinned.vertices, index, 1));
        return tf.matMul(tf.expandDims(mix, 0), tf.concat(used, 1)) as Tensor3D;
      }),
    dispose: () => tf.dispose([mix, index]),
  };
}

/** A joint of the skeleton, or vertices with weights. */
interface Source {
  readonly joint?: number;
  readonly vertices: readonly (readonly [vertex: number, weight: number])[];
}

function sourceOf(body: BodyArrays, name: string, point: number, { picks, extra, h36m }: BodyPoints): Source {
  const vertexCount = body.vTemplate.length / 3;
  const lacks = (what: string, remedy: string) =>
    new MotionCueError(body.name, `joint set ${name} needs ${what}, which this body lacks; ${remedy}`);
  const row = (matrix: Float32Array | undefined, at: number, file: string): Source => {
    if (!matrix) throw lacks(file, `pass the file ${file}.npy made for its ${vertexCount} vertices`);
    const weights = matrix.subarray(at * vertexCount, (at + 1) * vertexCount);
    return { vertices: Array.from(weights.entries()).filter(([, weight]) => weight !== 0) };
  };
  if (point < FIRST_PICK) return { joint: point, vertices: [] };
  if (point >= FIRST_H36M) return row(h36m, point - FIRST_H36M, "J_regressor_h36m");
  if (point >= FIRST_EXTRA) return row(extra, point - FIRST_EXTRA, "J_regressor_extra");
  const vertex = picks?.[point - FIRST_PICK];
  if (vertex === undefined) {
    const { vertices, faces } = SMPL_SIZE;
    const known = `known for SMPL's mesh (${vertices} vertices, ${faces} faces), and this one has ${vertexCount} and ${body.faces.length / 3}`;
    throw lacks(
      `the vertex of ${PICK_NAMES[point - FIRST_PICK]} (${known})`,
      "use a set without face, feet and fingers, such as smpl-24",
    );
  }
  if (vertex >= vertexCount) throw lacks(`vertex ${vertex}`, `it has ${vertexCount}`);
  return { vertices: [[vertex, 1]] };
}
