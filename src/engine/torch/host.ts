/** @file The host functions of src/engine/custom.ts in the native addon: they read and fill arrays and make no tensors. */
import type { HostFunctions } from "../custom.ts";
import { hostFunction } from "./native.ts";

export const torchHostFunctions: HostFunctions = {
  rasterize: hostFunction("rasterize"),
  visibleVertices: hostFunction("visibleVertices"),
};
