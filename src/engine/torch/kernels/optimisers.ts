/** @file Optimiser steps as fused kernels. */
import { FUSED } from "../../custom.ts";
import { aten, fusedMany } from "../native.ts";
import type { KernelTable } from "./kernel.ts";

const adam = fusedMany("adam");
const alias = aten("alias");

export const optimiserKernels: KernelTable = {
  [FUSED.adam]: (call) => {
    const numbers = ["rate", "floor", "beta1", "beta2"].map((name) => call.attr<number>(name));
    const tensors = ["parameter", "gradient", "first", "second"].map((name) => call.handle(name));
    return adam(...tensors, ...numbers).map((part) => call.give(alias(part), "float32"));
  },
};
