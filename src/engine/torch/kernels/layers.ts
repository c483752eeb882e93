/** @file A network's layer as one kernel: convolution, folded batch norm, residual and relu; and its gradients. */
import { FUSED } from "../../custom.ts";
import { type Argument, aten, fused, fusedMany } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";

const layer = fused("layer");
const layerInputGradient = fused("layerInputGradient");
const layerWeightGradient = fusedMany("layerWeightGradient");
const alias = aten("alias");

/** The arguments that describe the layer itself. */
function layerOf(call: KernelCall): Argument[] {
  const norm = ["gamma", "beta", "mean", "variance"].filter((name) => call.inputs[name]);
  return [
    call.handle("weight"),
    call.inputs["bias"] ? call.handle("bias") : null,
    norm.map((name) => call.handle(name)),
    call.attr<number>("epsilon"),
    [call.attr<number>("stride"), ...call.attr<number[]>("padding")],
  ];
}

export const layerKernels: KernelTable = {
  [FUSED.layer]: (call) => {
    const residual = call.inputs["residual"] ? call.raw("residual") : null;
    return call.giveHalf(layer(call.raw("x"), residual, call.attr<number>("relu") === 1, ...layerOf(call)));
  },
  [FUSED.layerInputGradient]: (call) =>
    call.giveHalf(layerInputGradient(call.raw("dz"), call.attr<number[]>("inputShape"), ...layerOf(call))),
  [FUSED.layerWeightGradient]: (call) => {
    const parts = layerWeightGradient(call.raw("dz"), call.raw("x"), ...layerOf(call));
    return parts.map((part) => call.give(alias(part), "float32"));
  },
};
