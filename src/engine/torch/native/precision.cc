#include "precision.h"

#include "tensors.h"

namespace motioncue {
namespace {
bool half = false;

// setHalf(boolean)
napi_value setHalf(const Arguments& in) {
  half = in.boolean(0);
  return nullptr;
}
}  // namespace

bool isHalf() { return half; }

at::Tensor inPrecision(const at::Tensor& x) { return half && x.scalar_type() == at::kFloat ? x.to(at::kBFloat16) : x; }

void definePrecision(napi_env env, napi_value exports) { define(env, exports, "setHalf", setHalf); }

}  // namespace motioncue
