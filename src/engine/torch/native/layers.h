// Convolutions for other files of the addon: NHWC images, HWIO weights, stride 1, zero padding floor(kernel / 2) on every side.
#pragma once
#include <ATen/core/Tensor.h>

#include <utility>

namespace motioncue {
at::Tensor convolveSame(const at::Tensor& x, const at::Tensor& weight);
// The gradients of x and of the weights.
std::pair<at::Tensor, at::Tensor> convolveSameGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight);
}  // namespace motioncue
