/** @file The reconstruction network with skips: reference and link heat map to a picture (He et al. 2022, AutoLink). */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { BatchNormMode } from "../../src/nn/batch-norm.ts";
import { conv2d } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { addConv, addConvNorm, convNorm, double, halve, type Shapes } from "./blocks.ts";

const SLOPE = 0.2;
const LEVELS = 4;

const channelsAt = (width: number, level: number): number => width * Math.min(2 ** level, 8);

/** Names and shapes of its weights under `prefix`: `width` channels (64 as published) at full size, `maps` shape maps. */
export function skipTranslatorShapes(prefix: string, width: number, maps: number): Shapes {
  const shapes: Shapes = new Map();
  addConv(shapes, `${prefix}.start`, 3 + maps, width);
  for (let level = 0; level < LEVELS; level++) {
    const [own, next] = [channelsAt(width, level), channelsAt(width, level + 1)];
    addConvNorm(shapes, `${prefix}.down${level}.first`, own, next);
    addConvNorm(shapes, `${prefix}.down${level}.second`, next, next);
  }
  for (let level = LEVELS - 1; level >= 0; level--) {
    const own = channelsAt(width, level);
    const below = channelsAt(width, level + 1) * (level === LEVELS - 1 ? 1 : 2);
    addConvNorm(shapes, `${prefix}.up${level}.first`, below, own);
    addConvNorm(shapes, `${prefix}.up${level}.second`, own, own);
  }
  addConv(shapes, `${prefix}.picture`, 2 * width, 3);
  return shapes;
}

/** The picture [B,H,W,3] from the reference [B,H,W,3] and shape maps [B,H,W,K]; sides are multiples of 16. */
export function skipTranslation(
  parameters: Parameters,
  prefix: string,
  reference: Tensor4D,
  maps: Tensor4D,
  mode: BatchNormMode,
): Tensor4D {
  return tf.tidy(() => {
    const block = (key: string, x: Tensor4D, slope = SLOPE) =>
      convNorm(parameters, `${prefix}.${key}`, x, mode, { slope });
    let x = tf.leakyRelu(conv2d(parameters, `${prefix}.start`, tf.concat([reference, maps], 3)), SLOPE);
    const skips: Tensor4D[] = [];
    for (let level = 0; level < LEVELS; level++) {
      skips.push(x);
      x = tf.leakyRelu(halve(block(`down${level}.second`, block(`down${level}.first`, x), 1)), SLOPE);
    }
    for (let level = LEVELS - 1; level >= 0; level--) {
      const up = block(`up${level}.second`, block(`up${level}.first`, double(x)));
      x = tf.concat([up, skips[level]!], 3);
    }
    return conv2d(parameters, `${prefix}.picture`, x);
  });
}
