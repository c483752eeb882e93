// Strided 1 x 1 convolutions as ones without stride.
#pragma once
#include <ATen/core/Tensor.h>

namespace motioncue {

// The pixels of images [B,C,H,W] that a 1 x 1 convolution of this stride and no padding sees, channels-last in memory. For the
// gradient of the weights alone: oneDNN (2.7 at least) gathers these pixels itself, but with fewer than 16 channels writes past
// the end of the room that it sets aside for them.
inline at::Tensor seenPixels(const at::Tensor& x, at::IntArrayRef stride) {
  if (stride[0] == 1 && stride[1] == 1) return x;
  return x.slice(2, 0, c10::nullopt, stride[0]).slice(3, 0, c10::nullopt, stride[1]).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace motioncue
