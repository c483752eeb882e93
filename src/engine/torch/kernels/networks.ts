/** @file The fused kernels of src/engine/custom.ts. */
import { FUSED } from "../../custom.ts";
import { aten, fused, fusedMany, type Handle } from "../native.ts";
import type { KernelTable } from "./kernel.ts";

const lookup = fused("correlationLookup");
const lookupGradient = fusedMany("correlationLookupGradient");
const instanceNorm = fusedMany("instanceNorm");
const instanceNormGradient = fused("instanceNormGradient");
const alias = aten("alias");

export const networkKernels: KernelTable = {
  [FUSED.correlationLookup]: (call) => {
    const volumes: Handle[] = [];
    while (call.inputs[`volume${volumes.length}`]) volumes.push(call.handle(`volume${volumes.length}`));
    return call.give(lookup(volumes, call.handle("coords"), call.attr<number>("radius")), "float32");
  },
  [FUSED.correlationLookupGradient]: (call) => {
    const parts = lookupGradient(
      call.handle("dy"),
      call.handle("coords"),
      call.attr<number>("radius"),
      call.attr<number[]>("sizes"),
    );
    return parts.map((part) => call.give(alias(part), "float32"));
  },
  [FUSED.instanceNorm]: (call) => {
    const parts = instanceNorm(call.handle("x"), call.attr<number>("epsilon"));
    return parts.map((part) => call.give(alias(part), "float32"));
  },
  [FUSED.instanceNormGradient]: (call) =>
    call.give(instanceNormGradient(call.handle("dy"), call.handle("y"), call.handle("rstd")), "float32"),
};
