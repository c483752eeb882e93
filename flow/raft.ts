/** @file RAFT (Teed & Deng, ECCV 2020): recurrent refinement of a flow field from all-pairs correlations. */
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { ShapeError } from "../src/errors.ts";
import { disposeParameters, type Parameters } from "../src/nn/parameters.ts";
import { relu } from "../src/nn/relu.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import { correlator } from "./correlation.ts";
import type { RaftConfig } from "./raft-config.ts";
import { encode } from "./raft-encoder.ts";
import { encodeMotion, flowIncrement, prepareRecurrence, updateHidden, upsamplingMask } from "./raft-update.ts";
import { upsampleBilinear, upsampleConvex } from "./upsample.ts";

/** What the encoders say of F frames; every frame is encoded once, whatever the number of pairs it belongs to. */
export interface FlowFeatures {
  /** [F,h,w,features], to be correlated. */
  readonly features: Tensor4D;
  /** [F,h,w,hidden] first hidden state, [F,h,w,context]. */
  readonly hidden: Tensor4D;
  readonly context: Tensor4D;
}

/** One update: what was looked up, the state after it, and the flow so far, [B,h,w,2] in eighths of a pixel's grid. */
export interface RaftUpdate {
  readonly correlation: Tensor4D;
  readonly hidden: Tensor4D;
  readonly increment: Tensor4D;
  readonly flow: Tensor4D;
}

/** Picks what to keep of an update; everything else is freed. `index` counts from 0. */
export type UpdateVisitor = (update: RaftUpdate, index: number) => Tensor4D[];

export interface Raft {
  readonly config: RaftConfig;
  readonly parameters: Parameters;
  /** Encodes images [F,H,W,3] in 0..1, RGB; H and W multiples of 8, at least 8 * 2^(levels-1). */
  encode(images: Tensor4D): FlowFeatures;
  /** The features of some frames, in the order of `indices`. */
  select(features: FlowFeatures, indices: readonly number[]): FlowFeatures;
  /** Flow [B,H,W,2] in px from the frames of `first` to those of `second`, after `updates` updates. */
  flowBetween(first: FlowFeatures, second: FlowFeatures, updates: number): Tensor4D;
  /** Flow [B,H,W,2] after each update, for training: gradients do not run from one update's positions to the next. */
  flowSequence(first: FlowFeatures, second: FlowFeatures, updates: number): Tensor4D[];
  /** All tensors that `visit` returns after each update, in order; `flowBetween` and `flowSequence` are made of this. */
  refine(first: FlowFeatures, second: FlowFeatures, updates: number, visit: UpdateVisitor): Tensor4D[];
  /** The flow of an update at full size, [B,H,W,2] in px. */
  upsample(update: RaftUpdate): Tensor4D;
  dispose(): void;
}

/**
 * A RAFT that owns `parameters` (names and shapes of raftShapes(config)). Where the correlation volumes of one call would take
 * more than `volumeBytes` bytes (a quarter of a gibibyte unless given), they are not made: see `correlator`.
 */
export function createRaft(config: RaftConfig, parameters: Parameters, volumeBytes?: number): Raft {
  const upsample = (update: RaftUpdate) =>
    config.maskHead > 0
      ? upsampleConvex(update.flow, upsamplingMask(parameters, update.hidden))
      : upsampleBilinear(update.flow);

  function refine(first: FlowFeatures, second: FlowFeatures, updates: number, visit: UpdateVisitor): Tensor4D[] {
    return tf.tidy(() => {
      const correlate = correlator(first.features, second.features, config.levels, config.radius, volumeBytes);
      const recurrence = prepareRecurrence(config, parameters, first.context);
      const [batch, h, w] = first.features.shape;
      const grid = positions(h, w);
      const kept: Tensor4D[] = [];
      let state: { hidden: Tensor4D; flow: Tensor4D } = { hidden: first.hidden, flow: tf.zeros([batch, h, w, 2]) };
      for (let i = 0; i < updates; i++) {
        const before = state;
        const { seen, ...after } = tf.tidy(() => {
          const flow = stopGradient(() => tf.clone(before.flow));
          const coords = stopGradient(() => tf.add(grid, flow) as Tensor4D);
          const correlation = correlate(coords);
          const motion = encodeMotion(config, parameters, correlation, flow);
          const hidden = updateHidden(recurrence, before.hidden, motion);
          const increment = flowIncrement(parameters, hidden);
          const update = { correlation, hidden, increment, flow: tf.add(flow, increment) as Tensor4D };
          return { seen: visit(update, i), hidden, flow: update.flow };
        });
        kept.push(...seen);
        if (i > 0) dropUnless(kept, before);
        state = after;
      }
      return kept;
    });
  }

  return {
    config,
    parameters,
    encode: (images) => encodeFrames(config, parameters, images),
    select: (features, indices) => select(features, indices),
    flowBetween: (first, second, updates) =>
      refine(first, second, updates, (update, i) => (i === updates - 1 ? [upsample(update)] : []))[0]!,
    flowSequence: (first, second, updates) => refine(first, second, updates, (update) => [upsample(update)]),
    refine,
    upsample,
    dispose: () => disposeParameters(parameters),
  };
}

function encodeFrames(config: RaftConfig, parameters: Parameters, images: Tensor4D): FlowFeatures {
  const least = 8 * 2 ** (config.levels - 1);
  const [, rows, columns, channels] = images.shape;
  if (rows % 8 || columns % 8 || rows < least || columns < least || channels !== 3) {
    throw new ShapeError("raft", `[F,H,W,3] with H and W multiples of 8 and at least ${least}`, images.shape);
  }
  return tf.tidy(() => {
    const scaled = tf.sub(tf.mul(images, 2), 1) as Tensor4D;
    const features = encode(config, parameters, "fnet", scaled);
    const [hidden, context] = tf.split(encode(config, parameters, "cnet", scaled), [config.hidden, config.context], 3);
    return { features, hidden: tf.tanh(hidden as Tensor4D), context: relu(context as Tensor4D) };
  });
}

function select(features: FlowFeatures, indices: readonly number[]): FlowFeatures {
  return tf.tidy(() => {
    const chosen = tf.tensor1d([...indices], "int32");
    const pick = (x: Tensor4D) => tf.gather(x, chosen);
    return { features: pick(features.features), hidden: pick(features.hidden), context: pick(features.context) };
  });
}

/** [1,h,w,2]: x and y of every position. */
function positions(h: number, w: number): Tensor4D {
  const data = Float32Array.from({ length: h * w * 2 }, (_, k) => (k & 1 ? Math.floor((k >> 1) / w) : (k >> 1) % w));
  return tf.tensor4d(data, [1, h, w, 2]);
}

/** Frees a state that was replaced, but for what a visitor kept of it. */
function dropUnless(kept: readonly Tensor4D[], state: { hidden: Tensor4D; flow: Tensor4D }): void {
  for (const tensor of [state.hidden, state.flow]) if (!kept.includes(tensor)) tensor.dispose();
}
