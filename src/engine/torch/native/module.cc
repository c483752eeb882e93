// The addon's entry.
#include "dispatch.h"

NAPI_MODULE_INIT() {
  motioncue::defineDispatch(env, exports);
  motioncue::defineTransfer(env, exports);
  motioncue::defineConvolution(env, exports);
  motioncue::defineCorrelation(env, exports);
  motioncue::defineInstanceNorm(env, exports);
  return exports;
}
