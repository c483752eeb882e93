/**
 * @file The transformer decoder of HMR2.0 (Goel et al., ICCV 2023): one token looks at all places of the image, layer by
 * layer, and corrects a mean body. Names as in its release, without the prefix `smpl_head.`.
 */
import { type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { type Parameters, parameter } from "../../src/nn/parameters.ts";
import { attention, gelu, layerNorm, parts, tokenLinear } from "../attention.ts";
import type { Head } from "../head.ts";
import type { RegressorSpec } from "../regressor-spec.ts";
import { addStateShapes, bodyOfState, corrected, meanState, uprightBody } from "./body-state.ts";

const EPSILON = 1e-5;
const LAYERS = "transformer.transformer.layers";

export const decoderHead: Head = {
  doc: "one token that attends to all places through a transformer decoder (HMR2.0)",
  published: { hidden: 1024, iterations: 1, rotation6d: "columns-stacked" },
  shapes: ({ hidden, decoder: { depth, heads, headWidth, inner } }, featureCount) => {
    const wide = heads * headWidth;
    const shapes = new Map<string, readonly number[]>();
    const addLayer = (key: string, ...weight: number[]) => {
      shapes.set(`${key}.weight`, weight);
      shapes.set(`${key}.bias`, [weight[0]!]);
    };
    shapes.set("transformer.pos_embedding", [1, 1, hidden]);
    addLayer("transformer.to_token_embedding", hidden, 1);
    for (let layer = 0; layer < depth; layer++) {
      const key = (part: number, name: string) => `${LAYERS}.${layer}.${part}.${name}`;
      for (const part of [0, 1, 2]) addLayer(key(part, "norm"), hidden);
      shapes.set(key(0, "fn.to_qkv.weight"), [3 * wide, hidden]);
      shapes.set(key(1, "fn.to_kv.weight"), [2 * wide, featureCount]);
      shapes.set(key(1, "fn.to_q.weight"), [wide, hidden]);
      for (const part of [0, 1]) addLayer(key(part, "fn.to_out.0"), hidden, wide);
      addLayer(key(2, "fn.net.0"), inner, hidden);
      addLayer(key(2, "fn.net.3"), hidden, inner);
    }
    addStateShapes(shapes, hidden);
    return shapes;
  },
  recognise: (shapes) => {
    const token = shapes.get("transformer.to_token_embedding.weight");
    const wide = shapes.get(`${LAYERS}.0.1.fn.to_q.weight`)?.[0];
    const inner = shapes.get(`${LAYERS}.0.2.fn.net.0.weight`)?.[0];
    if (!token || !wide || !inner) return undefined;
    let depth = 0;
    while (shapes.has(`${LAYERS}.${depth}.0.norm.weight`)) depth++;
    // Head counts leave no trace in the shapes; published heads have 64 channels.
    const headWidth = Math.min(64, wide);
    return { hidden: token[0]!, decoder: { depth, heads: Math.floor(wide / headWidth), headWidth, inner } };
  },
  fixedValues: uprightBody,
  gain: (key) => (key.startsWith("dec") ? 0.01 : Math.sqrt(1 / 2)),
  estimate: (parameters, spec, features) =>
    tf.tidy(() => {
      const seen = tf.reshape(decode(parameters, spec, features), [-1, spec.hidden]) as Tensor2D;
      let state = meanState(parameters, features.shape[0]);
      // The token does not depend on the state, so every iteration adds the same, as in the release.
      for (let i = 0; i < spec.iterations; i++) state = corrected(parameters, state, seen);
      return bodyOfState(state, spec);
    }),
};

/** The token [B,1,hidden] after all layers. What it begins from is zero, as in the release. */
function decode(parameters: Parameters, { decoder }: RegressorSpec, features: Tensor3D): Tensor3D {
  const zero = tf.zeros([features.shape[0], 1, 1]) as Tensor3D;
  const token = tokenLinear(parameters, "transformer.to_token_embedding", zero);
  let x = tf.add(token, parameter(parameters, "transformer.pos_embedding")) as Tensor3D;
  for (let layer = 0; layer < decoder.depth; layer++) {
    const linear = (part: number, name: string, input: Tensor3D) =>
      tokenLinear(parameters, `${LAYERS}.${layer}.${part}.fn.${name}`, input);
    const add = (part: number, change: (normalised: Tensor3D) => Tensor3D) => {
      x = tf.add(x, change(layerNorm(parameters, `${LAYERS}.${layer}.${part}.norm`, x, EPSILON))) as Tensor3D;
    };
    add(0, (y) => {
      const [queries, keys, values] = parts(linear(0, "to_qkv", y), 3);
      return linear(0, "to_out.0", attention(queries!, keys!, values!, decoder.heads));
    });
    add(1, (y) => {
      const [keys, values] = parts(linear(1, "to_kv", features), 2);
      return linear(1, "to_out.0", attention(linear(1, "to_q", y), keys!, values!, decoder.heads));
    });
    add(2, (y) => linear(2, "net.3", gelu(linear(2, "net.0", y))));
  }
  return x;
}
