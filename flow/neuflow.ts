/** @file NeuFlow v2 (Zhang et al., arXiv 2408.10161): one global matching at a sixteenth, then light refinements. */
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { ShapeError } from "../src/errors.ts";
import { convolve } from "../src/nn/layers.ts";
import { disposeParameters, type Parameters, parameter } from "../src/nn/parameters.ts";
import { type CorrelationPyramid, correlationLookup, correlationPyramid } from "./correlation.ts";
import type { Pair } from "./estimator.ts";
import { BLOCKS, NEUFLOW_V2, REFINEMENT_INPUTS } from "./neuflow-config.ts";
import { convolutionBlock, crossAttention, leaky, leakyConvolution, mergeConvolutions } from "./neuflow-layers.ts";
import { upsampleConvex } from "./upsample.ts";

const { features: FEATURES, context: CONTEXT, state: STATE, radius: RADIUS } = NEUFLOW_V2;
const STATE_LIMIT = 4;

/** What the encoders say of F frames by themselves. */
export interface NeuflowFrames {
  /** [F,H/16,W/16,192] and [F,H/8,W/8,192]: context, then features. */
  readonly sixteenth: Tensor4D;
  readonly eighth: Tensor4D;
  /** [F,H/8,W/8,128], for up-sampling. */
  readonly fine: Tensor4D;
}

/** Frames as seen from their pairs: what two frames look like once they have looked at each other. */
export interface NeuflowItems {
  /** Of a sixteenth and an eighth of the images' size: features to be matched, and context. */
  readonly features16: Tensor4D;
  readonly context16: Tensor4D;
  readonly features8: Tensor4D;
  readonly context8: Tensor4D;
  readonly fine: Tensor4D;
}

export interface Neuflow {
  /** Encodes images [F,H,W,3] in 0..1, RGB; H and W multiples of 16. */
  encode(images: Tensor4D): NeuflowFrames;
  /** Both frames of P pairs: 2P items, all first ones, then all second ones, and the ways between them, both. */
  relate(frames: NeuflowFrames, pairs: readonly Pair[]): { items: NeuflowItems; directions: readonly Pair[] };
  /** Flow [D,H,W,2] in px from item to item, after `updates` refinements at an eighth. */
  flowAlong(items: NeuflowItems, directions: readonly Pair[], updates: number): Tensor4D;
  dispose(): void;
}

/** A NeuFlow v2 that owns `parameters` (of neuflowParameters). */
export function createNeuflow(parameters: Parameters): Neuflow {
  return {
    encode: (images) => encodeFrames(parameters, images),
    relate: (frames, pairs) => {
      const there = pairs.map((_, i) => [i, pairs.length + i] as const);
      const back = there.map(([first, second]) => [second, first] as const);
      return { items: relate(parameters, frames, pairs), directions: [...there, ...back] };
    },
    flowAlong: (items, directions, updates) => flowAlong(parameters, items, directions, updates),
    dispose: () => disposeParameters(parameters),
  };
}

function encodeFrames(parameters: Parameters, images: Tensor4D): NeuflowFrames {
  const [, rows, columns, colours] = images.shape;
  if (rows % 16 || columns % 16 || colours !== 3) {
    throw new ShapeError("neuflow-v2", "[F,H,W,3] with H and W multiples of 16", images.shape);
  }
  return tf.tidy(() => {
    const block = (name: keyof typeof BLOCKS, ...inputs: Tensor4D[]) =>
      convolutionBlock(parameters, BLOCKS[name], inputs.length === 1 ? inputs[0]! : tf.concat(inputs, 3));
    const shrink = (x: Tensor4D) => tf.avgPool(x, 2, 2, "valid");
    const half = shrink(images);
    const quarter = shrink(half);
    const eighth = block("joined8", block("half", half), block("quarter", quarter));
    const sixteenth = block("joined16", block("eighth", shrink(quarter)), block("from8", eighth));
    const [count, h, w] = sixteenth.shape;
    const places = tf.tile(centredPositions(h, w), [count, 1, 1, 1]);
    return { sixteenth: tf.concat([sixteenth, places], 3), eighth, fine: block("whole", images) };
  });
}

function relate(parameters: Parameters, frames: NeuflowFrames, pairs: readonly Pair[]): NeuflowItems {
  return tf.tidy(() => {
    const chosen = [0, 1].flatMap((end) => pairs.map((pair) => pair[end]!));
    const sixteenth = attend(parameters, pick(frames.sixteenth, chosen), pairs.length);
    const features16 = channels(sixteenth, CONTEXT, FEATURES);
    const context16 = tf.relu(channels(sixteenth, 0, CONTEXT));
    const eighth = pick(frames.eighth, chosen);
    const merge = (key: string, own: Tensor4D, below: Tensor4D) =>
      mergeConvolutions(parameters, key, tf.concat([own, doubled(below)], 3));
    return {
      features16,
      context16,
      features8: merge("merge_s8", channels(eighth, CONTEXT, FEATURES), features16),
      context8: merge("context_merge_s8", tf.relu(channels(eighth, 0, CONTEXT)), context16),
      fine: pick(frames.fine, chosen),
    };
  });
}

function flowAlong(
  parameters: Parameters,
  items: NeuflowItems,
  directions: readonly Pair[],
  updates: number,
): Tensor4D {
  return tf.tidy(() => {
    const first = directions.map((pair) => pair[0]);
    const second = directions.map((pair) => pair[1]);
    const correlate = (features: Tensor4D) => correlationPyramid(pick(features, first), pick(features, second), 1);
    const pyramid = correlate(items.features16);
    const coarse = refine(parameters, "refine_s16", pyramid, pick(items.context16, first), matchGlobally(pyramid), 1);
    const start = tf.mul(doubled(coarse), 2) as Tensor4D;
    const fine = refine(
      parameters,
      "refine_s8",
      correlate(items.features8),
      pick(items.context8, first),
      start,
      updates,
    );
    return upsample(parameters, fine, pick(items.fine, first));
  });
}

/** Features [2P,h,w,C] after both frames of each pair have looked at each other. */
function attend(parameters: Parameters, x: Tensor4D, pairs: number): Tensor4D {
  return tf.tidy(() => {
    const [batch, h, w, width] = x.shape;
    const tokens = tf.reshape(x, [batch, h * w, width]) as Tensor3D;
    const { attentionLayers } = NEUFLOW_V2;
    const seen = crossAttention(parameters, "cross_attn_s16", attentionLayers, tokens, (all) => exchange(all, pairs));
    return tf.reshape(seen, x.shape) as Tensor4D;
  });
}

/** The batch with the second frames before the first ones: item i becomes the other frame of its pair. */
function exchange<T extends Tensor>(x: T, pairs: number): T {
  const [first, second] = tf.split(x, [pairs, pairs]) as [T, T];
  return tf.concat([second, first]) as T;
}

/** Flow [B,h,w,2]: the mean position, weighted by the softmax of the correlations, less the own (Xu et al. 2022, GMFlow). */
function matchGlobally(pyramid: CorrelationPyramid): Tensor4D {
  return tf.tidy(() => {
    const volume = pyramid.levels[0]!;
    const [, h, w] = volume.shape;
    const batch = volume.shape[0] / (h * w);
    const weights = tf.softmax(tf.reshape(volume, [batch, h * w, h * w]));
    const grid = positions(h, w);
    const all = tf.tile(tf.reshape(grid, [1, h * w, 2]), [batch, 1, 1]);
    return tf.sub(tf.reshape(tf.matMul(weights, all), [batch, h, w, 2]), grid) as Tensor4D;
  });
}

/** The flow [B,h,w,2] after `updates` refinements of `start`, all in pixels of the maps; the state begins at 0. */
function refine(
  parameters: Parameters,
  key: string,
  pyramid: CorrelationPyramid,
  context: Tensor4D,
  start: Tensor4D,
  updates: number,
): Tensor4D {
  return tf.tidy(() => {
    const [batch, h, w] = start.shape;
    const grid = positions(h, w);
    const { weight, share } = prepareFirstLayer(parameters, key, context);
    let flow = start;
    let state: Tensor4D = tf.zeros([batch, h, w, STATE]);
    for (let i = 0; i < updates; i++) {
      const before = [flow, state];
      [flow, state] = tf.tidy(() => {
        const correlation = correlationLookup(pyramid, tf.add(grid, flow) as Tensor4D, RADIUS);
        let x = leaky(tf.add(convolve(tf.concat([correlation, state, flow], 3), weight), share) as Tensor4D);
        x = leakyConvolution(parameters, `${key}.conv2.conv`, x);
        for (let k = 0; k < NEUFLOW_V2.layers; k++) x = leakyConvolution(parameters, `${key}.conv_layers.${k}.conv`, x);
        const change = convolve(x, parameter(parameters, `${key}.conv3.weight`) as Tensor as Tensor4D);
        const whole = tf.add(change, parameter(parameters, `${key}.conv3.bias`)) as Tensor4D;
        return [
          tf.add(flow, channels(whole, 0, 2)) as Tensor4D,
          tf.clipByValue(channels(whole, 2, STATE), -STATE_LIMIT, STATE_LIMIT),
        ];
      });
      if (i > 0) tf.dispose(before);
    }
    return flow;
  });
}

/**
 * The first layer of a refinement, split by its inputs: weights on (correlations, state, flow), which change, and what
 * context and radius, which don't, add to it in every update.
 */
function prepareFirstLayer(parameters: Parameters, key: string, context: Tensor4D) {
  const whole = parameter(parameters, `${key}.conv1.conv.weight`) as Tensor as Tensor4D;
  const [correlation, own, state, flow, radius] = tf.split(whole, [...REFINEMENT_INPUTS], 2) as [Tensor4D, Tensor4D, Tensor4D, Tensor4D, Tensor4D]; // biome-ignore format: one line reads as the list it is
  const [batch, h, w] = context.shape;
  const constant = tf.concat([context, tf.fill([batch, h, w, 1], RADIUS)], 3) as Tensor4D;
  return {
    weight: tf.concat([correlation, state, flow], 2) as Tensor4D,
    share: convolve(constant, tf.concat([own, radius], 2) as Tensor4D),
  };
}

/** Flow [B,h,w,2] of the maps as [B,8h,8w,2] in px of the images, mixed from neighbours as `fine` [B,h,w,128] and it say. */
function upsample(parameters: Parameters, flow: Tensor4D, fine: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const layer = (name: string, x: Tensor4D, activation: "relu" | "linear") => {
      const weight = parameter(parameters, `upsample_s8.${name}.weight`) as Tensor as Tensor4D;
      return convolve(x, weight, parameter(parameters, `upsample_s8.${name}.bias`), { activation });
    };
    const inner = layer("conv2", layer("conv1", tf.concat([flow, fine], 3), "relu"), "relu");
    return upsampleConvex(flow, layer("conv3", inner, "linear"));
  });
}

/** [B,h,w,C] as [B,2h,2w,C], every position four times. */
function doubled(x: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [batch, h, w, width] = x.shape;
    const wide = tf.tile(tf.reshape(x, [batch, h, w, 1, width]), [1, 1, 1, 2, 1]);
    const rows = tf.reshape(wide, [batch, h, 1, 2 * w * width]);
    return tf.reshape(tf.tile(rows, [1, 1, 2, 1]), [batch, 2 * h, 2 * w, width]) as Tensor4D;
  });
}

/** Items of [N,h,w,C] by their indices. */
function pick(x: Tensor4D, indices: readonly number[]): Tensor4D {
  return tf.tidy(() => tf.gather(x, tf.tensor1d([...indices], "int32")));
}

function channels(x: Tensor4D, start: number, count: number): Tensor4D {
  return tf.slice(x, [0, 0, 0, start], [x.shape[0], x.shape[1], x.shape[2], count]);
}

/** [1,h,w,2]: x and y of every position. */
function positions(h: number, w: number): Tensor4D {
  const data = Float32Array.from({ length: h * w * 2 }, (_, k) => (k & 1 ? Math.floor((k >> 1) / w) : (k >> 1) % w));
  return tf.tensor4d(data, [1, h, w, 2]);
}

/** [1,h,w,2]: y and x (in this order) of every position, from the middle of the map. */
function centredPositions(h: number, w: number): Tensor4D {
  return tf.tidy(() => tf.sub(tf.reverse(positions(h, w), 3), tf.tensor1d([h / 2, w / 2])) as Tensor4D);
}
