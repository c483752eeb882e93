/** @file The fused kernels of src/engine/custom.ts. */
import { FUSED } from "../../custom.ts";
import { aten, atenMany, fused, fusedMany, type Handle } from "../native.ts";
import { bodyKernels } from "./body.ts";
import { flowKernels } from "./flow.ts";
import { type KernelTable, SCALAR_TYPE } from "./kernel.ts";
import { layerKernels } from "./layers.ts";

const instanceNorm = fusedMany("instanceNorm");
const instanceNormGradient = fused("instanceNormGradient");
const alias = aten("alias");
const toDtype = aten("to.dtype");
const thresholdBackward = aten("threshold_backward");
const batchNorm = atenMany("native_batch_norm");
const batchNormBackward = atenMany("native_batch_norm_backward");
const permute = aten("permute");
/** A [B,H,W,C] tensor as the channels-last view [B,C,H,W] that ATen's networks take, and back. */
const TO_TORCH = [0, 3, 1, 2];
const FROM_TORCH = [0, 2, 3, 1];

export const networkKernels: KernelTable = {
  ...bodyKernels,
  ...flowKernels,
  ...layerKernels,
  [FUSED.batchNorm]: (call) => {
    const x = permute(call.handle("x"), TO_TORCH);
    const [y, mean, rstd] = batchNorm(
      x,
      call.handle("scale"),
      call.handle("offset"),
      null,
      null,
      true,
      0,
      call.attr<number>("epsilon"),
    ) as [Handle, Handle, Handle];
    return [
      call.give(permute(y, FROM_TORCH), "float32"),
      call.give(alias(mean), "float32"),
      call.give(alias(rstd), "float32"),
    ];
  },
  [FUSED.batchNormGradient]: (call) => {
    const [dx, dscale, doffset] = batchNormBackward(
      permute(call.handle("dy"), TO_TORCH),
      permute(call.handle("x"), TO_TORCH),
      call.handle("scale"),
      null,
      null,
      call.handle("mean"),
      call.handle("rstd"),
      true,
      call.attr<number>("epsilon"),
      [true, true, true],
    ) as [Handle, Handle, Handle];
    return [
      call.give(permute(dx, FROM_TORCH), "float32"),
      call.give(alias(dscale), "float32"),
      call.give(alias(doffset), "float32"),
    ];
  },
  [FUSED.instanceNorm]: (call) => {
    const parts = instanceNorm(call.handle("x"), call.attr<number>("epsilon"));
    return parts.map((part) => call.give(alias(part), "float32"));
  },
  [FUSED.reluGradient]: (call) => {
    // In the precision of the layer that the gradient goes back through.
    if (!call.isHalf("y")) return call.give(thresholdBackward(call.handle("dy"), call.handle("y"), 0), "float32");
    const dy = call.isHalf("dy") ? call.raw("dy") : toDtype(call.raw("dy"), SCALAR_TYPE.bfloat16, false, false, null);
    return call.giveHalf(thresholdBackward(dy, call.raw("y"), 0));
  },
  [FUSED.instanceNormGradient]: (call) =>
    call.give(instanceNormGradient(call.handle("dy"), call.handle("y"), call.handle("rstd")), "float32"),
};
