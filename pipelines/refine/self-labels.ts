/** @file Frames of a batch, changed, with what the teacher says of the frames as they are: labels that follow the picture. */
import type { BodyModel } from "../../smpl/body-model.ts";
import { mirrorRotations } from "../../smpl/joints.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { matrixToAxisAngleHost } from "../../src/geometry/rotation.ts";
import { imageFrom } from "../../src/image/image.ts";
import { predictFrames } from "../bodies/predict.ts";
import type { FrameParameters } from "../cues/cue.ts";
import { type Augmentation, type LabelledCrop, labelledCrop } from "../labelled/crop.ts";

/** The crops [F,cropSize,cropSize,3] of F frames, augmented, labelled with what is `taught` of the frames as they are. */
export function selfLabelledCrops(
  crops: Uint8Array,
  cropSize: number,
  taught: FrameParameters,
  augmentations: readonly Augmentation[],
): LabelledCrop[] {
  const count = augmentations.length;
  const [rotations, betas, camera, joints] = [taught.rotations, taught.betas, taught.camera, taught.joints].map((x) => {
    const values = x.dataSync<"float32">();
    return (i: number) => values.slice((i * values.length) / count, ((i + 1) * values.length) / count);
  }) as ((i: number) => Float32Array)[] as [Row, Row, Row, Row];
  const square = { cx: (cropSize - 1) / 2, cy: (cropSize - 1) / 2, side: cropSize };
  const length = cropSize * cropSize * 3;
  return augmentations.map((augmentation, i) => {
    const pose = Float32Array.from(matrixToAxisAngleHost(rotations(i)));
    const labels = { square, pose, betas: betas(i), ...pointsOf(joints(i), camera(i), cropSize) };
    const image = imageFrom(crops.subarray(i * length, (i + 1) * length), cropSize, cropSize);
    return labelledCrop({ image, labels }, cropSize, augmentation);
  });
}

type Row = (i: number) => Float32Array;

/** Joints [J*3] with confidence 1, and their projection by (s, tx, ty) into crop pixels, likewise. */
function pointsOf(joints: Float32Array, camera: Float32Array, cropSize: number) {
  const count = joints.length / 3;
  const joints3d = new Float32Array(4 * count).fill(1);
  const joints2d = new Float32Array(3 * count).fill(1);
  const pixel = (axis: 0 | 1, j: number) =>
    ((camera[0]! * joints[3 * j + axis]! + camera[1 + axis]! + 1) * cropSize) / 2 - 0.5;
  for (let j = 0; j < count; j++) {
    joints3d.set(joints.subarray(3 * j, 3 * j + 3), 4 * j);
    joints2d.set([pixel(0, j), pixel(1, j)], 3 * j);
  }
  return { joints3d, joints2d };
}

/**
 * The mean of what the teacher says of frames [F,S,S,3] and, mirrored back, of their mirror images. Rotations are made
 * orthonormal again. The caller disposes the tensors.
 */
export function predictBothWays(teacher: Regressor, body: BodyModel, images: Tensor4D): FrameParameters {
  const count = images.shape[0];
  return tf.tidy((): FrameParameters & Record<string, tf.Tensor> => {
    const both = predictFrames(teacher, body, tf.concat([images, tf.reverse(images, 2)]));
    const [said, mirrored] = halvesOf(both.rotations.dataSync<"float32">());
    const rotations = tf.tensor(meanRotations(said, mirroredBack(mirrored)), [count, 24, 3, 3]);
    const mean = (x: Tensor2D, sign: readonly number[]) => {
      const [a, b] = tf.split(x, 2);
      return tf.div(tf.add(a!, tf.mul(b!, tf.tensor1d([...sign]))), 2) as Tensor2D;
    };
    const betas = mean(both.betas, Array(both.betas.shape[1]).fill(1));
    const { joints } = body.forward({ rotations, betas }) as { joints: Tensor3D };
    return { rotations, betas, camera: mean(both.camera, [1, -1, 1]), joints };
  });
}

/** [F*24*9] rotations of F people in a mirror. */
function mirroredBack(rotations: Float32Array): Float32Array {
  const out = new Float32Array(rotations.length);
  for (let at = 0; at < out.length; at += 216) out.set(mirrorRotations(rotations.subarray(at, at + 216)), at);
  return out;
}

function halvesOf(values: Float32Array): [Float32Array, Float32Array] {
  return [values.subarray(0, values.length / 2), values.subarray(values.length / 2)];
}

/** Matrices between those of `a` and `b`: their mean with Gram-Schmidt on its columns. */
function meanRotations(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(a.length);
  for (let at = 0; at < a.length; at += 9) {
    const column = (k: number) => [0, 3, 6].map((row) => a[at + row + k]! + b[at + row + k]!);
    const first = unit(column(0));
    const second = column(1);
    const along = first.reduce((sum, x, i) => sum + x * second[i]!, 0);
    const x = first as [number, number, number];
    const y = unit(second.map((value, i) => value - along * first[i]!)) as [number, number, number];
    const z = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
    for (let row = 0; row < 3; row++) out.set([x[row]!, y[row]!, z[row]!], at + 3 * row);
  }
  return out;
}

function unit(v: readonly number[]): number[] {
  const length = Math.max(1e-12, Math.hypot(...v));
  return v.map((x) => x / length);
}
