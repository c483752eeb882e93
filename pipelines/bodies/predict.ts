/** @file A regressor and a body together: from crops to meshes, as tensors with gradient or as numbers on the host. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { JointSampler } from "../../smpl/body-points.ts";
import type { BodyPrediction } from "../../smpl/head.ts";
import type { PredictOptions, Regressor } from "../../smpl/regressor.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { NonFiniteError } from "../../src/errors.ts";
import { convertCameras, projectWeak } from "../../src/geometry/camera.ts";
import type { Box, CropSquare } from "../../src/image/box.ts";
import { type Image, imagesToTensor } from "../../src/image/image.ts";
import type { PredictedFrames } from "../cues/cue.ts";

/** One of the frames of a batch: whose it is, and its number. */
export interface FramePosition {
  readonly person: string;
  readonly frame: number;
}

/**
 * For each frame the places of the `context` frames before it, nearest first, `gap` apart; none where one of them is not in
 * the batch. What a regressor with temporal context takes as `past`.
 */
export function pastPlaces(frames: readonly FramePosition[], context: number, gap = 1): number[][] {
  const places = new Map(frames.map(({ person, frame }, i) => [`${frame} ${person}`, i]));
  return frames.map(({ person, frame }) => {
    const past = Array.from({ length: context }, (_, k) => places.get(`${frame - (k + 1) * gap} ${person}`));
    return past.includes(undefined) ? [] : (past as number[]);
  });
}

interface FrameOptions extends Pick<PredictOptions, "past"> {
  readonly sampler?: JointSampler | undefined;
  readonly predicted?: BodyPrediction | undefined;
}

/**
 * What is predicted for crops [B,S,S,3] in 0..1, batch norm frozen, with the points that `sampler` gives, and with
 * temporal context where `past` names it; `predicted` is what the regressor said, where it was asked already. Differentiable in the regressor's parameters.
 */
export function predictFrames(
  regressor: Regressor,
  body: BodyModel,
  crops: Tensor4D,
  { sampler, past, predicted }: FrameOptions = {},
): PredictedFrames {
  const { cropSize, camera: convention } = regressor.spec;
  const { rotations, betas, camera } = predicted ?? regressor.predict(crops, past ? { past } : {});
  const skinned = body.forward({ rotations, betas }) as { vertices: Tensor3D; joints: Tensor3D };
  const { vertices, joints } = skinned;
  const { pixels, depth } = projectWeak(vertices, camera, cropSize, convention);
  return {
    rotations,
    betas,
    camera: convertCameras(camera, convention, "sX+t"),
    joints,
    vertices,
    pixels,
    depth,
    ...(sampler ? { points: projectWeak(sampler.joints(skinned), camera, cropSize, convention).pixels } : {}),
  };
}

/** Crops [B*S*S*3] in bytes as the tensor [B,S,S,3] in 0..1 that predictFrames takes. */
export function cropBatch(crops: Uint8Array, size: number): Tensor4D {
  const values = new Float32Array(crops.length);
  for (let i = 0; i < crops.length; i++) values[i] = crops[i]! / 255;
  return tf.tensor4d(values, [crops.length / (size * size * 3), size, size, 3]);
}

/** What is predicted for one crop. */
export interface Prediction {
  /** [24*9] rotation matrices row by row, the first is the global orientation. */
  readonly rotations: Float32Array;
  /** [N] */
  readonly betas: Float32Array;
  /** (s, tx, ty), `sX+t`. */
  readonly camera: Float32Array;
  /** [24*3] metres, before the camera. */
  readonly joints: Float32Array;
  /** [V*3] metres, before the camera. */
  readonly vertices: Float32Array;
  /** [V*3] x and y in crop pixels and depth in the same unit, smaller is nearer. */
  readonly projected: Float32Array;
}

/** One person in one frame. */
export interface PersonFrame {
  readonly frame: number;
  /** Seconds. */
  readonly time: number;
  readonly square: CropSquare;
  /** What the square was made from. */
  readonly box: Box;
  readonly prediction: Prediction;
}

/** Predictions for crops of the regressor's size. Throws NonFiniteError where the network gives no numbers. */
export function predictCrops(
  regressor: Regressor,
  body: BodyModel,
  crops: readonly Image[],
  options: Pick<PredictOptions, "past"> = {},
): Prediction[] {
  if (crops.length === 0) return [];
  const read = { rotations: [], betas: [], camera: [], joints: [], vertices: [], pixels: [] } as Record<
    string,
    Float32Array[]
  >;
  tf.tidy(() => {
    const frames = predictFrames(regressor, body, imagesToTensor(crops), options);
    for (const key of ["rotations", "betas", "camera", "joints", "vertices", "pixels"] as const)
      read[key] = rows(frames[key].dataSync<"float32">(), crops.length);
  });
  return crops.map((_, i) => {
    const [rotations, betas, camera, joints, vertices, pixels] = Object.values(read).map((column) => column[i]!) as [
      ...Float32Array[],
    ];
    if (!camera!.every(Number.isFinite) || !vertices!.every(Number.isFinite))
      throw new NonFiniteError("regressor", "the prediction is not finite; are these the weights of this network?");
    return {
      rotations: rotations!,
      betas: betas!,
      camera: camera!,
      joints: joints!,
      vertices: vertices!,
      projected: withDepth(pixels!, vertices!, camera![0]!, regressor.spec.cropSize),
    };
  });
}

function rows(values: Float32Array, count: number): Float32Array[] {
  const length = values.length / count;
  return Array.from({ length: count }, (_, i) => values.slice(i * length, (i + 1) * length));
}

/** Pixels with the depth that they would have were the body not foreshortened: what shading needs in any convention. */
function withDepth(pixels: Float32Array, vertices: Float32Array, scale: number, cropSize: number): Float32Array {
  const projected = new Float32Array(vertices.length);
  for (let v = 0; v < vertices.length / 3; v++) {
    projected[3 * v] = pixels[2 * v]!;
    projected[3 * v + 1] = pixels[2 * v + 1]!;
    projected[3 * v + 2] = (vertices[3 * v + 2]! * scale * cropSize) / 2;
  }
  return projected;
}
