/** @file A labelled person in a picture, and the augmented crop of it that a regressor is trained on. */
import { MIRROR_JOINTS, mirrorRotations } from "../../smpl/joints.ts";
import { axisAngleToMatrixHost } from "../../src/geometry/rotation.ts";
import type { CropSquare } from "../../src/image/box.ts";
import { type Image, sizeOf } from "../../src/image/image.ts";
import type { Random } from "../../src/random.ts";

/** What is known of one person in one picture; any subset. J = 24 SMPL joints. */
export interface PersonLabels {
  /** What a regressor should see, in pixels of the picture. */
  readonly square: CropSquare;
  /** [72] axis-angle, global orientation in camera space. */
  readonly pose?: Float32Array;
  /** [10] */
  readonly betas?: Float32Array;
  /** [J*4] x, y, z in metres (camera axes, any origin) and confidence. */
  readonly joints3d?: Float32Array;
  /** [J*3] x, y in pixels of the picture and confidence. */
  readonly joints2d?: Float32Array;
}

/** A picture with its labels. */
export interface LabelledPerson {
  readonly image: Image;
  readonly labels: PersonLabels;
}

/** A square crop ready for the network, `size` x `size`. */
export interface LabelledCrop {
  /** [size*size*3] */
  readonly image: Uint8Array;
  /** [J*9] */
  readonly rotations?: Float32Array;
  readonly betas?: Float32Array;
  /** [J*4] */
  readonly joints3d?: Float32Array;
  /** [J*3] x, y in -1..1 across the crop's outer edges, confidence. */
  readonly joints2d?: Float32Array;
}

/** How a crop differs from the plain one: mirrored first, then turned about its centre, enlarged field, shifted, tinted. */
export interface Augmentation {
  readonly flip: boolean;
  /** Radians, from x (right) towards y (down). */
  readonly rotation: number;
  /** Factor on the square's side. */
  readonly scale: number;
  /** Shift of the square's centre, in sides. */
  readonly shift: readonly [number, number];
  /** Factor on each channel. */
  readonly gain: readonly [number, number, number];
}

/** The plain crop. */
export const NO_AUGMENTATION: Augmentation = { flip: false, rotation: 0, scale: 1, shift: [0, 0], gain: [1, 1, 1] };

const DEGREE = Math.PI / 180;

/**
 * Draws an augmentation. With `strength` 1 as SPIN does: mirror every second time; turn N(0, 30) degrees within 60, none 6
 * of 10 times; scale N(1, 0.25) within a quarter; gain of each channel 0.6..1.4. Less strength scales all but the mirror.
 * Added: the centre is off by up to a twentieth of the side, as that of a detector's box is.
 */
export function drawAugmentation(random: Random, strength = 1): Augmentation {
  const clip = (x: number, most: number) => strength * Math.min(most, Math.max(-most, x));
  const gain = () => 1 + strength * random.uniform(-0.4, 0.4);
  return {
    flip: random.next() < 0.5,
    rotation: random.next() < 0.6 ? 0 : clip(random.normal(0, 30 * DEGREE), 60 * DEGREE),
    scale: 1 + clip(random.normal(0, 0.25), 0.25),
    shift: [random.uniform(-0.05, 0.05), random.uniform(-0.05, 0.05)],
    gain: [gain(), gain(), gain()],
  };
}

/** The crop of `person` at `size`, augmented; labels follow the picture. Outside the picture is black. */
export function labelledCrop(
  { image, labels }: LabelledPerson,
  size: number,
  augmentation: Augmentation = NO_AUGMENTATION,
): LabelledCrop {
  const { flip, rotation } = augmentation;
  const { pose, betas, joints3d, joints2d, square } = labels;
  const map = cropPlacement(square, size, augmentation);
  return {
    image: sampleCrop(image, size, map, augmentation.gain),
    ...(pose ? { rotations: turnedRotations(pose, flip, rotation) } : {}),
    ...(betas ? { betas } : {}),
    ...(joints3d ? { joints3d: turnedJoints3d(joints3d, flip, rotation) } : {}),
    ...(joints2d ? { joints2d: movedJoints2d(joints2d, size, map, flip) } : {}),
  };
}

/** Picture to crop: q = scale * R F (p - centre) + (size - 1) / 2 with R F = [[a, b], [c, d]]. */
interface Placement {
  readonly cx: number;
  readonly cy: number;
  readonly scale: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

function cropPlacement(square: CropSquare, size: number, { flip, rotation, scale, shift }: Augmentation): Placement {
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  const mirror = flip ? -1 : 1;
  const side = square.side * scale;
  return {
    cx: square.cx + shift[0] * square.side,
    cy: square.cy + shift[1] * square.side,
    scale: size / side,
    a: cos * mirror,
    b: -sin,
    c: sin * mirror,
    d: cos,
  };
}

/** Samples per axis and pixel above this are no longer worth their time. */
const MOST_SAMPLES = 8;

function sampleCrop(image: Image, size: number, map: Placement, gain: readonly [number, number, number]): Uint8Array {
  const { height, width } = sizeOf(image);
  const source = image.data;
  const out = new Uint8ClampedArray(size * size * 3);
  const samples = Math.min(MOST_SAMPLES, Math.max(1, Math.round(1 / map.scale)));
  const share = 1 / (samples * samples);
  const middle = (size - 1) / 2;
  // The inverse of an orthogonal matrix is its transpose.
  const [ax, ay] = [map.a / map.scale, map.b / map.scale];
  const [bx, by] = [map.c / map.scale, map.d / map.scale];
  for (let y = 0, o = 0; y < size; y++) {
    for (let x = 0; x < size; x++, o += 3) {
      let [r, g, b] = [0, 0, 0];
      for (let k = 0; k < samples * samples; k++) {
        const u = x - middle + ((k % samples) + 0.5) / samples - 0.5;
        const v = y - middle + (Math.floor(k / samples) + 0.5) / samples - 0.5;
        const px = ax * u + bx * v + map.cx;
        const py = ay * u + by * v + map.cy;
        const x0 = Math.floor(px);
        const y0 = Math.floor(py);
        if (x0 < 0 || y0 < 0 || x0 >= width - 1 || y0 >= height - 1) continue;
        const fx = px - x0;
        const fy = py - y0;
        const i = 3 * (y0 * width + x0);
        const j = i + 3 * width;
        const [w00, w01, w10, w11] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
        r += w00 * source[i]! + w01 * source[i + 3]! + w10 * source[j]! + w11 * source[j + 3]!;
        g += w00 * source[i + 1]! + w01 * source[i + 4]! + w10 * source[j + 1]! + w11 * source[j + 4]!;
        b += w00 * source[i + 2]! + w01 * source[i + 5]! + w10 * source[j + 2]! + w11 * source[j + 5]!;
      }
      out[o] = r * share * gain[0];
      out[o + 1] = g * share * gain[1];
      out[o + 2] = b * share * gain[2];
    }
  }
  return new Uint8Array(out.buffer);
}

function turnedRotations(pose: Float32Array, flip: boolean, rotation: number): Float32Array {
  const matrices = axisAngleToMatrixHost(pose, pose.length / 3);
  const rotations = flip ? mirrorRotations(matrices) : Float32Array.from(matrices);
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  for (let column = 0; column < 3; column++) {
    const x = rotations[column]!;
    const y = rotations[3 + column]!;
    rotations[column] = cos * x - sin * y;
    rotations[3 + column] = sin * x + cos * y;
  }
  return rotations;
}

function turnedJoints3d(joints: Float32Array, flip: boolean, rotation: number): Float32Array {
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  const out = new Float32Array(joints.length);
  for (let j = 0; j < joints.length / 4; j++) {
    const from = 4 * (flip ? MIRROR_JOINTS[j]! : j);
    const x = flip ? -joints[from]! : joints[from]!;
    const y = joints[from + 1]!;
    out[4 * j] = cos * x - sin * y;
    out[4 * j + 1] = sin * x + cos * y;
    out[4 * j + 2] = joints[from + 2]!;
    out[4 * j + 3] = joints[from + 3]!;
  }
  return out;
}

function movedJoints2d(joints: Float32Array, size: number, map: Placement, flip: boolean): Float32Array {
  const out = new Float32Array(joints.length);
  const unit = (2 * map.scale) / size;
  for (let j = 0; j < joints.length / 3; j++) {
    const from = 3 * (flip ? MIRROR_JOINTS[j]! : j);
    const x = joints[from]! - map.cx;
    const y = joints[from + 1]! - map.cy;
    out[3 * j] = unit * (map.a * x + map.b * y);
    out[3 * j + 1] = unit * (map.c * x + map.d * y);
    out[3 * j + 2] = joints[from + 2]!;
  }
  return out;
}
