// Bilinear reading of images at points, and its gradient to both. Outside an image lie zeros, into which the border pixels fade over
// one pixel; (0,0) is the centre of the top-left pixel. At whole coordinates the slope is the one to the right and below.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

struct Reading {
  at::Tensor field, points;
  int64_t batch, height, width, channels, count;
  // field [B,H,W,C], points [B,N,2]
  Reading(const at::Tensor& f, const at::Tensor& p) : field(f.contiguous()), points(p.contiguous()) {
    if (field.dim() != 4 || points.dim() != 3 || points.size(2) != 2 || field.size(0) != points.size(0))
      throw std::runtime_error("sampleImages: expected images [B,H,W,C] and points [B,N,2]");
    batch = field.size(0), height = field.size(1), width = field.size(2), channels = field.size(3), count = points.size(1);
  }
};

// The four pixels around a point: -1 where there is none.
struct Corners {
  int64_t pixel[4];  // top left, top right, bottom left, bottom right
  float x, y;        // fractions
  bool finite;
};

Corners cornersAt(const Reading& r, int64_t image, const float* point) {
  const float left = std::floor(point[0]), top = std::floor(point[1]);
  Corners c{{-1, -1, -1, -1}, point[0] - left, point[1] - top, false};
  c.finite = c.x == c.x && c.y == c.y;
  if (!c.finite) return c;
  for (int k = 0; k < 4; k++) {
    const float column = left + static_cast<float>(k & 1), row = top + static_cast<float>(k >> 1);
    if (column < 0 || column >= static_cast<float>(r.width) || row < 0 || row >= static_cast<float>(r.height)) continue;
    c.pixel[k] = (image * r.height + static_cast<int64_t>(row)) * r.width + static_cast<int64_t>(column);
  }
  return c;
}

// sampleImages(field [B,H,W,C], points [B,N,2]) -> [B,N,C]
napi_value sampleImages(const Arguments& in) {
  const Reading r(in.tensor(0), in.tensor(1));
  auto out = at::zeros({r.batch, r.count, r.channels}, r.field.options());
  const float *field = r.field.data_ptr<float>(), *points = r.points.data_ptr<float>();
  float* target = out.data_ptr<float>();
  at::parallel_for(0, r.batch * r.count, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++) {
      const Corners c = cornersAt(r, n / r.count, points + 2 * n);
      float* to = target + n * r.channels;
      if (!c.finite) std::fill(to, to + r.channels, std::numeric_limits<float>::quiet_NaN());
      for (int k = 0; k < 4; k++) {
        if (c.pixel[k] < 0) continue;
        const float weight = (k & 1 ? c.x : 1 - c.x) * (k >> 1 ? c.y : 1 - c.y);
        const float* from = field + c.pixel[k] * r.channels;
        for (int64_t i = 0; i < r.channels; i++) to[i] += weight * from[i];
      }
    }
  });
  return result(in.env, out);
}

// sampleImagesGradient(dy [B,N,C], field, points, wantsField, wantsPoints) -> [dField] or [dPoints]: the one of the two that is wanted
napi_value sampleImagesGradient(const Arguments& in) {
  const auto dy = in.tensor(0).contiguous();
  const Reading r(in.tensor(1), in.tensor(2));
  if (dy.numel() != r.batch * r.count * r.channels) throw std::runtime_error("sampleImagesGradient: the gradient has another size");
  const float *field = r.field.data_ptr<float>(), *points = r.points.data_ptr<float>(), *gradient = dy.data_ptr<float>();
  if (in.boolean(3)) {
    auto dField = at::zeros(r.field.sizes(), r.field.options());
    float* target = dField.data_ptr<float>();
    // Points of one image may meet in a pixel, so an image is one thread's.
    at::parallel_for(0, r.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin * r.count; n < end * r.count; n++) {
        const Corners c = cornersAt(r, n / r.count, points + 2 * n);
        for (int k = 0; k < 4; k++) {
          if (c.pixel[k] < 0) continue;
          const float weight = (k & 1 ? c.x : 1 - c.x) * (k >> 1 ? c.y : 1 - c.y);
          for (int64_t i = 0; i < r.channels; i++) target[c.pixel[k] * r.channels + i] += weight * gradient[n * r.channels + i];
        }
      }
    });
    return result(in.env, dField);
  }
  auto dPoints = at::empty(r.points.sizes(), r.points.options());
  float* target = dPoints.data_ptr<float>();
  at::parallel_for(0, r.batch * r.count, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++) {
      const Corners c = cornersAt(r, n / r.count, points + 2 * n);
      float along[2] = {0, 0};
      for (int k = 0; k < 4; k++) {
        if (c.pixel[k] < 0) continue;
        float product = 0;
        for (int64_t i = 0; i < r.channels; i++) product += field[c.pixel[k] * r.channels + i] * gradient[n * r.channels + i];
        along[0] += (k & 1 ? 1 : -1) * (k >> 1 ? c.y : 1 - c.y) * product;
        along[1] += (k >> 1 ? 1 : -1) * (k & 1 ? c.x : 1 - c.x) * product;
      }
      for (int a = 0; a < 2; a++) target[2 * n + a] = c.finite ? along[a] : std::numeric_limits<float>::quiet_NaN();
    }
  });
  return result(in.env, dPoints);
}

}  // namespace

void defineSampling(napi_env env, napi_value exports) {
  define(env, exports, "sampleImages", sampleImages);
  define(env, exports, "sampleImagesGradient", sampleImagesGradient);
}

}  // namespace motioncue
