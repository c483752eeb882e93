// The addon's entry.
#include "device.h"
#include "dispatch.h"
#include "precision.h"

NAPI_MODULE_INIT() {
  motioncue::guardMemory();
  motioncue::defineDevice(env, exports);
  motioncue::defineDispatch(env, exports);
  motioncue::defineTransfer(env, exports);
  motioncue::defineConvolution(env, exports);
  motioncue::defineCorrelation(env, exports);
  motioncue::defineInstanceNorm(env, exports);
  motioncue::defineRaster(env, exports);
  motioncue::defineSkinning(env, exports);
  motioncue::defineLayers(env, exports);
  motioncue::defineLayerGradients(env, exports);
  motioncue::defineAdam(env, exports);
  motioncue::defineRecurrence(env, exports);
  motioncue::defineUpsampling(env, exports);
  motioncue::defineSampling(env, exports);
  motioncue::defineCorrelationDirect(env, exports);
  motioncue::definePrecision(env, exports);
  return exports;
}
