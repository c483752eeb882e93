#pragma once
#include <node_api.h>

namespace motioncue {
void defineDispatch(napi_env env, napi_value exports);
void defineTransfer(napi_env env, napi_value exports);
void defineConvolution(napi_env env, napi_value exports);
void defineCorrelation(napi_env env, napi_value exports);
void defineInstanceNorm(napi_env env, napi_value exports);
void defineRaster(napi_env env, napi_value exports);
void defineSkinning(napi_env env, napi_value exports);
// Lets large allocations fail with an exception where memory is short (memory_guard.cc).
void guardMemory();
void defineLayers(napi_env env, napi_value exports);
void defineLayerGradients(napi_env env, napi_value exports);
void defineAdam(napi_env env, napi_value exports);
void defineRecurrence(napi_env env, napi_value exports);
void defineUpsampling(napi_env env, napi_value exports);
void defineSampling(napi_env env, napi_value exports);
void defineCorrelationDirect(napi_env env, napi_value exports);
}  // namespace motioncue
