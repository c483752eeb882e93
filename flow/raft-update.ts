/** @file RAFT's update operator: motion encoder, gated recurrence, flow head and mask head. */
import { hasFused, runFused } from "../src/engine/custom.ts";
import { type Tensor, type Tensor4D, tf } from "../src/engine/tf.ts";
import { conv2d, convolve } from "../src/nn/layers.ts";
import { type Parameters, parameter } from "../src/nn/parameters.ts";
import { type RaftConfig, recurrentPasses } from "./raft-config.ts";

/** One pass of the recurrence with its weights joined, and the context's share of its gates, which no update changes. */
export type Pass = {
  /** Weights on (hidden, motion) for the gates z and r: [kh,kw,hidden+motion,2*hidden]. */
  readonly gates: Tensor4D;
  /** Weights on (reset hidden, motion) for the candidate: [kh,kw,hidden+motion,hidden]. */
  readonly candidate: Tensor4D;
  readonly contextGates: Tensor4D;
  readonly contextCandidate: Tensor4D;
};

/** What all updates of one pair share. */
export type Recurrence = Pass[];

/**
 * The recurrence for a context [B,h,w,context]. Its convolutions act on (hidden, context, motion) joined; the context's
 * part is the same in every update and is computed here, once.
 */
export function prepareRecurrence(config: RaftConfig, parameters: Parameters, context: Tensor4D): Recurrence {
  return tf.tidy(() => recurrentPasses(config).map(({ suffix }) => preparePass(config, parameters, suffix, context)));
}

function preparePass(config: RaftConfig, parameters: Parameters, suffix: string, context: Tensor4D): Pass {
  const gate = (name: string) => `update_block.gru.conv${name}${suffix}`;
  const weight = (name: string) => parameter(parameters, `${gate(name)}.weight`) as Tensor as Tensor4D;
  const bias = (name: string) => parameter(parameters, `${gate(name)}.bias`) as Tensor;
  const { hidden, context: width, motion } = config;
  const changing = (w: Tensor4D) => tf.concat([inputs(w, 0, hidden), inputs(w, hidden + width, motion)], 2) as Tensor4D;
  const z = weight("z");
  const r = weight("r");
  const q = weight("q");
  const constant = tf.concat([z, r, q].map((w) => inputs(w, hidden, width)), 3) as Tensor4D; // biome-ignore format: one thought
  const share = convolve(context, constant, tf.concat([bias("z"), bias("r"), bias("q")], 0));
  return {
    gates: tf.concat([changing(z), changing(r)], 3) as Tensor4D,
    candidate: changing(q),
    contextGates: channels(share, 0, 2 * hidden),
    contextCandidate: channels(share, 2 * hidden, hidden),
  };
}

/** The hidden state [B,h,w,hidden] after one update with motion features [B,h,w,motion]. */
export function updateHidden(recurrence: Recurrence, hidden: Tensor4D, motion: Tensor4D): Tensor4D {
  const apply = hasFused("recurrence") ? fusedPass : composedPass;
  return tf.tidy(() => recurrence.reduce((h, pass) => apply(pass, h, motion), hidden));
}

/** One pass as one kernel: no copies to join maps, and gates and blend in one sweep each. */
export function fusedPass(pass: Pass, hidden: Tensor4D, motion: Tensor4D): Tensor4D {
  const run = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [h, m, gates, candidate, contextGates, contextCandidate] = args as Tensor[];
    const inputs = { hidden: h!, motion: m!, gates: gates!, candidate: candidate! };
    const all = { ...inputs, contextGates: contextGates!, contextCandidate: contextCandidate! };
    const [next, zr, q] = runFused("recurrence", all) as [Tensor, Tensor, Tensor];
    save([...Object.values(inputs), zr, q]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [sh, sm, sg, sc, szr, sq] = saved;
      const kept = { hidden: sh!, motion: sm!, gates: sg!, candidate: sc!, zr: szr!, q: sq! };
      return runFused("recurrenceGradient", { dy, ...kept });
    };
    return { value: next, gradFunc };
  });
  const { gates, candidate, contextGates, contextCandidate } = pass;
  return run(hidden, motion, gates, candidate, contextGates, contextCandidate) as Tensor4D;
}

/** The same in tfjs operations, for engines without the fused kernel. */
export function composedPass(pass: Pass, hidden: Tensor4D, motion: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const width = hidden.shape[3];
    const joined = convolve(tf.concat([hidden, motion], 3), pass.gates);
    const gates = tf.sigmoid(tf.add(joined, pass.contextGates)) as Tensor4D;
    const z = channels(gates, 0, width);
    const reset = tf.mul(channels(gates, width, width), hidden) as Tensor4D;
    const raw = convolve(tf.concat([reset, motion], 3), pass.candidate);
    const candidate = tf.tanh(tf.add(raw, pass.contextCandidate));
    return tf.add(hidden, tf.mul(z, tf.sub(candidate, hidden))) as Tensor4D;
  });
}

/** Motion features [B,h,w,motion] of correlations [B,h,w,levels*(2r+1)^2] and flow [B,h,w,2] (in eighths); the flow is their end. */
export function encodeMotion(
  config: RaftConfig,
  parameters: Parameters,
  correlation: Tensor4D,
  flow: Tensor4D,
): Tensor4D {
  return tf.tidy(() => {
    const layer = (name: string, x: Tensor4D) =>
      conv2d(parameters, `update_block.encoder.${name}`, x, { activation: "relu" });
    let fromCorrelation = correlation;
    config.motionCorrelation.forEach((_, i) => {
      fromCorrelation = layer(`convc${i + 1}`, fromCorrelation);
    });
    const fromFlow = layer("convf2", layer("convf1", flow));
    return tf.concat([layer("conv", tf.concat([fromCorrelation, fromFlow], 3)), flow], 3);
  });
}

/** The flow's increment [B,h,w,2], in eighths, for a hidden state. */
export function flowIncrement(parameters: Parameters, hidden: Tensor4D): Tensor4D {
  return head(parameters, "flow_head.conv1", "flow_head.conv2", hidden);
}

/** Weights of convex up-sampling, before their softmax: [B,h,w,9*64]. The factor keeps gradients balanced (official code). */
export function upsamplingMask(parameters: Parameters, hidden: Tensor4D): Tensor4D {
  return tf.tidy(() => tf.mul(head(parameters, "mask.0", "mask.2", hidden), 0.25) as Tensor4D);
}

function head(parameters: Parameters, first: string, second: string, hidden: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const inner = conv2d(parameters, `update_block.${first}`, hidden, { activation: "relu" });
    return conv2d(parameters, `update_block.${second}`, inner);
  });
}

/** Input channels [start, start + count) of weights HWIO. */
function inputs(w: Tensor4D, start: number, count: number): Tensor4D {
  return tf.slice(w, [0, 0, start, 0], [w.shape[0], w.shape[1], count, w.shape[3]]);
}

/** Channels [start, start + count) of a map. */
function channels(x: Tensor4D, start: number, count: number): Tensor4D {
  return tf.slice(x, [0, 0, 0, start], [x.shape[0], x.shape[1], x.shape[2], count]);
}
