// Where tensors live: the CPU, or one CUDA device. Nothing here needs CUDA's own headers.
#pragma once
#include <c10/core/Device.h>
#include <node_api.h>

namespace motioncue {
// The device that new tensors are made on.
at::Device device();
// Everything that was asked of the device is done when this returns.
void synchronize();
void defineDevice(napi_env env, napi_value exports);
}  // namespace motioncue
