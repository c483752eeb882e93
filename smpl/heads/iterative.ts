/** @file The iterative head of HMR and SPIN (Kanazawa et al. 2018, Kolotouros et al. 2019): repeated correction of a mean body. */
import { type Tensor, type Tensor2D, tf } from "../../src/engine/tf.ts";
import { linear } from "../../src/nn/layers.ts";
import { type Parameters, parameter } from "../../src/nn/parameters.ts";
import type { Dropout, Head } from "../head.ts";
import { addStateShapes, type BodyState, bodyOfState, corrected, meanState, STATE_SIZE, uprightBody } from "./body-state.ts"; // biome-ignore format: one line
import { filmGain, filmShapes } from "./film.ts";

export const iterativeHead: Head = {
  doc: "three corrections of a mean body by two linear layers (HMR, SPIN, EFT), from the mean of all places",
  published: {},
  shapes: ({ hidden, context }, featureCount) => {
    const shapes = new Map<string, readonly number[]>([
      ...filmShapes(context, featureCount),
      ["fc1.weight", [hidden, featureCount + STATE_SIZE]],
      ["fc1.bias", [hidden]],
      ["fc2.weight", [hidden, hidden]],
      ["fc2.bias", [hidden]],
    ]);
    addStateShapes(shapes, hidden);
    return shapes;
  },
  recognise: (shapes) => {
    const first = shapes.get("fc1.weight");
    const context = shapes.get("film.mix.weight")?.[1];
    return first && shapes.has("fc2.weight") ? { hidden: first[0]!, ...(context ? { context } : {}) } : undefined;
  },
  fixedValues: uprightBody,
  gain: (key) => filmGain(key) ?? (key.startsWith("dec") ? 0.01 : Math.sqrt(1 / 6)),
  estimate: (parameters, spec, features, dropout) =>
    tf.tidy(() => {
      const pooled = tf.mean(features, 1) as Tensor2D;
      return bodyOfState(iterate(parameters, pooled, spec.iterations, dropout).at(-1)!, spec);
    }),
};

/**
 * The state after each correction: from (features, state) two linear layers without activation between them, then one
 * linear layer per part of the state, whose output is added to it. All iterations share their weights.
 */
export function iterate(
  parameters: Parameters,
  features: Tensor2D,
  iterations: number,
  dropout?: Dropout,
): BodyState[] {
  return tf.tidy(() => {
    const [batch, count] = features.shape;
    const weight = parameter(parameters, "fc1.weight") as Tensor as Tensor2D;
    const ofState = tf.slice(weight, [count, 0]);
    // What the features say is the same every time; their weights are most of what a single frame has to read.
    const said = tf.add(tf.matMul(features, tf.slice(weight, [0, 0], [count, -1])), parameter(parameters, "fc1.bias"));
    let state = meanState(parameters, batch);
    return Array.from({ length: iterations }, (_, i) => {
      const whole = tf.concat([state.pose, state.shape, state.cam], 1);
      const first = drop(tf.add(said, tf.matMul(whole, ofState)), dropout, `${i}/fc1`);
      const second = drop(linear(parameters, "fc2", first), dropout, `${i}/fc2`);
      state = corrected(parameters, state, second);
      return state;
    });
  });
}

function drop(x: Tensor2D, dropout: Dropout | undefined, key: string): Tensor2D {
  if (!dropout) return x;
  return tf.dropout(x, dropout.rate ?? 0.5, undefined, `${dropout.seed}/${key}`) as Tensor2D;
}
