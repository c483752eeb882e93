// The gradient of 1 x 1 weights: one product of [O,pixels] with [pixels,C].
#pragma once
#include <ATen/core/Tensor.h>

namespace motioncue {

// Whether it is faster here than in oneDNN.
bool pointwiseGradientFits(int64_t channels, int64_t outputs);

// The gradient of the weights [O,C] from that of the result [...,O] and the input [...,C], both contiguous.
at::Tensor pointwiseWeightGradient(const at::Tensor& dy, const at::Tensor& x);

}  // namespace motioncue
