/**
 * @file A network for small crops and little training: a residual encoder, a decoder that brings what it knows back to a
 * quarter of the side, and the places of learned landmarks by spatial softmax (Levine et al., JMLR 2016). Such places can be
 * taught to be joints, which pooled features cannot: with that lesson it learns limbs in a tenth of a ResNet's steps.
 */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { convBatchNorm } from "../../src/nn/batch-norm.ts";
import { convolve, linear } from "../../src/nn/layers.ts";
import { parameter } from "../../src/nn/parameters.ts";
import { relu } from "../../src/nn/relu.ts";
import type { Backbone } from "../backbone.ts";
import { addConvBatchNorm, addUnit, applyUnit, type ResidualUnit } from "./residual-unit.ts";

/** Landmarks; each gives its place and how clearly it is seen. The first 24 may be taught to be the joints. */
const LANDMARKS = 48;
/** Length of the feature vector, mixed from all that is seen: the iterative head is linear, a pose in places is not. */
const FEATURES = 512;
/** The side is halved in the stem and in each stage of the encoder. */
const STEP = 16;
/** A map's mean value counts for less than a place in -1..1. */
const VALUE_SCALE = 0.1;

/** MotionCue's own; the specification's width is that of the stem. */
export const landmarks: Backbone = {
  doc: "MotionCue's own for small crops: places of 48 learned landmarks (spatial softmax) and coarse features, mixed",
  published: { width: 16, cropSize: 64, hidden: 512 },
  featureCount: () => FEATURES,
  problem: ({ cropSize }) =>
    cropSize % STEP === 0 ? undefined : `needs a crop size that ${STEP} divides, got ${cropSize}`,
  shapes: ({ width }) => {
    const shapes = new Map<string, readonly number[]>();
    addConvBatchNorm(shapes, ["stem", "stem_bn"], [3, width], 5);
    for (const unit of [...encoder(width).flat(), ...decoder(width)]) addUnit(shapes, unit);
    addConvBatchNorm(shapes, ["lateral8", "lateral8_bn"], [8 * width, 4 * width], 1);
    addConvBatchNorm(shapes, ["lateral4", "lateral4_bn"], [4 * width, 2 * width], 1);
    shapes.set("maps.weight", [LANDMARKS, 2 * width, 1, 1]);
    shapes.set("maps.bias", [LANDMARKS]);
    shapes.set("mix1.weight", [FEATURES, 3 * LANDMARKS + 8 * width]);
    shapes.set("mix1.bias", [FEATURES]);
    shapes.set("mix2.weight", [FEATURES, FEATURES]);
    shapes.set("mix2.bias", [FEATURES]);
    return shapes;
  },
  recognise: (shapes) => {
    const stem = shapes.get("stem.weight");
    return stem && shapes.has("maps.weight") ? { width: stem[0]! } : undefined;
  },
  features: (parameters, spec, images, mode) =>
    tf.tidy(() => landmarks.withMaps!(parameters, spec, images, mode).features),
  withMaps: (parameters, { width }, images, mode) => {
    const [quarter, eighth, sixteenth] = encoder(width) as [ResidualUnit[], ResidualUnit[], ResidualUnit[]];
    const [up8, up4] = decoder(width) as [ResidualUnit, ResidualUnit];
    const run = (units: readonly ResidualUnit[], x: Tensor4D): Tensor4D =>
      units.reduce((y, unit) => applyUnit(parameters, unit, y, mode), x);
    const lateral = (key: string, x: Tensor4D) => convBatchNorm(parameters, key, `${key}_bn`, x, mode);
    const first = { stride: 2, activation: "relu", constantInput: true } as const;
    const fine = run(quarter, convBatchNorm(parameters, "stem", "stem_bn", images, mode, first));
    const middle = run(eighth, fine);
    const coarse = run(sixteenth, middle);
    const y8 = run([up8], joined(middle, lateral("lateral8", coarse)));
    const y4 = run([up4], joined(fine, lateral("lateral4", y8)));
    const weight = parameter(parameters, "maps.weight") as Tensor as Tensor4D;
    const maps = convolve(y4, weight, parameter(parameters, "maps.bias"), {});
    const seen = tf.concat([spatialSoftmax(maps), tf.mean(coarse, [1, 2]) as Tensor2D], 1) as Tensor2D;
    const mixed = relu(linear(parameters, "mix2", relu(linear(parameters, "mix1", seen))));
    return { features: tf.expandDims(mixed, 1) as Tensor3D, maps };
  },
};

/** Two units each at a quarter, an eighth and a sixteenth of the side. */
function encoder(width: number): ResidualUnit[][] {
  return ["quarter", "eighth", "sixteenth"].map((name, stage) => {
    const [from, to] = [width * 2 ** stage, width * 2 ** (stage + 1)];
    return [basic(`${name}.0`, from, to, 2), basic(`${name}.1`, to, to, 1)];
  });
}

/** A unit on the way back at an eighth and at a quarter of the side. */
function decoder(width: number): ResidualUnit[] {
  return [basic("up8", 4 * width, 4 * width, 1), basic("up4", 2 * width, 2 * width, 1)];
}

function basic(key: string, from: number, to: number, stride: number): ResidualUnit {
  return { kind: "basic", key, from, inner: to, to, stride };
}

/** `fine` plus `coarse`, which is brought to its size by repetition. */
function joined(fine: Tensor4D, coarse: Tensor4D): Tensor4D {
  const [, rows, columns] = fine.shape;
  return tf.add(fine, tf.image.resizeNearestNeighbor(coarse, [rows, columns])) as Tensor4D;
}

/**
 * Of maps [B,H,W,K]: x and y of each map's mean place under its softmax, -1..1 across the outer edges, then the map's mean
 * value under it times 0.1: [B,3K].
 */
export function spatialSoftmax(maps: Tensor4D): Tensor2D {
  const [batch, rows, columns, count] = maps.shape;
  const cells = rows * columns;
  const flat = tf.transpose(tf.reshape(maps, [batch, cells, count]), [0, 2, 1]);
  const chance = tf.softmax(flat, 2);
  const grid = Float32Array.from({ length: 2 * cells }, (_, k) => {
    const cell = Math.floor(k / 2);
    return k % 2 === 0
      ? (2 * ((cell % columns) + 0.5)) / columns - 1
      : (2 * (Math.floor(cell / columns) + 0.5)) / rows - 1;
  });
  const places = tf.matMul(tf.reshape(chance, [batch * count, cells]), tf.tensor2d(grid, [cells, 2]));
  const value = tf.mul(tf.sum(tf.mul(chance, flat), 2), VALUE_SCALE);
  return tf.concat([tf.reshape(places, [batch, 2 * count]), value], 1) as Tensor2D;
}
