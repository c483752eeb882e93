/** @file Fused kernels of flow networks: look-ups in correlations, the recurrence, convex up-sampling, reading images at points. */
import { FUSED } from "../../custom.ts";
import { aten, fused, fusedMany, type Handle } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";

const lookup = fused("correlationLookup");
const lookupGradient = fusedMany("correlationLookupGradient");
const direct = fused("correlationDirect");
const directGradient = fusedMany("correlationDirectGradient");
const recurrence = fusedMany("recurrence");
const recurrenceGradient = fusedMany("recurrenceGradient");
const convexUpsample = fused("convexUpsample");
const convexUpsampleGradient = fusedMany("convexUpsampleGradient");
const sampleImages = fused("sampleImages");
const sampleImagesGradient = fused("sampleImagesGradient");
const alias = aten("alias");

const handles = (call: KernelCall, ...names: readonly string[]): Handle[] => names.map((name) => call.handle(name));
const give = (call: KernelCall, parts: readonly Handle[]) => parts.map((part) => call.give(alias(part), "float32"));

/** The inputs `<name>0`, `<name>1` and so on. */
function numbered(call: KernelCall, name: string): Handle[] {
  const found: Handle[] = [];
  while (call.inputs[`${name}${found.length}`]) found.push(call.handle(`${name}${found.length}`));
  return found;
}

export const flowKernels: KernelTable = {
  [FUSED.correlationLookup]: (call) => {
    return call.give(lookup(numbered(call, "volume"), call.handle("coords"), call.attr<number>("radius")), "float32");
  },
  [FUSED.correlationLookupGradient]: (call) => {
    const parts = lookupGradient(
      call.handle("dy"),
      call.handle("coords"),
      call.attr<number>("radius"),
      call.attr<number[]>("sizes"),
    );
    return give(call, parts);
  },
  [FUSED.correlationDirect]: (call) => {
    const maps = numbered(call, "map");
    return call.give(direct(call.handle("first"), maps, call.handle("coords"), call.attr<number>("radius")), "float32");
  },
  [FUSED.correlationDirectGradient]: (call) => {
    const maps = numbered(call, "map");
    const radius = call.attr<number>("radius");
    return give(call, directGradient(...handles(call, "dy", "first"), maps, call.handle("coords"), radius));
  },
  [FUSED.recurrence]: (call) => {
    const names = ["hidden", "motion", "gates", "candidate", "contextGates", "contextCandidate"];
    return give(call, recurrence(...handles(call, ...names)));
  },
  [FUSED.recurrenceGradient]: (call) => {
    const names = ["dy", "hidden", "motion", "gates", "candidate", "zr", "q"];
    return give(call, recurrenceGradient(...handles(call, ...names)));
  },
  [FUSED.convexUpsample]: (call) => call.give(convexUpsample(...handles(call, "flow", "mask")), "float32"),
  [FUSED.convexUpsampleGradient]: (call) => give(call, convexUpsampleGradient(...handles(call, "dy", "flow", "mask"))),
  [FUSED.sampleImages]: (call) => call.give(sampleImages(...handles(call, "images", "points")), "float32"),
  [FUSED.sampleImagesGradient]: (call) => {
    const wantsImages = call.attr<number>("wantsImages") === 1;
    return call.give(sampleImagesGradient(...handles(call, "dy", "images", "points"), wantsImages), "float32");
  },
};
