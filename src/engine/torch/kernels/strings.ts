/** @file String tensors: they stay in JavaScript, so kernels that take them run on tfjs's cpu backend. */
import type { NamedAttrMap, NamedTensorInfoMap } from "@tensorflow/tfjs-core";

/** Native kernels that hand over to the cpu backend's when a tensor that they are given or asked for holds strings. */
export const STRING_KERNELS: ReadonlySet<string> = new Set([
  "Concat",
  "Equal",
  "ExpandDims",
  "Fill",
  "GatherNd",
  "GatherV2",
  "Greater",
  "GreaterEqual",
  "Identity",
  "Less",
  "LessEqual",
  "NotEqual",
  "Pack",
  "Reshape",
  "Reverse",
  "ScatterNd",
  "Slice",
  "SparseToDense",
  "SplitV",
  "StridedSlice",
  "TensorScatterUpdate",
  "Tile",
  "Transpose",
  "Unpack",
]);

/** Whether a call has to do with strings: one of its inputs, or the value that it fills with. */
export function hasStrings(inputs: NamedTensorInfoMap, attrs: NamedAttrMap): boolean {
  for (const name in inputs) if (inputs[name]?.dtype === "string") return true;
  return attrs["dtype"] === "string" || typeof attrs["value"] === "string";
}
