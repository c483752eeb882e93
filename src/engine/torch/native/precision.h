// What convolutions compute in: float32, or bfloat16 with their results kept in bfloat16.
#pragma once
#include <ATen/core/Tensor.h>
#include <node_api.h>

namespace motioncue {
bool isHalf();
// `x` as convolutions take it: bfloat16 where that is asked for and `x` is a float.
at::Tensor inPrecision(const at::Tensor& x);
void definePrecision(napi_env env, napi_value exports);
}  // namespace motioncue
