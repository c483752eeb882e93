// RAFT's look-up in a pyramid of all-pairs correlation volumes, and its gradient with respect to the volumes.
// volume l: [Q, h_l, w_l], row q holds the correlation of query pixel q with every pixel of level l.
// coords: [Q, 2] (x, y) at level 0. Output: [Q, levels * (2r+1)^2]; within a level the x offset is the slower one
// (the published networks' order). Samples are bilinear, zero outside.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <stdexcept>

#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

struct Window {
  int64_t x0, y0;  // integer corner of the window's first sample
  float fx, fy;    // the fraction that all samples of the window share
};

Window windowAt(const float* coords, int64_t q, int level, int64_t radius) {
  const float scale = 1.0f / static_cast<float>(1 << level);
  const float x = coords[2 * q] * scale, y = coords[2 * q + 1] * scale;
  // Far outside, or not a number: a window that touches nothing.
  if (!(std::fabs(x) < 1e6f) || !(std::fabs(y) < 1e6f)) return {-1000000, -1000000, 0.0f, 0.0f};
  const float bx = std::floor(x), by = std::floor(y);
  return {static_cast<int64_t>(bx) - radius, static_cast<int64_t>(by) - radius, x - bx, y - by};
}

// correlationLookup(volumes[], coords, radius)
napi_value lookup(const Arguments& in) {
  std::vector<at::Tensor> volumes;
  for (const auto handle : in.integers(0)) volumes.push_back(tensorOf(static_cast<int32_t>(handle)).contiguous());
  const auto coords = in.tensor(1).contiguous();
  const int64_t radius = in.integer(2), side = 2 * radius + 1, queries = coords.size(0);
  const int64_t levels = static_cast<int64_t>(volumes.size()), channels = levels * side * side;
  auto out = at::empty({queries, channels}, coords.options());
  float* target = out.data_ptr<float>();
  const float* places = coords.data_ptr<float>();
  at::parallel_for(0, queries, 64, [&](int64_t begin, int64_t end) {
    std::vector<float> patch((side + 1) * (side + 1));
    for (int64_t q = begin; q < end; q++) {
      for (int64_t level = 0; level < levels; level++) {
        const at::Tensor& volume = volumes[level];
        const int64_t h = volume.size(1), w = volume.size(2);
        const float* row = volume.data_ptr<float>() + q * h * w;
        const Window at = windowAt(places, q, static_cast<int>(level), radius);
        for (int64_t j = 0; j <= side; j++) {
          const int64_t y = at.y0 + j;
          for (int64_t i = 0; i <= side; i++) {
            const int64_t x = at.x0 + i;
            patch[j * (side + 1) + i] = (y >= 0 && y < h && x >= 0 && x < w) ? row[y * w + x] : 0.0f;
          }
        }
        const float w00 = (1 - at.fx) * (1 - at.fy), w10 = at.fx * (1 - at.fy), w01 = (1 - at.fx) * at.fy, w11 = at.fx * at.fy;
        float* sample = target + q * channels + level * side * side;
        for (int64_t i = 0; i < side; i++) {
          for (int64_t j = 0; j < side; j++) {
            const float* p = patch.data() + j * (side + 1) + i;
            *sample++ = w00 * p[0] + w10 * p[1] + w01 * p[side + 1] + w11 * p[side + 2];
          }
        }
      }
    }
  });
  return result(in.env, out);
}

// correlationLookupGradient(dy, coords, radius, [h0, w0, h1, w1, ...]) -> a list of [Q, h_l, w_l]
napi_value lookupGradient(const Arguments& in) {
  const auto dy = in.tensor(0).contiguous();
  const auto coords = in.tensor(1).contiguous();
  const int64_t radius = in.integer(2), side = 2 * radius + 1, queries = coords.size(0);
  const auto sizes = in.integers(3);
  const int64_t levels = static_cast<int64_t>(sizes.size() / 2), channels = levels * side * side;
  if (dy.numel() != queries * channels) throw std::runtime_error("correlationLookupGradient: dy does not fit the levels");
  std::vector<at::Tensor> gradients;
  for (int64_t level = 0; level < levels; level++) gradients.push_back(at::zeros({queries, sizes[2 * level], sizes[2 * level + 1]}, dy.options()));
  const float* source = dy.data_ptr<float>();
  const float* places = coords.data_ptr<float>();
  // Every query writes into its own row of each volume, so queries can be shared out among threads.
  at::parallel_for(0, queries, 64, [&](int64_t begin, int64_t end) {
    std::vector<float> patch((side + 1) * (side + 1));
    for (int64_t q = begin; q < end; q++) {
      for (int64_t level = 0; level < levels; level++) {
        const int64_t h = sizes[2 * level], w = sizes[2 * level + 1];
        float* row = gradients[level].data_ptr<float>() + q * h * w;
        const Window at = windowAt(places, q, static_cast<int>(level), radius);
        const float w00 = (1 - at.fx) * (1 - at.fy), w10 = at.fx * (1 - at.fy), w01 = (1 - at.fx) * at.fy, w11 = at.fx * at.fy;
        std::fill(patch.begin(), patch.end(), 0.0f);
        const float* sample = source + q * channels + level * side * side;
        for (int64_t i = 0; i < side; i++) {
          for (int64_t j = 0; j < side; j++) {
            const float g = *sample++;
            float* p = patch.data() + j * (side + 1) + i;
            p[0] += w00 * g;
            p[1] += w10 * g;
            p[side + 1] += w01 * g;
            p[side + 2] += w11 * g;
          }
        }
        for (int64_t j = 0; j <= side; j++) {
          const int64_t y = at.y0 + j;
          if (y < 0 || y >= h) continue;
          for (int64_t i = 0; i <= side; i++) {
            const int64_t x = at.x0 + i;
            if (x >= 0 && x < w) row[y * w + x] += patch[j * (side + 1) + i];
          }
        }
      }
    }
  });
  return results(in.env, gradients);
}

}  // namespace

void defineCorrelation(napi_env env, napi_value exports) {
  define(env, exports, "correlationLookup", lookup);
  define(env, exports, "correlationLookupGradient", lookupGradient);
}

}  // namespace motioncue
