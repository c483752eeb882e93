/** @file The numbers of one person in one frame, as .npz and .json files name them. */
import { matrixToAxisAngleHost } from "../../src/geometry/rotation.ts";
import { cropMap } from "../../src/image/crop.ts";
import type { Column } from "../../src/io/npz-columns.ts";
import type { PersonFrame } from "../bodies/predict.ts";
import { type PredictionInfo, placement } from "./prediction-writer.ts";

/** A number array per column of `rowColumns`. */
export type PredictionRow = Readonly<
  Record<keyof ReturnType<typeof rowColumns>, Float32Array | Float64Array | Int32Array>
>;

/** Names, element types and shapes of a row's arrays. */
export function rowColumns(betaCount: number) {
  return {
    /** Axis-angle per joint; the first turns the body into camera space (x right, y down, z forward). */
    poses: { dtype: "float32", shape: [72] },
    /** Metres, to add to the body model's vertices in camera space, for a pinhole of `focal` in the middle of the picture. */
    trans: { dtype: "float32", shape: [3] },
    /** The first joint's axis-angle and the translation in AMASS's world instead: x right, y forward, z up. */
    root_orient_zup: { dtype: "float32", shape: [3] },
    trans_zup: { dtype: "float32", shape: [3] },
    betas_per_frame: { dtype: "float32", shape: [betaCount] },
    /** (s, tx, ty): crop coordinates in [-1,1] are s X + t. */
    camera: { dtype: "float32", shape: [3] },
    /** Centre and side of the square crop, px of the picture. */
    crop: { dtype: "float32", shape: [3] },
    /** x0, y0, x1, y1 of the person, px of the picture: what the crop was made from. */
    box: { dtype: "float32", shape: [4] },
    /** Metres, without `trans`. */
    joints: { dtype: "float32", shape: [24, 3] },
    /** Pixels of the picture. */
    joints2d: { dtype: "float32", shape: [24, 2] },
    frame_index: { dtype: "int32", shape: [] },
    time: { dtype: "float64", shape: [] },
  } as const satisfies Record<string, Column>;
}

/** The row of one person in one frame. */
export function predictionRow(person: PersonFrame, info: PredictionInfo): PredictionRow {
  const { frame, time, square, box, prediction } = person;
  const { camera, joints, rotations } = prediction;
  const trans = placement(person, info);
  const zUp = zUpPlacement(rotations, joints, trans);
  return {
    poses: Float32Array.from(matrixToAxisAngleHost(rotations)),
    trans: Float32Array.from(trans),
    root_orient_zup: Float32Array.from(zUp.orient),
    trans_zup: Float32Array.from(zUp.trans),
    betas_per_frame: prediction.betas,
    camera,
    crop: Float32Array.of(square.cx, square.cy, square.side),
    box: Float32Array.of(box.x0, box.y0, box.x1, box.y1),
    joints,
    joints2d: jointPixels(person, info.cropSize),
    frame_index: Int32Array.of(frame),
    time: Float64Array.of(time),
  };
}

function jointPixels({ square, prediction: { camera, joints } }: PersonFrame, cropSize: number): Float32Array {
  const pixels = new Float32Array(48);
  const [s, tx, ty] = [camera[0]!, camera[1]!, camera[2]!];
  const { a, bx, by } = cropMap(square, cropSize);
  for (let j = 0; j < 24; j++) {
    pixels[2 * j] = (((s * joints[3 * j]! + tx + 1) / 2) * cropSize - 0.5 - bx) / a;
    pixels[2 * j + 1] = (((s * joints[3 * j + 1]! + ty + 1) / 2) * cropSize - 0.5 - by) / a;
  }
  return pixels;
}

/**
 * The same body in a world with z up: (x, y, z) becomes W (x, y, z) = (x, z, -y). SMPL turns about its first joint J, not
 * about the origin, so that W (R (v - J) + J + trans) asks for the orientation W R and the translation W (J + trans) - J.
 */
function zUpPlacement(rotations: Float32Array, joints: Float32Array, trans: readonly [number, number, number]) {
  const root = rotations.subarray(0, 9);
  const turned = [...root.subarray(0, 3), ...root.subarray(6, 9), ...root.subarray(3, 6).map((value) => -value)];
  const [jy, jz] = [joints[1]!, joints[2]!];
  return { orient: matrixToAxisAngleHost(turned), trans: [trans[0], jz + trans[2] - jy, -(jy + trans[1]) - jz] };
}
