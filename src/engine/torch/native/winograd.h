// Convolutions with 3 x 3 weights, stride 1 and a border of one zero, by Winograd's F(4x4, 3x3): a quarter of the products.
#pragma once
#include <ATen/core/Tensor.h>

namespace motioncue {

// Whether images [B,H,W,channels] give [B,H,W,outputs] faster here than in oneDNN.
bool winogradFits(at::IntArrayRef images, int64_t channels, int64_t outputs);

// Weights [O,C,3,3] (any strides) as `winograd` wants them; `backwards` those of the gradient of the input, from O to C channels.
at::Tensor winogradWeights(const at::Tensor& weight, bool backwards);

// relu?(convolution of x [B,H,W,C] + shift? [O] + residual? [B,H,W,O]); shift and residual may be undefined.
at::Tensor winograd(const at::Tensor& x, const at::Tensor& weights, int64_t outputs, const at::Tensor& shift, const at::Tensor& residual, bool relu);

// The gradient of the weights [O,C,3,3], channels-last, from that of the result [B,H,W,O] and the input [B,H,W,C].
at::Tensor winogradWeightGradient(const at::Tensor& dy, const at::Tensor& x);

}  // namespace motioncue
