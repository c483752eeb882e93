#include "pointwise.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "lanes.h"

namespace motioncue {
namespace {
// Pixels that are worked on at once: what they need of both images stays in the second cache.
constexpr int64_t kDepth = 192;
}  // namespace

bool pointwiseGradientFits(int64_t channels, int64_t outputs) {
#ifdef __AVX512F__
  // Elsewhere oneDNN is level or ahead; and every thread needs panels of its own.
  return channels % kPanel == 0 && (outputs >= channels || channels >= 1024) && channels / kPanel >= at::get_num_threads();
#else
  return false;
#endif
}

at::Tensor pointwiseWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  const int64_t channels = x.size(-1), outputs = dy.size(-1), pixels = x.numel() / channels, panels = channels / kPanel;
  auto out = at::empty({outputs, channels}, x.options());
  const float *from = x.data_ptr<float>(), *with = dy.data_ptr<float>();
  float* to = out.data_ptr<float>();
  at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t first = 0; first < pixels; first += kDepth) {
      const int64_t depth = std::min(kDepth, pixels - first);
      for (int64_t panel = begin; panel < end; panel++) {
        multiply({with + first * outputs, 1, outputs, from + first * channels + panel * kPanel, channels, depth, to + panel * kPanel, channels, first > 0}, outputs);
      }
    }
  });
  return out;
}

}  // namespace motioncue
