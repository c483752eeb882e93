// RAFT's correlation look-up from the feature maps themselves: the dot products of each window are computed when they are looked
// at, so that the volume of all pairs, which grows with the fourth power of the image's side, never exists. Same result as
// correlation.cc on the volume.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

typedef float Lanes __attribute__((vector_size(64), aligned(4), may_alias));

float dot(const float* a, const float* b, int64_t count) {
  Lanes sum = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) sum += *reinterpret_cast<const Lanes*>(a + i) * *reinterpret_cast<const Lanes*>(b + i);
  float total = 0;
  for (int lane = 0; lane < 16; lane++) total += sum[lane];
  for (; i < count; i++) total += a[i] * b[i];
  return total;
}

struct Maps {
  at::Tensor first, coords;        // [B,h,w,C], [B*h*w,2]
  std::vector<at::Tensor> levels;  // [B,h_l,w_l,C]
  int64_t radius, side, channels, queries, perImage;

  // first, maps[], coords, radius
  Maps(const Arguments& in, size_t at) : first(in.tensor(at).contiguous()), coords(in.tensor(at + 2).contiguous()), radius(in.integer(at + 3)) {
    side = 2 * radius + 1;
    channels = first.size(3);
    queries = first.numel() / std::max<int64_t>(1, channels);
    perImage = first.size(1) * first.size(2);
    for (const auto handle : in.integers(at + 1)) levels.push_back(tensorOf(static_cast<int32_t>(handle)).contiguous());
    for (const auto& level : levels)
      if (level.dim() != 4 || level.size(0) != first.size(0) || level.size(3) != channels) throw std::runtime_error("correlationDirect: the maps do not fit together");
    if (coords.numel() != 2 * queries) throw std::runtime_error("correlationDirect: expected a place for each position");
  }
  int64_t outputs() const { return static_cast<int64_t>(levels.size()) * side * side; }
};

// Where the window of query q lies on a level: its corner, the fractions that all its samples share, the weights of the four pixels.
struct Window {
  int64_t x, y;
  float weight[4];
};

Window windowAt(const float* coords, int64_t q, size_t level, int64_t radius) {
  const float scale = 1.0f / static_cast<float>(1 << level), x = coords[2 * q] * scale, y = coords[2 * q + 1] * scale;
  // Far outside, or not a number: a window that touches nothing.
  if (!(std::fabs(x) < 1e6f) || !(std::fabs(y) < 1e6f)) return {-1000000, -1000000, {0, 0, 0, 0}};
  const float left = std::floor(x), top = std::floor(y), fx = x - left, fy = y - top;
  return {static_cast<int64_t>(left) - radius, static_cast<int64_t>(top) - radius, {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy}};
}

// correlationDirect(first, maps[], coords, radius) -> [Q, levels * side^2], the x offset slower
napi_value direct(const Arguments& in) {
  const Maps m(in, 0);
  auto out = at::empty({m.queries, m.outputs()}, m.first.options());
  const float *first = m.first.data_ptr<float>(), *coords = m.coords.data_ptr<float>();
  const int64_t side = m.side, wide = side + 1;
  at::parallel_for(0, m.queries, 16, [&](int64_t begin, int64_t end) {
    std::vector<float> patch(wide * wide);
    for (int64_t q = begin; q < end; q++) {
      float* sample = out.data_ptr<float>() + q * m.outputs();
      for (size_t l = 0; l < m.levels.size(); l++) {
        const int64_t h = m.levels[l].size(1), w = m.levels[l].size(2);
        const float* map = m.levels[l].data_ptr<float>() + q / m.perImage * h * w * m.channels;
        const Window at = windowAt(coords, q, l, m.radius);
        for (int64_t j = 0; j < wide; j++) {
          for (int64_t i = 0; i < wide; i++) {
            const int64_t x = at.x + i, y = at.y + j;
            const bool inside = x >= 0 && x < w && y >= 0 && y < h;
            patch[j * wide + i] = inside ? dot(first + q * m.channels, map + (y * w + x) * m.channels, m.channels) : 0.0f;
          }
        }
        for (int64_t i = 0; i < side; i++) {
          for (int64_t j = 0; j < side; j++) {
            const float* p = patch.data() + j * wide + i;
            *sample++ = at.weight[0] * p[0] + at.weight[1] * p[1] + at.weight[2] * p[wide] + at.weight[3] * p[wide + 1];
          }
        }
      }
    }
  });
  return result(in.env, out);
}

// correlationDirectGradient(dy, first, maps[], coords, radius) -> [dFirst, dMaps...]
napi_value directGradient(const Arguments& in) {
  const auto dy = in.tensor(0).contiguous();
  const Maps m(in, 1);
  if (dy.numel() != m.queries * m.outputs()) throw std::runtime_error("correlationDirectGradient: the gradient has another size");
  const int64_t levels = static_cast<int64_t>(m.levels.size()), images = m.first.size(0), side = m.side, wide = side + 1, channels = m.channels;
  // Windows overlap, so an image's level is one thread's; what levels add to the first map is kept apart until the end.
  std::vector<at::Tensor> gradients(1), shares;
  for (const auto& level : m.levels) {
    gradients.push_back(at::zeros(level.sizes(), level.options()));
    shares.push_back(at::zeros(m.first.sizes(), m.first.options()));
  }
  const float *first = m.first.data_ptr<float>(), *coords = m.coords.data_ptr<float>();
  at::parallel_for(0, images * levels, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> patch(wide * wide);
    for (int64_t task = begin; task < end; task++) {
      const int64_t image = task / levels, l = task % levels, h = m.levels[l].size(1), w = m.levels[l].size(2);
      const float* map = m.levels[l].data_ptr<float>() + image * h * w * channels;
      float *dMap = gradients[l + 1].data_ptr<float>() + image * h * w * channels, *dFirst = shares[l].data_ptr<float>();
      for (int64_t q = image * m.perImage; q < (image + 1) * m.perImage; q++) {
        const Window at = windowAt(coords, q, l, m.radius);
        std::fill(patch.begin(), patch.end(), 0.0f);
        const float* sample = dy.data_ptr<float>() + q * m.outputs() + l * side * side;
        for (int64_t i = 0; i < side; i++) {
          for (int64_t j = 0; j < side; j++) {
            const float g = *sample++;
            float* p = patch.data() + j * wide + i;
            p[0] += at.weight[0] * g;
            p[1] += at.weight[1] * g;
            p[wide] += at.weight[2] * g;
            p[wide + 1] += at.weight[3] * g;
          }
        }
        for (int64_t j = 0; j < wide; j++) {
          for (int64_t i = 0; i < wide; i++) {
            const int64_t x = at.x + i, y = at.y + j;
            if (x < 0 || x >= w || y < 0 || y >= h) continue;
            const float g = patch[j * wide + i];
            const int64_t place = (y * w + x) * channels;
            for (int64_t c = 0; c < channels; c++) dFirst[q * channels + c] += g * map[place + c];
            for (int64_t c = 0; c < channels; c++) dMap[place + c] += g * first[q * channels + c];
          }
        }
      }
    }
  });
  for (size_t l = 1; l < shares.size(); l++) shares[0].add_(shares[l]);
  gradients[0] = shares[0];
  return results(in.env, gradients);
}

}  // namespace

void defineCorrelationDirect(napi_env env, napi_value exports) {
  define(env, exports, "correlationDirect", direct);
  define(env, exports, "correlationDirectGradient", directGradient);
}

}  // namespace motioncue
