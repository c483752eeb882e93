/** @file NeuFlow v2's weights: read strictly, and made ready for use, with every batch norm folded away. */
import { type Tensor, type Tensor4D, tf } from "../src/engine/tf.ts";
import type { HostTensor } from "../src/io/host-tensor.ts";
import {
  disposeParameters,
  matchParameters,
  type Parameters,
  parameter,
  parametersFromHost,
} from "../src/nn/parameters.ts";
import { BLOCKS, neuflowLayout, neuflowShapes } from "./neuflow-config.ts";
import { renameTensors } from "./weight-layout.ts";

const EPSILON = 1e-5;

/**
 * Weights for the network's functions from `tensors` in PyTorch layout, under official names. Norms after a convolution
 * are folded into it (`KEY.weight`, `KEY.bias`), the one after the attention into a factor and an offset. Throws
 * FormatError that lists missing, unused and misshapen tensors; `where` begins it.
 */
export function neuflowParameters(where: string, tensors: ReadonlyMap<string, HostTensor>): Parameters {
  const raw = parametersFromHost(matchParameters(where, neuflowShapes(), renameTensors([neuflowLayout()], tensors)));
  const folded: Parameters = new Map();
  const norms = new Set<string>();
  const fold = (key: string, norm: string) => {
    const { gain, offset } = affine(raw, norm);
    keep(folded, `${key}.weight`, () => tf.mul(parameter(raw, `${key}.weight`) as Tensor as Tensor4D, gain));
    keep(folded, `${key}.bias`, () => offset);
    norms.add(norm);
  };
  tf.tidy(() => {
    for (const { key } of Object.values(BLOCKS)) for (const n of [1, 2]) fold(`${key}.conv${n}`, `${key}.norm${n}`);
    for (const key of ["merge_s8", "context_merge_s8"]) fold(`${key}.2`, `${key}.3`);
    const { gain, offset } = affine(raw, "cross_attn_s16.norm");
    norms.add("cross_attn_s16.norm");
    keep(folded, "cross_attn_s16.norm.weight", () => gain);
    keep(folded, "cross_attn_s16.norm.bias", () => offset);
  });
  for (const [key, variable] of [...raw]) {
    if (folded.has(key) || norms.has(key.slice(0, key.lastIndexOf(".")))) continue;
    folded.set(key, variable);
    raw.delete(key);
  }
  disposeParameters(raw);
  return folded;
}

/** A frozen batch norm as x * gain + offset. */
function affine(parameters: Parameters, norm: string): { gain: Tensor; offset: Tensor } {
  const of = (name: string) => parameter(parameters, `${norm}.${name}`);
  const gain = tf.mul(of("weight"), tf.rsqrt(tf.add(of("running_var"), EPSILON)));
  return { gain, offset: tf.sub(of("bias"), tf.mul(of("running_mean"), gain)) };
}

function keep(folded: Parameters, key: string, value: () => Tensor): void {
  folded.set(key, tf.variable(value(), false));
}
