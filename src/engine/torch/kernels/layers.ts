/** @file A network's layer as one kernel: convolution, folded batch norm, residual and relu; and its gradients. */
import { FUSED } from "../../custom.ts";
import { type Argument, aten, fused, fusedMany } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";

const layer = fused("layer");
const layerGradient = fusedMany("layerGradient");
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
  [FUSED.layerGradient]: (call) => {
    const [wantsInput, wantsResidual] = [
      call.attr<number>("wantsInput") === 1,
      call.attr<number>("wantsResidual") === 1,
    ];
    const y = call.inputs["y"] ? call.raw("y") : null;
    const parts = layerGradient(call.raw("dy"), y, call.raw("x"), wantsInput, wantsResidual, ...layerOf(call));
    // The images come last, in the precision of the layer.
    const images = parts.length - Number(wantsInput) - Number(wantsResidual);
    return parts.map((part, i) => (i < images ? call.give(alias(part), "float32") : call.giveHalf(alias(part))));
  },
};
