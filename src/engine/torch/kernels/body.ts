/** @file Linear blend skinning, fused. */
import { FUSED } from "../../custom.ts";
import { aten, fusedMany, type Handle } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";

const skin = fusedMany("skin");
const skinGradient = fusedMany("skinGradient");
const alias = aten("alias");
const PACKED = ["blend", "template", "weights", "weightJoints", "weightStarts", "jointShapes", "jointTemplate"];

function body(call: KernelCall): [...handles: Handle[], parents: readonly number[], vertexCount: number] {
  const handles = ["rotations", "betas", ...PACKED].map((name) => call.handle(name));
  return [...handles, call.attr<number[]>("parents"), call.attr<number>("vertexCount")] as never;
}

export const bodyKernels: KernelTable = {
  [FUSED.skin]: (call) => {
    const parts = skin(...body(call), call.inputs["transl"] ? call.handle("transl") : null);
    return parts.map((part) => call.give(alias(part), "float32"));
  },
  [FUSED.skinGradient]: (call) => {
    const parts = skinGradient(...body(call), call.handle("dVertices"), call.handle("dJoints"));
    return parts.map((part) => call.give(alias(part), "float32"));
  },
};
