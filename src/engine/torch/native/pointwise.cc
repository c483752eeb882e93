#include "pointwise.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "lanes.h"

namespace motioncue {
namespace {

// Pixels that are worked on at once: a panel of either image stays in the first cache, all panels in the second.
constexpr int64_t kDepth = 192;
constexpr int64_t kPanelSize = kDepth * kPanel;

// `panels` panels side by side, from pixels that lie `row` apart, each to a stretch of its own: pixels whose distance is a multiple
// of 4 KB, as those of 1024 channels, would fall on the same lines of the first cache.
void pack(const float* from, int64_t row, int64_t depth, int64_t panels, float* to) {
  for (int64_t k = 0; k < depth; k++)
    for (int64_t panel = 0; panel < panels; panel++)
      std::memcpy(to + panel * kPanelSize + k * kPanel, from + k * row + panel * kPanel, kPanel * sizeof(float));
}

}  // namespace

bool pointwiseGradientFits(int64_t channels, int64_t outputs) {
#ifdef __AVX512F__
  // Elsewhere oneDNN is level or ahead; and every thread needs panels of its own.
  return channels % kPanel == 0 && outputs % kPanel == 0 && (outputs >= channels || channels >= 1024) && outputs / kPanel >= at::get_num_threads();
#else
  return false;
#endif
}

at::Tensor pointwiseWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  const int64_t channels = x.size(-1), outputs = dy.size(-1), pixels = x.numel() / channels, panels = channels / kPanel;
  auto out = at::empty({outputs, channels}, x.options());
  const float *from = x.data_ptr<float>(), *with = dy.data_ptr<float>();
  float* to = out.data_ptr<float>();
  at::parallel_for(0, outputs / kPanel, 1, [&](int64_t begin, int64_t end) {
    const int64_t own = end - begin;
    const std::unique_ptr<Lanes[]> room(new Lanes[(panels + own) * kPanelSize / kLanes]);
    float *image = reinterpret_cast<float*>(room.get()), *gradient = image + panels * kPanelSize;
    for (int64_t first = 0; first < pixels; first += kDepth) {
      const int64_t depth = std::min(kDepth, pixels - first);
      pack(from + first * channels, channels, depth, panels, image);
      pack(with + first * outputs + begin * kPanel, outputs, depth, own, gradient);
      for (int64_t panel = 0; panel < panels; panel++) {
        for (int64_t o = 0; o < own; o++) {
          multiply({gradient + o * kPanelSize, 1, kPanel, image + panel * kPanelSize, kPanel, depth, to + (begin + o) * kPanel * channels + panel * kPanel,
                    channels, first > 0},
                   kPanel);
        }
      }
    }
  });
  return out;
}

}  // namespace motioncue
