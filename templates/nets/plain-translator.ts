/** @file The plain reconstruction network: appearance and shape maps to a picture, without skips (Schmidtke et al. 2021). */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { BatchNormMode } from "../../src/nn/batch-norm.ts";
import { conv2d } from "../../src/nn/layers.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { addConv, addConvNorm, convNorm, double, type Shapes } from "./blocks.ts";

const SLOPE = 0.01;
const LEVELS = 3;

/** Names and shapes of its weights under `prefix`: `width` channels (32 as published) at full size, `maps` shape maps. */
export function plainTranslatorShapes(prefix: string, width: number, maps: number): Shapes {
  const shapes: Shapes = new Map();
  addConvNorm(shapes, `${prefix}.start`, 3 + maps, width);
  for (let level = 0; level < LEVELS; level++) {
    const own = width * 2 ** level;
    addConvNorm(shapes, `${prefix}.down${level}.keep`, own, own);
    addConvNorm(shapes, `${prefix}.down${level}.half`, own, 2 * own);
  }
  for (let level = LEVELS - 1; level >= 0; level--) {
    const own = width * 2 ** level;
    addConvNorm(shapes, `${prefix}.up${level}.keep`, 2 * own, 2 * own);
    addConvNorm(shapes, `${prefix}.up${level}.double`, 2 * own, own);
  }
  addConv(shapes, `${prefix}.picture`, width, 3);
  return shapes;
}

/** The picture [B,H,W,3] from the reference's [B,H,W,3] appearance and shape maps [B,H,W,K]; sides are multiples of 8. */
export function plainTranslation(
  parameters: Parameters,
  prefix: string,
  reference: Tensor4D,
  maps: Tensor4D,
  mode: BatchNormMode,
): Tensor4D {
  return tf.tidy(() => {
    const block = (key: string, x: Tensor4D, stride = 1) =>
      convNorm(parameters, `${prefix}.${key}`, x, mode, { slope: SLOPE, stride });
    let x = block("start", tf.concat([reference, maps], 3));
    for (let level = 0; level < LEVELS; level++) x = block(`down${level}.half`, block(`down${level}.keep`, x), 2);
    for (let level = LEVELS - 1; level >= 0; level--)
      x = block(`up${level}.double`, double(block(`up${level}.keep`, x)));
    return conv2d(parameters, `${prefix}.picture`, x);
  });
}
